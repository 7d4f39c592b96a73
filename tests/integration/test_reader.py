"""The reader of an inbox when its database is restored to an earlier state under it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

import shared.inbox
from shared.bus import Bus, Record, open_bus
from shared.clock import SystemClock
from shared.db import Database, ensure_database
from shared.events import Event
from shared.inbox import Inbox, InboxTables, Reader, Received

TOPIC = "relief.inventory.v1"
METADATA = sa.MetaData()
TABLES = InboxTables.declare(METADATA)
EFFECTS = sa.Table("effects", METADATA, sa.Column("event_id", sa.String(64)))


def apply(tx: Connection, batch: Sequence[Received]) -> None:
    tx.execute(sa.insert(EFFECTS), [{"event_id": received.event.id} for received in batch])


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    ensure_database(database_url)
    opened = Database(database_url)
    METADATA.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    opened = open_bus(f"sqlite:///{tmp_path}/bus.db", partitions=1)
    opened.create_topics([TOPIC])
    yield opened
    opened.close()


@pytest.fixture
def reader(database: Database, bus: Bus) -> Iterator[Reader]:
    opened = Reader(bus, "ledger", [TOPIC], Inbox(database, TABLES, apply, SystemClock()))
    yield opened
    opened.close()


def publish(bus: Bus, *ids: str) -> None:
    producer = bus.producer()
    moment = datetime(2025, 4, 11, 3, 0, tzinfo=UTC)
    for id_ in ids:
        event = Event(
            id=id_,
            source="/inventory",
            type="inventory.stock_received.v1",
            time=moment,
            subject="shelter",
            effective_date=date(2025, 4, 11),
            correlation_id="c",
            causation_id=None,
            aggregate_version=1,
            data={},
        )
        producer.send([Record(TOPIC, "shelter", event.to_bytes())])
    producer.close()


def read(reader: Reader, times: int = 5) -> None:
    for _ in range(times):
        reader.run_once(timeout_seconds=0.05)


def effects(database: Database) -> list[str]:
    with database.read() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(TABLES.breaks)).scalar_one() == 0
        return list(tx.execute(sa.select(EFFECTS.c.event_id).order_by(EFFECTS.c.event_id)).scalars())


def restore_empty(database: Database) -> None:
    with database.write() as tx:
        for table in METADATA.sorted_tables:
            tx.execute(sa.delete(table))


def test_a_reader_whose_database_is_restored_reads_again_from_there(
    reader: Reader, database: Database, bus: Bus
) -> None:
    publish(bus, "1", "2")
    read(reader)
    restore_empty(database)
    publish(bus, "3")
    read(reader)
    assert effects(database) == ["1", "2", "3"]


def test_a_restored_database_catches_up_though_nothing_new_arrives(
    reader: Reader, database: Database, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.inbox, "LOOK_SECONDS", 0.0)
    publish(bus, "1", "2")
    read(reader)
    assert effects(database) == ["1", "2"]
    restore_empty(database)
    read(reader)
    assert effects(database) == ["1", "2"]
