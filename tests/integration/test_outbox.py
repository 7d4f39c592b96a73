"""The relay publishes what was committed, in order, whatever happens between two steps."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from shared import outbox
from shared.bus import Bus, BusUnavailable, Record, open_bus
from shared.bus.embedded import EmbeddedBus, EmbeddedProducer
from shared.db import Database, ensure_database
from shared.events import Event
from shared.outbox import ControlTotal, Relay
from tests.support import FixedClock, fact

TOPIC = "relief.test.v1"
metadata = sa.MetaData()
table = outbox.outbox_table(metadata)


@dataclass
class Source:
    """A database with an outbox, and the bus it publishes to."""

    database: Database
    bus: Bus
    clock: FixedClock

    def relay(self, bus: Bus | None = None) -> Relay:
        return Relay(self.database, table, bus or self.bus, self.clock)

    def append(self, *ids: str, note: str = "") -> None:
        with self.database.write() as tx:
            for id_ in ids:
                outbox.append(tx, table, TOPIC, event(id_, note))

    def published(self) -> list[str]:
        consumer = self.bus.consumer("test", [TOPIC])
        deliveries = consumer.poll(timeout_seconds=0, max_records=10_000)
        consumer.close()
        return [Event.from_bytes(delivery.value).id for delivery in deliveries]


def event(id_: str, note: str = "") -> Event:
    return fact("test.happened.v1", {"amount_won": 10, "note": note}, id=id_, subject="one-subject")


@pytest.fixture
def source(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Source]:
    ensure_database(database_url)
    database = Database(database_url)
    with database.write() as tx:
        metadata.create_all(tx)
    bus = open_bus(f"sqlite:///{tmp_path}/bus.db")
    bus.create_topics([TOPIC])
    yield Source(database, bus, clock)
    database.close()


def test_events_are_published_in_the_order_they_were_recorded(source: Source) -> None:
    source.append("a", "b", "c")
    source.append("d")
    assert source.relay().run_once() == 4
    assert source.published() == ["a", "b", "c", "d"]
    assert source.relay().run_once() == 0


def test_a_transaction_that_commits_late_is_not_lost(source: Source) -> None:
    source.append("first")
    source.relay().run_once()
    with source.database.write() as tx:
        # A later transaction took a higher number and committed before this one.
        tx.execute(sa.update(table).where(table.c.event_id == "first").values(id=100))
        outbox.append(tx, table, TOPIC, event("late"))
        tx.execute(sa.update(table).where(table.c.event_id == "late").values(id=50))
    source.relay().run_once()
    assert source.published() == ["first", "late"]


def test_an_undone_change_publishes_nothing(source: Source) -> None:
    with source.database.engine.connect() as tx, tx.begin() as transaction:
        outbox.append(tx, table, TOPIC, event("never"))
        transaction.rollback()
    assert source.relay().run_once() == 0
    assert source.published() == []


class ForgetfulProducer(EmbeddedProducer):
    """Sends everything, then loses the connection before it can say so."""

    def send(self, records: Sequence[Record]) -> int:
        super().send(records)
        raise BusUnavailable("gone after sending")


class ForgetfulBus(EmbeddedBus):
    def producer(self) -> ForgetfulProducer:
        return ForgetfulProducer(self)


def test_a_crash_between_publishing_and_marking_publishes_again(source: Source, tmp_path: Path) -> None:
    source.append("a", "b")
    with pytest.raises(BusUnavailable):
        source.relay(ForgetfulBus(f"{tmp_path}/bus.db")).run_once()
    assert source.relay().run_once() == 2
    assert source.published() == ["a", "b", "a", "b"]


def test_a_record_the_bus_never_takes_is_marked_and_the_rest_goes_on(source: Source) -> None:
    source.append("fine")
    source.append("huge", note="x" * 2_000_000)
    source.append("after")
    relay = source.relay()
    while relay.run_once():
        pass
    assert source.published() == ["fine", "after"]
    with source.database.read() as tx:
        refused = tx.execute(sa.select(table.c.event_id).where(table.c.refused_reason.is_not(None))).scalars().all()
    assert refused == ["huge"]


def test_two_relays_of_one_database_publish_nothing_twice(source: Source) -> None:
    for number in range(40):
        source.append(f"e{number:02}")

    def drain(_: int) -> None:
        relay = source.relay()
        while relay.run_once():
            pass

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(drain, range(2)))
    assert source.published() == [f"e{number:02}" for number in range(40)]


def test_control_totals_count_and_sum_by_type(source: Source) -> None:
    source.append("a", "b")
    with source.database.read() as tx:
        assert outbox.control_totals(tx, table) == [ControlTotal(TOPIC, "test.happened.v1", 2, 20)]
