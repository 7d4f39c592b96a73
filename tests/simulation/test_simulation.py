"""Hundreds of short lives of the whole system, and the proof that a broken system would not survive them."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.simulation import files
from tests.simulation.actions import Ask
from tests.simulation.lives import Workshop, replay, simulate, workshop
from tests.simulation.plants import PLANTS, planted
from tests.simulation.run import Report
from tests.simulation.shrink import shrink
from tests.simulation.story import lines, short_story

ROOT = Path(__file__).parents[2]
SEEDS, STEPS = 200, 45
PLANT_SEEDS, PLANT_STEPS = 60, 150  # every plant is found well before that: see `make simulate PLANT=…`


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    with workshop() as opened:
        yield opened


def first_broken(shop: Workshop, seeds: range, steps: int) -> tuple[int, Report] | None:
    for seed in seeds:
        report = simulate(shop, seed, steps)
        if report.broken:
            return seed, report
    return None


@pytest.mark.parametrize("first", range(1, SEEDS + 1, 25))
def test_every_law_holds_in_every_short_life(shop: Workshop, first: int) -> None:
    found = first_broken(shop, range(first, first + 25), STEPS)
    assert found is None, "\n".join(["", f"make simulate SEED={found[0]} STEPS={STEPS}", *lines(found[1])])


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_mistake_is_found(shop: Workshop, plant: str) -> None:
    with planted(plant):
        assert first_broken(shop, range(1, PLANT_SEEDS + 1), PLANT_STEPS)


def test_a_seed_tells_the_same_story_every_time(shop: Workshop) -> None:
    first, second = (simulate(shop, 5, 80) for _ in range(2))
    assert lines(first) == lines(second)
    assert len(first.actions) >= 80


def test_recorded_actions_replay_as_they_were(shop: Workshop) -> None:
    lived = simulate(shop, 6, 60)
    assert lines(replay(shop, lived.actions)) == lines(lived)


def test_a_failure_is_shrunk_to_a_short_story(shop: Workshop) -> None:
    with planted("personal-data-in-event"):
        found = first_broken(shop, range(1, PLANT_SEEDS + 1), PLANT_STEPS)
        assert found
        seed, report = found
        fewest = shrink(report.actions, lambda actions: replay(shop, actions).broken is not None, most_replays=200)
        short = replay(shop, fewest)
    # A sign-up needs a task that another manager approved, with a shift.
    assert [action.request.op for action in short.actions if isinstance(action, Ask)] == [
        "propose_task",
        "approve_task",
        "open_shift",
        "sign_up",
    ]
    command = f"make simulate SEED={seed}"
    story = short_story(short, report, seed=seed, command=command)
    assert "personal data stays home" in story
    assert command in story


@pytest.mark.parametrize("percent", [0, 3, 50, 97, 100])
def test_a_torn_transaction_is_in_the_file_and_not_in_the_database(tmp_path: Path, percent: int) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE kept (value)")
        database.execute("INSERT INTO kept VALUES (1)")
        database.commit()
        before = (tmp_path / "a.db-wal").stat().st_size
        torn = files.half_written(path, percent)
    assert (len(torn[tmp_path / "a.db-wal"]) > before) is (percent > 0)
    files.put_back(torn)
    assert not files.shows_half(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT value FROM kept").fetchall() == [(1,)]


def simulation(**settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.simulation"]
    environment = {**os.environ, **settings}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("name", "value", "range_"),
    [
        ("SEED", "-1", "0 to 4294967295"),
        ("SEED", "first", "0 to 4294967295"),
        ("STEPS", "0", "1 to 1000000"),
        ("STEPS", "1.5", "1 to 1000000"),
        ("SEEDS", "0", "1 to 1000000"),
        ("PLANT", "no-such-mistake", "seat-freed-twice"),
    ],
)
def test_bad_input_names_the_valid_range(name: str, value: str, range_: str) -> None:
    answer = simulation(**{name: value})
    assert answer.returncode == 2
    assert f"{name}={value!r}" in answer.stderr
    assert range_ in answer.stderr


def test_the_plants_are_listed() -> None:
    answer = simulation(PLANT="list")
    assert answer.returncode == 0
    assert answer.stdout.split() == list(PLANTS)


def test_a_planted_mistake_ends_with_its_story_and_exit_code_1() -> None:
    answer = simulation(PLANT="personal-data-in-event", SEEDS="20", STEPS="60")
    assert answer.returncode == 1
    assert "breaks a law at step" in answer.stdout
    assert "Again: make simulate SEED=" in answer.stdout
    assert "PLANT=personal-data-in-event" in answer.stdout


def test_a_run_without_a_break_says_so() -> None:
    answer = simulation(SEED="3", STEPS="20")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "1 seeds, 21 steps" in answer.stdout


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_leaves_no_files_behind(how: signal.Signals) -> None:
    def left() -> set[Path]:
        folders = [Path(tempfile.gettempdir()), Path("/dev/shm")]
        return {path for folder in folders if folder.is_dir() for path in folder.glob("dure-simulation-*")}

    before = left()
    environment = {**os.environ, "SEEDS": "1000", "STEPS": "1000"}
    command = [sys.executable, "-m", "tests.simulation"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 30
        while not any((folder / "template").is_dir() and len(list(folder.iterdir())) > 1 for folder in left() - before):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(how)
        process.wait(timeout=30)
    assert process.returncode in (130, 143)
    assert left() - before == set()
