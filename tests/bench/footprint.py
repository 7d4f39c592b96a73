"""e. What the one process takes of a machine."""

import time
from typing import Final

import psutil

from deploy.local.process import LOOPBACK, free_port
from deploy.local.stack import answers
from tests.bench.bench import Bench
from tests.bench.results import Wanted

START_TIMEOUT_SECONDS: Final = 60


def measure(bench: Bench) -> None:
    """The first start makes the databases, the next ones find them."""
    first, next_ones, memory = [], [], []
    with bench.progress("e. standalone", bench.options.repeats) as progress:
        for _ in range(bench.options.repeats):
            home = str(bench.new_folder("home"))
            first.append(start(bench, home)[0])
            seconds, megabytes = start(bench, home)
            next_ones.append(seconds)
            memory.append(megabytes)
            progress.update()
    bench.results.add("standalone.first_start", first, "s")
    bench.results.add("standalone.start", next_ones, "s")
    bench.results.add("standalone.memory", memory, "MB", wanted=Wanted("<=", 300))


def start(bench: Bench, home: str) -> tuple[float, float]:
    """Seconds until it is ready, and its resident memory in MB then."""
    port = free_port()
    began = time.perf_counter()
    child = bench.start("dure", "serve", environment={"DURE_HOME": home, "PORT": str(port)})
    try:
        child.wait_until(lambda: answers(f"http://{LOOPBACK}:{port}/readyz"), timeout_seconds=START_TIMEOUT_SECONDS)
        return time.perf_counter() - began, psutil.Process(child.pid).memory_info().rss / 10**6
    finally:
        child.stop()
