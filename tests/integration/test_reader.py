"""The reader of an inbox when its database is restored to an earlier state under it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

import shared.reader
from shared.bus import Bus, Record, open_bus
from shared.clock import SystemClock
from shared.db import Database, ensure_database
from shared.events import Event
from shared.inbox import Inbox, InboxTables, Taking
from shared.reader import Reader
from tests.support import fact

TOPIC = "relief.inventory.v1"
METADATA = sa.MetaData()
LINES = sa.Table(
    "lines",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True),
)
TABLES = InboxTables.declare(METADATA, LINES)
EFFECTS = sa.Table("effects", METADATA, sa.Column("event_id", sa.String(64)))


class NoLines:
    """The effect of an event that keeps no lines."""

    lines: Sequence[tuple[Any, ...]] = ()
    control_amount = 0


def read_event(_event: Event) -> NoLines:
    return NoLines()


def apply(tx: Connection, takings: Sequence[Taking]) -> None:
    if rows := [{"event_id": one.event_id} for taking in takings for one in taking.accepted]:
        tx.execute(sa.insert(EFFECTS), rows)


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


def inbox_of(database: Database) -> Inbox:
    return Inbox(database, TABLES, [TOPIC], read=read_event, apply=apply, clock=SystemClock())


@pytest.fixture
def reader(database: Database, bus: Bus) -> Iterator[Reader]:
    opened = Reader(bus, "ledger", [TOPIC], inbox_of(database))
    yield opened
    opened.close()


def publish(bus: Bus, *ids: str) -> None:
    producer = bus.producer()
    for id_ in ids:
        event = fact("inventory.stock_received.v1", {}, id=id_, subject="shelter")
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
    monkeypatch.setattr(shared.reader, "LOOK_SECONDS", 0.0)
    publish(bus, "1", "2")
    read(reader)
    assert effects(database) == ["1", "2"]
    restore_empty(database)
    read(reader)
    assert effects(database) == ["1", "2"]
