"""Disks that can be filled: file systems of a limited size in memory, mounted where this process alone sees them.

They live in a mount namespace of their own, so even after kill -9 nothing stays mounted.
"""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.chaos.namespaces import CLONE_NEWNS, NoNamespaces, unshare

SIZE: Final = "1g"  # a run of a thousand faults writes less than half of it
BALLAST: Final = "ballast"
BLOCK: Final = bytes(1 << 20)
COMMAND_TIMEOUT_SECONDS: Final = 10


class Disks:
    """Fills and frees what is mounted at some folders. Make it before any thread: a namespace belongs to a thread."""

    def __init__(self) -> None:
        """Gives this process mounts of its own. Raises NoNamespaces."""
        if sys.platform != "linux" or not all(map(shutil.which, ("mount", "umount"))):
            raise NoNamespaces("they need Linux with mount (util-linux)")
        unshare(CLONE_NEWNS)
        self.folders: list[Path] = []
        _run("mount", "--make-rprivate", "/")  # what is mounted from here on stays here

    def mount(self, folders: Sequence[Path]) -> None:
        """Put a disk under each of these folders, which need not exist. Raises NoNamespaces."""
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            _run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "dure-chaos", str(folder))
            self.folders.append(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self.folders:
            _run("umount", "--lazy", str(self.folders.pop()))

    def fill(self, folder: Path) -> None:
        """Leave not a page free, although others write at the same time."""
        with (folder / BALLAST).open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(BLOCK)  # a part of it where there is no room for all

    def free(self, folder: Path) -> None:
        (folder / BALLAST).unlink()


def _run(*command: str) -> None:
    """Raises NoNamespaces."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_SECONDS, check=False)
    if done.returncode:
        raise NoNamespaces(f"{command[0]}: {done.stderr.strip()}")
