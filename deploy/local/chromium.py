"""A Chromium to drive in tests: the machine's own, else Playwright's, else Debian's package."""

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.process import Unavailable

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
# Fonts are not installed: the portal serves its own web font.
ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",  # the sandbox does not work for root, which is who runs tests in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # A test talks to the machine it runs on and to nobody else.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
INSTALL_TIMEOUT_SECONDS: Final = 600


@dataclass(frozen=True)
class Chromium:
    executable: Path
    arguments: tuple[str, ...] = ARGUMENTS


@functools.cache
def find_chromium() -> Chromium:
    """A Chromium, installed from Debian's packages if there is none and this is root. Raises Unavailable."""
    executable = _on_path() or _playwrights() or _install()
    return Chromium(executable)


def _on_path() -> Path | None:
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


def _playwrights() -> Path | None:
    """The newest browser that `playwright install chromium` has put on this machine."""
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    found = sorted(folder.glob("chromium-*/chrome-linux*/chrome"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def _install() -> Path:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise Unavailable("there is no Chromium: install the system's package, or run as root where apt-get exists")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        result = subprocess.run(
            [apt, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_SECONDS,
            check=False,
        )
        if result.returncode != 0:
            raise Unavailable(f"apt-get {command[0]} failed: {result.stderr[-300:].strip()}")
    executable = _on_path()
    if executable is None:
        raise Unavailable("Debian's package chromium has put no browser on the PATH")
    return executable
