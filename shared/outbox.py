"""Transactional outbox: an event is written with the change it tells of, and published afterwards."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.bus import Bus, BusUnavailable, Producer, Record, RecordRefused
from shared.clock import Clock
from shared.db import Database, RowNumber, UtcDateTime
from shared.events import Counted, Event
from shared.rows import add_all, rows_of
from shared.seals import seal_column, unsealed

BATCH_SIZE = 500
RELAYED = unsealed("noted by the relay after the event was written")


def topic_of(service: str) -> str:
    return f"relief.{service}.v1"


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "outbox",
        metadata,
        sa.Column("id", RowNumber, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(64), nullable=False, unique=True),
        sa.Column("event_type", sa.String(100), nullable=False),
        sa.Column("topic", sa.String(100), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("control_amount", sa.BigInteger, nullable=False),
        sa.Column("published_at", UtcDateTime, info=RELAYED),
        sa.Column("refused_reason", sa.Text, info=RELAYED),
        seal_column(),
        sa.Index(
            "outbox_unpublished",
            "id",
            postgresql_where=sa.text("published_at IS NULL"),
            sqlite_where=sa.text("published_at IS NULL"),
        ),
        sqlite_autoincrement=True,
    )


def append(tx: Connection, outbox: sa.Table, topic: str, event: Event) -> None:
    row = {
        "event_id": event.id,
        "event_type": event.type,
        "topic": topic,
        "key": event.subject,
        "body": event.to_bytes(),
        "control_amount": event.payload(Counted).control_amount,
    }
    add_all(tx, outbox, [row])


def unpublished(tx: Connection, outbox: sa.Table) -> int:
    """How many events wait for the relay."""
    return rows_of(tx, outbox, outbox.c.published_at.is_(None))


@dataclass(frozen=True)
class ControlTotal:
    """How many events of one type there are, and what their control amounts add up to."""

    topic: str
    event_type: str
    count: int
    amount: int


def control_totals(tx: Connection, table: sa.Table) -> list[ControlTotal]:
    """Works on an outbox and on an inbox alike: both have topic, event_type and control_amount."""
    rows = tx.execute(
        sa.select(table.c.topic, table.c.event_type, sa.func.count(), sa.func.sum(table.c.control_amount))
        .group_by(table.c.topic, table.c.event_type)
        .order_by(table.c.topic, table.c.event_type)
    )
    return [ControlTotal(topic, event_type, count, int(amount)) for topic, event_type, count, amount in rows]


class Relay:
    """Publishes the outbox of one database: always the unpublished rows in id order.

    "Every id above the last one published" would lose a transaction that took its id early and committed
    late. A crash between publishing and marking publishes again, which the inbox at the other end absorbs.
    """

    def __init__(self, database: Database, outbox: sa.Table, bus: Bus, clock: Clock) -> None:
        self.database = database
        self.outbox = outbox
        self.bus = bus
        self.clock = clock
        self.producer: Producer | None = None

    def run_once(self) -> int:
        """Publish one batch and return its size. Raises BusUnavailable; then nothing was marked."""
        with self.database.read() as tx:
            if not tx.execute(self._unpublished(1)).first():
                return 0
        with self.database.write() as tx:
            # On PostgreSQL a second relay waits here instead of publishing the same rows out of order.
            rows = tx.execute(self._unpublished(BATCH_SIZE).with_for_update()).all()
            if not rows:
                return 0
            self.producer = self.producer or self.bus.producer()
            try:
                sent = self.producer.send([Record(row.topic, row.key, bytes(row.body)) for row in rows])
            except RecordRefused as error:
                self._mark(tx, [rows[0].id], refused_reason=str(error))
                return 1
            except BusUnavailable:
                self.close()
                raise
            self._mark(tx, [row.id for row in rows[:sent]], refused_reason=None)
        return sent

    def _unpublished(self, limit: int) -> sa.Select[tuple[object, ...]]:
        return (
            sa.select(self.outbox).where(self.outbox.c.published_at.is_(None)).order_by(self.outbox.c.id).limit(limit)
        )

    def _mark(self, tx: Connection, ids: list[int], *, refused_reason: str | None) -> None:
        tx.execute(
            sa.update(self.outbox)
            .where(self.outbox.c.id.in_(ids))
            .values(published_at=self.clock.now(), refused_reason=refused_reason)
        )

    def close(self) -> None:
        if self.producer:
            self.producer.close()
            self.producer = None
