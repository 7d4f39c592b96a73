"""The benchmark itself: every part runs at a toy size and leaves nothing behind. No speed is asserted."""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from deploy.local.process import PROJECT, is_listening, open_directory, sigterm_interrupts
from tests.bench.__main__ import MEASURES, RESULTS
from tests.bench.bench import Bench
from tests.bench.options import Amounts, BadOption, Options, read_options
from tests.bench.results import Measure, Results, Wanted, percentile
from tests.real_stack import listening_ports, provisioned

TOY = Amounts(
    events=300,
    single_events=20,
    requests=8,
    clients=2,
    lots=20,
    systems=("embedded", "real"),
    samples=2,
    consumer_events=400,
    consumers=(1,),
    views=1,
    lines=500,
)
EXPECTED = {
    "a": {"ingest.kafka", "ingest.kafka_beside_copy", "ingest.kafka_beside_single", "ingest.kafka_beside_inbox"},
    "b": {
        "lots.20",
        *(
            f"writes.{kind}{figure}"
            for kind in ("shipment", "commitment", "sign_up")
            for figure in ("", ".p50", ".p99")
        ),
    },
    "c": {f"latency.{system}.{percent}" for system in ("embedded", "real") for percent in ("p50", "p99")},
    "d": {
        f"growth.{page}.{size}"
        for page in ("execution", "execution_known_at", "stock", "roster", "trace")
        for size in (180, 360)
    },
    "e": {"standalone.start", "standalone.memory", "consumers.1", "consumers.1_beside_copy"},
    "f": {f"dimensions.{figure}.interned" for figure in ("copy", "size", "query")},
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """One for all parts, so that the real parts start once."""
    options = Options(repeats=1, sizes=(180, 360), amounts=TOY)
    with sigterm_interrupts(), open_directory("dure-bench-test-") as directory, ExitStack() as parts:
        yield Bench(options, directory, parts)


@pytest.mark.parametrize("part", sorted(MEASURES))
def test_every_part_gives_finite_figures_at_a_toy_size(bench: Bench, part: str, tmp_path: Path) -> None:
    bench.results = Results()
    with provisioned(f"part {part} of the benchmark"):
        for measure in MEASURES[part]:
            measure(bench)
    bench.results.write(tmp_path / "results.json", {})
    measures = json.loads((tmp_path / "results.json").read_text())["measures"]
    assert EXPECTED[part] <= set(measures)
    for figures in measures.values():
        assert set(figures) == {"median", "spread", "unit", "ratio", "wanted", "met"}
        assert all(math.isfinite(figures[name] or 0) for name in ("median", "spread", "ratio"))
    assert bench.results.table().count("\n") == len(measures) + 1


@pytest.mark.parametrize(
    ("key", "value", "range_"),
    [
        ("ONLY", "a,g", "a, b, c, d, e, f"),
        ("ONLY", "ab", "a, b, c, d, e, f"),
        ("REPEATS", "0", "1 to 100"),
        ("REPEATS", "many", "1 to 100"),
        ("SIZE", "5", "10000, 100000, 1000000, 10000000"),
    ],
)
def test_a_wrong_value_is_answered_with_the_valid_range(key: str, value: str, range_: str) -> None:
    with pytest.raises(BadOption, match=f"^{key}='{value}' .*{range_}"):
        read_options({key: value})


def test_a_wrong_value_ends_the_command_with_2() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.bench"],
        env={**os.environ, "ONLY": "z"},
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    assert finished.returncode == 2
    assert b"ONLY='z'" in finished.stderr
    assert b"Traceback" not in finished.stderr


def test_values_choose_parts_repeats_and_sizes() -> None:
    assert read_options({}) == Options()
    chosen = read_options({"ONLY": "c,a", "REPEATS": "3", "SIZE": "1000000"})
    assert (chosen.only, chosen.repeats, chosen.sizes) == ("ac", 3, (10_000, 100_000, 1_000_000))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_benchmark_leaves_no_process_port_or_file(tmp_path: Path, name: str) -> None:
    tmp_path.chmod(0o755)
    with open_directory("dure-bench-stop-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench"],
            env={**os.environ, "ONLY": "d", "TMPDIR": str(folder)},
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        before = RESULTS.stat() if RESULTS.exists() else None
        children = running_server(process)
        ports = listening_ports(children)
        process.send_signal(signal.Signals[name])
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130, said.decode()
        assert not psutil.wait_procs(children, timeout=10)[1]
        assert ports
        assert not any(map(is_listening, ports))
        assert list(folder.iterdir()) == []
        assert (RESULTS.stat() if RESULTS.exists() else None) == before


def running_server(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The benchmark's children, once a database server with its own children is among them and listens."""
    started = psutil.Process(process.pid)
    while process.poll() is None:
        children: list[psutil.Process] = started.children(recursive=True)
        if len(children) > 2 and listening_ports(children):
            return children
    pytest.skip(f"nothing was started: {(process.stderr.read() if process.stderr else b'').decode()}")


def test_a_ratio_is_the_median_over_repeats_that_ran_side_by_side() -> None:
    results = Results()
    results.add("fast", [10, 40, 30], "events/s", beside=[10, 10, 10], wanted=Wanted(">=", 2.5))
    measure = results.measures["fast"]
    assert (measure.median, measure.spread, measure.ratio, measure.is_met) == (30, 30, 3, True)


def test_without_a_ratio_the_bound_is_on_the_median() -> None:
    assert Measure([0.2, 3.0, 0.4], "s", wanted=Wanted("<=", 1)).is_met
    assert Measure([1.5], "s", wanted=Wanted("<=", 1)).is_met is False


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile(range(1, 101), 99) == 99
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([5], 99) == 5
