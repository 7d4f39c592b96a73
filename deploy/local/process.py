"""Child processes that never outlive this one, and the few things every local part needs around them."""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import psutil

PROJECT: Final = Path(__file__).parents[2]
LOOPBACK: Final = "127.0.0.1"
POLL_SECONDS: Final = 0.05
LOG_TAIL_BYTES: Final = 2_000
KILL_TIMEOUT_SECONDS: Final = 10
# Below the range from which Linux picks the source ports of outgoing connections (32768 and up). A client that keeps
# reconnecting to a dead server on a port of that range can be given the very same port and then talks to itself.
FIRST_PORT: Final = 20_000
LAST_PORT: Final = 32_000

PR_SET_PDEATHSIG: Final = 1
# Loaded here and not in the child: between fork and exec only calls that take no lock are safe.
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class Unavailable(Exception):
    """This machine lacks what the part needs; the message says what and how to get it."""


class ProcessFailed(Exception):
    """A child ended or did not become ready in time; the message carries the end of its log."""


class Child:
    """One running process with its log file. `stop` or `kill` leaves nothing of its process tree behind.

    Three nets keep it from outliving this process: the owner's `finally` stops it; on Linux the kernel sends it
    `death_signal` should this process die without a word (kill -9); and it runs in a session of its own, so that
    Ctrl-C in a terminal reaches only this process, which then stops its children in the right order.

    The kernel watches the *thread* that started the child: start children from a thread that lives as long as they do.
    """

    def __init__(
        self,
        arguments: Sequence[str | Path],
        *,
        log: Path,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = Path(arguments[0]).name
        self._ending = threading.Lock()
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.log_start = output.tell()
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments],
                cwd=directory,
                env=dict(os.environ if environment is None else environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=None if user is None else primary_group(user),
                extra_groups=None if user is None else [],
                preexec_fn=_die_with_parent(os.getpid(), death_signal),  # noqa: PLW1509 - it takes no lock
            )
        self._root = psutil.Process(self.process.pid)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        # Asked without reaping: the id of an ended child stays ours until `kill` has cleaned up behind it.
        return self.process.returncode is None and _is_alive(self._root)

    def output(self) -> str:
        """What this process wrote so far, without what earlier ones wrote to the same log."""
        with self.log.open("rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")

    def wait_until(self, is_ready: Callable[[], bool], *, timeout_seconds: float) -> None:
        """Return once `is_ready()`. Raises ProcessFailed if the process ends first or the time is up."""
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            if not self.is_running:
                self.kill()
                raise ProcessFailed(f"{self.name} ended with {self.process.returncode}:\n{self._log_tail()}")
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.name} is not ready after {timeout_seconds} s:\n{self._log_tail()}")
            time.sleep(POLL_SECONDS)

    def stop(self, *, timeout_seconds: float = 20, stop_signal: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end and wait; kill what is left after the time-out."""
        if self.is_running:
            self.ask_to_stop(stop_signal)
        deadline = time.monotonic() + timeout_seconds
        while self.is_running and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self.kill()

    def ask_to_stop(self, stop_signal: signal.Signals = signal.SIGTERM) -> None:
        """Send the signal and return at once."""
        self.resume()  # a frozen process would get the signal only when it runs again
        with self._ending:
            if self.process.returncode is None:
                os.kill(self.pid, stop_signal)

    def kill(self) -> None:
        """End it and its descendants at once, as a power cut would, and wait until they are gone.

        Works after it has ended as well: a server that crashed may have left workers behind.
        """
        with self._ending:
            if self.process.returncode is not None:
                return
            family = self._family()
            for member in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            deadline = time.monotonic() + KILL_TIMEOUT_SECONDS
            while any(map(_is_alive, family)) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
            self.process.wait()

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing is answered."""
        self._signal_family(psutil.Process.suspend)

    def resume(self) -> None:
        self._signal_family(psutil.Process.resume)

    def _signal_family(self, send: Callable[[psutil.Process], None]) -> None:
        with self._ending:
            for member in self._family() if self.process.returncode is None else ():
                with contextlib.suppress(psutil.NoSuchProcess):
                    send(member)

    def _family(self) -> list[psutil.Process]:
        """Itself, its descendants, and the members of its process group that have lost their parent."""
        family = {self._root}
        with contextlib.suppress(psutil.NoSuchProcess):
            family.update(self._root.children(recursive=True))
        for process in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(process.pid) == self.pid:
                    family.add(process)
        return sorted(family, key=lambda member: member != self._root)  # a parent that lives would replace the others

    def _log_tail(self) -> str:
        return self.output()[-LOG_TAIL_BYTES:]


def _die_with_parent(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def prepare() -> None:
        # Runs after the change of user, which would undo it. If the parent died before, nobody will send the signal.
        if _LIBC is not None:
            _LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def _is_alive(process: psutil.Process) -> bool:
    """Neither gone nor ended and waiting for its parent to notice."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def primary_group(user: str) -> int:
    import pwd  # noqa: PLC0415 - not on every platform, and needed only by root

    return pwd.getpwnam(user).pw_gid


def cache_directory() -> Path:
    """Where downloads are kept between runs, outside git."""
    return Path(os.environ.get("DURE_CACHE") or PROJECT / ".cache").resolve()


def free_port() -> int:
    """A loopback port nobody listens on now, outside the range of outgoing connections."""
    while True:
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 - any port will do
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # servers do so too
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


@contextlib.contextmanager
def open_directory(prefix: str = "dure-") -> Iterator[Path]:
    """A temporary directory every user may enter: PostgreSQL refuses to run as root, and root's own are closed."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Within the block SIGTERM acts like Ctrl-C, so that every `finally` runs; by default Python just ends."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can receive signals
        return
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
