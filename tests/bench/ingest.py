"""a. The ledger's posting beside a bare COPY of its rows, a transaction per event, and itself without Kafka."""

import itertools
import time
from collections.abc import Callable, Sequence

from services.ledger import consumers, operations
from services.ledger.app import create_reader
from shared.bus import Bus, Delivery, Record, open_bus
from shared.clock import SystemClock
from tests.bench import facts
from tests.bench.bench import Bench
from tests.bench.copying import by_copy, copied_chunks
from tests.bench.ledgers import batches, empty_ledger
from tests.bench.results import Wanted

PUBLISHED_AT_ONCE = 2000


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
        "copy": lambda: by_copy(bench, chunks, len(deliveries)),
        "copy_with_triggers": lambda: by_copy(bench, chunks, len(deliveries), with_triggers=True),
        "single": lambda: through_inbox(bench, [[one] for one in deliveries[: amounts.single_events]]),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    with bench.progress("a. ledger ingest", bench.options.repeats * len(ways)) as progress:
        for _ in range(bench.options.repeats):
            for name, run in ways.items():
                rates[name].append(run())
                progress.update()
    wanted = {"copy": Wanted(">=", 0.35), "single": Wanted(">=", 15), "inbox": Wanted(">=", 0.7)}
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
        inbox = operations.inbox_of(database, SystemClock())
        started = time.perf_counter()
        for batch in prepared:
            inbox.take(batch)
        return sum(map(len, prepared)) / (time.perf_counter() - started)
