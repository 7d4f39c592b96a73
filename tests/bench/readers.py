"""e. What more readers of the ledger bring, as processes of their own, beside a bare COPY of the same rows."""

import contextlib
import itertools
import time
from typing import Final

import sqlalchemy as sa
from kafka.admin import KafkaAdminClient

from services.ledger import consumers, store
from shared.bus import open_bus
from shared.db import Database
from tests.bench import facts
from tests.bench.bench import Bench
from tests.bench.copying import by_copy, copied_chunks
from tests.bench.ingest import publish
from tests.bench.ledgers import batches, empty_ledger
from tests.bench.results import Wanted

CONSUMED_WITHIN_SECONDS: Final = 600
SAMPLE_SECONDS: Final = 0.05
WANTED: Final = {2: Wanted(">=", 0.55)}


def measure(bench: Bench) -> None:
    counts, repeats = bench.options.amounts.consumers, bench.options.repeats
    count = bench.options.amounts.consumer_events
    deliveries = list(facts.deliveries(count, itertools.chain(facts.names(), facts.mix())))
    chunks = copied_chunks(bench, batches(deliveries))
    rates: dict[int, list[float]] = {readers: [] for readers in counts}
    copied: dict[int, list[float]] = {readers: [] for readers in counts}
    with bench.progress("e. consumers", repeats * len(counts)) as progress:
        for readers in counts:
            empty_topics(bench)
            publish(open_bus(bench.bus_url, partitions=readers), deliveries)
            for _ in range(repeats):
                rates[readers].append(consume(bench, readers))
                copied[readers].append(by_copy(bench, chunks, count))
                progress.update()
    for readers in counts:
        name, beside = f"consumers.{readers}", rates[counts[0]] if readers != counts[0] else None
        bench.results.add(name, rates[readers], "events/s", beside=beside)
        bench.results.add(
            f"{name}_beside_copy", rates[readers], "events/s", beside=copied[readers], wanted=WANTED.get(readers)
        )


def empty_topics(bench: Bench) -> None:
    """Whatever was on the topics is gone, their number of partitions included."""
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=bench.kafka.bootstrap)) as admin:
        known = sorted(set(consumers.TOPICS) & set(admin.list_topics()))
        admin.delete_topics(known)
        while set(known) & set(admin.list_topics()):
            time.sleep(SAMPLE_SECONDS)


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
    query = sa.select(sa.func.coalesce(sa.func.sum(store.inbox.positions.c.next_offset), 0))
    deadline = time.perf_counter() + CONSUMED_WITHIN_SECONDS
    while time.perf_counter() < deadline:
        with database.read() as tx:
            taken = int(tx.execute(query).scalar_one())
        if taken >= count:
            return time.perf_counter(), taken
        time.sleep(SAMPLE_SECONDS)
    raise TimeoutError(f"{count} events were not taken within {CONSUMED_WITHIN_SECONDS} s")
