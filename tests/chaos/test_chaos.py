"""Chaos in its short form, and the promises of the command itself: bounded, told apart, and leaving nothing behind."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from deploy.local.kafka import find_java, provision_jars
from deploy.local.postgres import find_binaries
from deploy.local.process import PROJECT, Unavailable, is_listening, open_directory
from deploy.local.redis import find_redis
from deploy.local.stack import find_program
from tests.chaos.faults import Kind, plan
from tests.chaos.record import Document, Record, Shipment, SignUp
from tests.chaos.verdict import differences
from tests.real_stack import listening_ports, provisioned

# An order whose first ten kinds are spread over all parts and take little time.
SHORT_FORM = {"FAULTS": "10", "SEED": "3121699"}
TIMEOUT_SECONDS = 240


@pytest.fixture
def _real_parts() -> None:
    with provisioned("the stack"):
        find_java()
        provision_jars()
        find_binaries()
        find_redis()
        find_program("caddy")


def start(choice: Mapping[str, str], folder: Path) -> subprocess.Popen[str]:
    """The command as `make chaos` runs it, with its temporary files below `folder`."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.chaos"],
        cwd=PROJECT,
        env={**os.environ, **choice, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.usefixtures("_real_parts")
def test_nothing_acknowledged_is_lost_or_doubled_by_ten_faults() -> None:
    with open_directory("dure-test-") as folder:
        running = start(SHORT_FORM, folder)
        try:
            said, complaints = running.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            end(running)
        assert running.returncode == 0, said + complaints
        assert "Nothing acknowledged is lost, nothing is doubled" in said
        total = re.search(r"^all +10 +(\d+) +(\d+\.\d) +(\d+\.\d)$", said, re.MULTILINE)
        assert total is not None, said
        assert int(total[1]) > 100, "there was a load"
        assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("_real_parts")
def test_an_interrupted_run_leaves_no_process_port_or_file() -> None:
    # In this network and not in one of its own, so that its ports can be seen from here.
    with open_directory("dure-test-") as folder:
        running = start({**SHORT_FORM, "PARTITION": "freeze"}, folder)
        try:
            family = wait_for("gunicorn", running)
            ports = listening_ports(family)
            assert ports, "something listens while it runs"
            running.send_signal(signal.SIGINT)
            _, complaints = running.communicate(timeout=60)
        finally:
            end(running)
        assert running.returncode == 130
        assert "everything that was started has ended" in complaints
        _, alive = psutil.wait_procs(family, timeout=5)
        assert alive == []
        assert [port for port in ports if is_listening(port)] == []
        assert list(folder.iterdir()) == []


# In a process of its own: mounts of its own are given to a thread, which cannot give them back.
FILLING = """
import sys
from pathlib import Path
from tests.chaos.disks import Disks
from tests.chaos.namespaces import NoNamespaces

def has_room(folder):
    try:
        (folder / "written").write_bytes(bytes(100))
    except OSError as error:
        return error.strerror
    return True

folder = Path(sys.argv[1])
try:
    with Disks() as disks:
        disks.mount([folder])
        print(has_room(folder))
        (folder / "written").unlink()
        disks.fill(folder)
        print(has_room(folder))
        disks.free(folder)
        print(has_room(folder))
except NoNamespaces as reason:
    sys.exit(str(reason))
"""


def test_a_filled_disk_takes_nothing_more_and_a_freed_one_does(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILLING, str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    with provisioned("A disk that can be filled"):
        if done.returncode:
            raise Unavailable(done.stderr.strip())
    assert done.stdout.splitlines() == ["True", os.strerror(errno.ENOSPC), "True"]
    assert list(tmp_path.iterdir()) == [], "what was mounted was seen by that process alone"


def wait_for(program: str, running: subprocess.Popen[str]) -> list[psutil.Process]:
    """All processes of the run, once `program` is among them and a port is open."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        family = psutil.Process(running.pid).children(recursive=True)
        is_there = any(program in argument for process in family for argument in command_of(process)[:2])
        if is_there and listening_ports(family):
            return family
        assert running.poll() is None, running.communicate()
        time.sleep(0.1)
    raise AssertionError(f"{program} did not start")


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def end(running: subprocess.Popen[str]) -> None:
    """Interrupt it if it still runs, so that a failed test leaves nothing behind either."""
    if running.poll() is None:
        running.send_signal(signal.SIGINT)
        try:
            running.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            running.kill()
            running.communicate()


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        ({"FAULTS": "0"}, "from 1 to 1000"),
        ({"FAULTS": "1001"}, "from 1 to 1000"),
        ({"FAULTS": "many"}, "FAULTS=many"),
        ({"SEED": "-1"}, "from 0 to 4294967295"),
        ({"SEED": "1.5"}, "SEED=1.5"),
        ({"SEED": "9" * 5000}, "from 0 to 4294967295"),
        ({"SEED": "²"}, "from 0 to 4294967295"),
        ({"PARTITION": "axe"}, "namespaces or freeze"),
        ({"FAULTS": "x", "SEED": "y"}, "SEED=y"),
    ],
)
def test_a_wrong_setting_is_told_with_its_valid_range(choice: dict[str, str], named: str, tmp_path: Path) -> None:
    running = start(choice, tmp_path)
    said, complaints = running.communicate(timeout=30)
    assert running.returncode == 2
    assert named in complaints
    assert said == ""
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_gives_the_same_faults_and_another_seed_another_order() -> None:
    assert plan(7, 50) == plan(7, 50)
    assert plan(7, 50) != plan(8, 50)


def test_a_hundred_faults_hit_every_kind_about_as_often() -> None:
    counts = Counter(fault.kind for fault in plan(1, 100))
    assert set(counts) == set(Kind)
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize(
    ("acknowledged", "found", "sentence"),
    [
        ({"a": 1}, {}, "lot a: acknowledged 1, found nothing"),
        ({}, {"a": 1}, "lot a: acknowledged nothing, found 1"),
        ({"a": 1}, {"a": 2}, "lot a: acknowledged 1, found 2"),
    ],
)
def test_what_is_lost_doubled_or_changed_is_a_finding(
    acknowledged: dict[str, int], found: dict[str, int], sentence: str
) -> None:
    assert list(differences("lot", acknowledged, found)) == [sentence]


def test_what_was_acknowledged_says_what_every_owner_has_to_count() -> None:
    record = Record(probes=2, lots={"lot-a": ("bedding", 10), "lot-b": ("bedding", 5)})
    record.documents["d"] = Document("relief", 1000, "committed", committed_won=1000, paid_won=600)
    record.shipments["s"] = Shipment("bedding", 12, {"lot-a": (10, 7), "lot-b": (2, 0)}, "dispatched", has_left=True)
    record.shipments["t"] = Shipment("bedding", 1, {"lot-b": (1, 0)})
    record.sign_ups |= {"x": SignUp("open", "confirmed"), "y": SignUp("open", "cancelled")}
    assert record.counts({"relief": 5000}) == {
        ("budget_line", "relief", "current_appropriation"): 5000,
        ("budget_line", "relief", "committed"): 1000,
        ("budget_line", "relief", "paid"): 600,
        ("budget_line", "probe", "current_appropriation"): 2,
        ("receipt", "lot-a", "delivered"): 7,
        ("receipt", "lot-b", "on_hand"): 3,
        ("receipt", "lot-b", "reserved"): 1,
        ("shift", "open", "taken"): 1,
    }


def test_many_differences_of_one_kind_are_counted() -> None:
    told = list(differences("lot", {str(number): 1 for number in range(9)}, {}))
    assert told[-1] == "lot: 4 more differ"
    assert len(told) == 6
