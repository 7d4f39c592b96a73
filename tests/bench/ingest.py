"""a. The ledger's posting beside a bare COPY of its rows, a transaction per event, and itself without Kafka."""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from services.ledger import consumers, store
from services.ledger.app import create_reader
from shared.bus import Bus, Delivery, Record, open_bus
from shared.clock import SystemClock
from shared.db import Database, bulk_insert, is_among
from shared.events import Event
from tests.bench import facts
from tests.bench.bench import Bench
from tests.bench.ledgers import batches, empty_ledger, inbox_of
from tests.bench.results import Wanted

COPIED = (store.inbox.events, store.journal_lines, store.journal_entries, store.mentions)
PUBLISHED_AT_ONCE = 2000

Rows = list[tuple[Any, ...]]
Chunk = list[tuple[sa.Table, list[str], Rows]]


def measure(bench: Bench) -> None:
    amounts = bench.options.amounts
    deliveries = list(facts.deliveries(amounts.events, itertools.chain(facts.names(), facts.mix())))
    bus = open_bus(bench.bus_url, partitions=1)
    publish(bus, deliveries)
    prepared = list(batches(deliveries))
    chunks = copied_chunks(bench, prepared)
    ways: dict[str, Callable[[], float]] = {
        "kafka": lambda: from_kafka(bench, bus, len(deliveries)),
        "inbox": lambda: through_inbox(bench, prepared),
        "copy": lambda: by_copy(bench, chunks, len(deliveries), with_triggers=False),
        "copy_with_triggers": lambda: by_copy(bench, chunks, len(deliveries), with_triggers=True),
        "single": lambda: through_inbox(bench, [[one] for one in deliveries[: amounts.single_events]]),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    with bench.progress("a. ledger ingest", bench.options.repeats * len(ways)) as progress:
        for _ in range(bench.options.repeats):
            for name, run in ways.items():
                rates[name].append(run())
                progress.update()
    wanted = {"copy": Wanted(">=", 0.6), "single": Wanted(">=", 15), "inbox": Wanted(">=", 0.7)}
    bench.results.add("ingest.kafka", rates["kafka"], "events/s")
    for name in ("copy", "copy_with_triggers", "single", "inbox"):
        bench.results.add(f"ingest.{name}", rates[name], "events/s")
        bench.results.add(
            f"ingest.kafka_beside_{name}", rates["kafka"], "events/s", beside=rates[name], wanted=wanted.get(name)
        )


def publish(bus: Bus, deliveries: Sequence[Delivery]) -> None:
    bus.create_topics(consumers.TOPICS)
    producer = bus.producer()
    try:
        records = [Record(delivery.topic, delivery.key, delivery.value) for delivery in deliveries]
        while records:
            del records[: producer.send(records[:PUBLISHED_AT_ONCE])]
    finally:
        producer.close()


def from_kafka(bench: Bench, bus: Bus, count: int) -> float:
    """Events per second from the first batch to the last, after the reader has been given its partitions."""
    with empty_ledger(bench.new_database_url()) as database:
        reader = create_reader(database, bus, SystemClock())
        try:
            while not reader.assigned:
                reader.run_once(timeout_seconds=0.1)
            started, left = time.perf_counter(), count
            while left > 0:
                left -= reader.run_once(timeout_seconds=1)
            return count / (time.perf_counter() - started)
        finally:
            reader.close()


def through_inbox(bench: Bench, prepared: Sequence[Sequence[Delivery]]) -> float:
    with empty_ledger(bench.new_database_url()) as database:
        inbox = inbox_of(database)
        started = time.perf_counter()
        for batch in prepared:
            inbox.take(batch)
        return sum(map(len, prepared)) / (time.perf_counter() - started)


def copied_chunks(bench: Bench, prepared: Sequence[Sequence[Delivery]]) -> list[Chunk]:
    """The rows the ledger writes for each batch, as Python values; the balances, which batches share, at the end."""
    with empty_ledger(bench.new_database_url()) as database:
        inbox = inbox_of(database)
        for batch in prepared:
            inbox.take(batch)
        with database.read() as tx:
            chunks = [[rows_of(tx, table, batch) for table in COPIED] for batch in prepared]
            chunks.append([rows_of(tx, store.balances, None)])
    return chunks


def rows_of(tx: sa.Connection, table: sa.Table, batch: Sequence[Delivery] | None) -> tuple[sa.Table, list[str], Rows]:
    columns = [column for column in table.c if column.name != "number"]
    query = sa.select(*columns).order_by(*table.primary_key.columns)
    if batch is not None:
        ids = [Event.from_bytes(delivery.value).id for delivery in batch]
        query = query.where(is_among(tx.dialect.name, table.c.event_id, ids))
    return table, [column.name for column in columns], [tuple(row) for row in tx.execute(query)]


def by_copy(bench: Bench, chunks: list[Chunk], count: int, *, with_triggers: bool) -> float:
    """The same rows into the same indexed tables, a transaction per batch as well."""
    with empty_ledger(bench.new_database_url()) as database:
        started = time.perf_counter()
        for chunk in chunks:
            copy_chunk(database, chunk, with_triggers=with_triggers)
        return count / (time.perf_counter() - started)


def copy_chunk(database: Database, chunk: Chunk, *, with_triggers: bool) -> None:
    with database.write() as tx:
        if not with_triggers:
            tx.execute(sa.text("SET LOCAL session_replication_role = replica"))  # neither guards nor foreign keys
        for table, columns, rows in chunk:
            bulk_insert(tx, table, columns, rows)
