"""e. What the one process takes of a machine, and what more readers of the ledger bring."""

import contextlib
import itertools
import time
from typing import Final

import psutil
import sqlalchemy as sa
from kafka.admin import KafkaAdminClient

from deploy.local.process import LOOPBACK, free_port
from deploy.local.stack import answers
from services.ledger import consumers, store
from shared.bus import open_bus
from shared.db import Database
from tests.bench import facts
from tests.bench.bench import Bench
from tests.bench.ingest import publish
from tests.bench.ledgers import empty_ledger
from tests.bench.results import Wanted

START_TIMEOUT_SECONDS: Final = 60
CONSUMED_WITHIN_SECONDS: Final = 600
SAMPLE_SECONDS: Final = 0.05


def measure(bench: Bench) -> None:
    measure_standalone(bench)
    measure_consumers(bench)


def measure_standalone(bench: Bench) -> None:
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


def measure_consumers(bench: Bench) -> None:
    counts = bench.options.amounts.consumers
    rates: dict[int, list[float]] = {readers: [] for readers in counts}
    with bench.progress("e. consumers", bench.options.repeats * len(counts)) as progress:
        for readers in counts:
            publish_anew(bench, partitions=readers)
            for _ in range(bench.options.repeats):
                rates[readers].append(consume(bench, readers))
                progress.update()
    for readers in counts:
        beside = rates[counts[0]] if readers != counts[0] else None
        bench.results.add(f"consumers.{readers}", rates[readers], "events/s", beside=beside)


def publish_anew(bench: Bench, *, partitions: int) -> None:
    """The events on topics that have this many partitions; whatever was on them before is gone."""
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=bench.kafka.bootstrap)) as admin:
        known = sorted(set(consumers.TOPICS) & set(admin.list_topics()))
        admin.delete_topics(known)
        while set(known) & set(admin.list_topics()):
            time.sleep(SAMPLE_SECONDS)
    bus = open_bus(bench.bus_url, partitions=partitions)
    count = bench.options.amounts.consumer_events
    publish(bus, list(facts.deliveries(count, itertools.chain(facts.names(), facts.mix()))))


def consume(bench: Bench, readers: int) -> float:
    """Events per second over the middle of the run: at its beginning the readers are still joining."""
    url, count = bench.new_database_url(), bench.options.amounts.consumer_events
    environment = {
        "DURE_DATABASE_URL": url,
        "DURE_BUS_URL": bench.bus_url,
        "DURE_HOME": str(bench.new_folder("home")),
    }
    with empty_ledger(url) as database, contextlib.ExitStack() as running:
        for _ in range(readers):
            running.callback(bench.start("dure", "consume", "ledger", environment=environment).stop)
        began_at, began = wait_until_taken(database, count // 4)
        ended_at, ended = wait_until_taken(database, count)
        return (ended - began) / (ended_at - began_at) if ended > began else 0.0


def wait_until_taken(database: Database, count: int) -> tuple[float, int]:
    """When at least so many events were taken, and how many then. Raises TimeoutError."""
    query = sa.select(sa.func.coalesce(sa.func.sum(store.inbox.offsets.c.next_offset), 0))
    deadline = time.perf_counter() + CONSUMED_WITHIN_SECONDS
    while time.perf_counter() < deadline:
        with database.read() as tx:
            taken = int(tx.execute(query).scalar_one())
        if taken >= count:
            return time.perf_counter(), taken
        time.sleep(SAMPLE_SECONDS)
    raise TimeoutError(f"{count} events were not taken within {CONSUMED_WITHIN_SECONDS} s")
