"""The local stack's promise about processes: restarted while it runs, none left when it ends however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.process import PROJECT, Child, ProcessFailed, free_port, is_listening
from deploy.local.supervisor import Program, Supervisor

TIMEOUT_SECONDS = 30
# A server that forks a worker, as gunicorn does; both hold the port.
FORKING_SERVER = """
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.fork()
while True:
    time.sleep(60)
"""
OWNER = """
import sys, time
from pathlib import Path
from deploy.local.process import sigterm_interrupts
from deploy.local.supervisor import Program, Supervisor

program = Program("server", (sys.executable, "-c", sys.argv[2], sys.argv[3]), {})
supervisor = Supervisor([program], Path(sys.argv[1]))
with sigterm_interrupts():
    supervisor.start()
    try:
        time.sleep(600)
    finally:
        supervisor.stop()
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def supervisor(tmp_path: Path, port: int) -> Iterator[Supervisor]:
    arguments = (sys.executable, "-c", FORKING_SERVER, str(port))
    supervisor = Supervisor([Program("server", arguments, dict(os.environ))], tmp_path)
    supervisor.start()
    wait_until(lambda: is_listening(port))
    yield supervisor
    supervisor.stop()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def processes_with(argument: str) -> list[int]:
    """Those that run with `argument`, ended ones that nobody has noticed yet left out."""
    found = psutil.process_iter(["cmdline", "status"])
    return [
        process.pid
        for process in found
        if process.info["status"] != psutil.STATUS_ZOMBIE and argument in (process.info["cmdline"] or ())
    ]


def test_a_program_that_is_killed_is_started_again(supervisor: Supervisor, port: int) -> None:
    supervisor.kill("server")
    wait_until(lambda: supervisor.starts["server"] == 2 and is_listening(port))


def test_a_worker_that_lost_its_master_does_not_keep_the_port_from_the_next(supervisor: Supervisor, port: int) -> None:
    wait_until(lambda: len(processes_with(str(port))) == 2)
    os.kill(supervisor.children["server"].pid, signal.SIGKILL)  # the master alone, behind the supervisor's back
    wait_until(lambda: supervisor.starts["server"] == 2 and len(processes_with(str(port))) == 2)
    assert is_listening(port)


def test_stopping_ends_programs_with_all_their_processes(supervisor: Supervisor, port: int) -> None:
    supervisor.pause("server")  # a frozen program must not hold up the end
    supervisor.stop()
    assert processes_with(str(port)) == []
    assert not is_listening(port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_owner_is_interrupted(tmp_path: Path, port: int, number: signal.Signals) -> None:
    owner = start_owner(tmp_path, port)
    owner.send_signal(number)
    owner.wait(TIMEOUT_SECONDS)
    assert processes_with(str(port)) == []
    assert not is_listening(port)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_programs_end_with_an_owner_that_is_killed(tmp_path: Path, port: int) -> None:
    owner = start_owner(tmp_path, port)
    [server, worker] = sorted(processes_with(str(port)))[-2:]
    owner.kill()
    owner.wait(TIMEOUT_SECONDS)
    wait_until(lambda: server not in processes_with(str(port)))
    # A worker whose master is gone is the program's own business: gunicorn's leave within a second.
    os.kill(worker, signal.SIGKILL)


def start_owner(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", OWNER, str(folder), FORKING_SERVER, str(port)]
    owner = subprocess.Popen(command, cwd=PROJECT, preexec_fn=heed_interrupts)  # noqa: PLW1509 - it takes no lock
    wait_until(lambda: is_listening(port) and len(processes_with(str(port))) == 3)  # the owner names the port as well
    return owner


def heed_interrupts() -> None:
    """A shell starts background jobs with SIGINT ignored, and the tests may be one."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_child_that_ends_early_is_reported_with_its_last_words(tmp_path: Path) -> None:
    child = Child([sys.executable, "-c", "raise SystemExit('no room for the shelter')"], log=tmp_path / "log")
    with pytest.raises(ProcessFailed, match="no room for the shelter"):
        child.wait_until(lambda: False, timeout_seconds=TIMEOUT_SECONDS)
