"""Inbox: the effect of an event and the reader's position commit together, so an effect happens once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from shared.bus import Bus, Consumer, Delivery, TopicPartition
from shared.clock import Clock
from shared.db import Database, RowNumber, UtcDateTime, bulk_insert, insert_if_absent
from shared.events import Event, MalformedEvent, content_hash, control_amount

BATCH_SIZE = 2000

log = structlog.get_logger()


class BreakKind(StrEnum):
    MALFORMED = "malformed"  # the bytes are not an event
    FAILED = "failed"  # an event, but its content cannot be applied
    CONFLICT = "conflict"  # the same event id arrived with different content
    GAP = "gap"  # offsets are missing: the bus lost or expired records that were not read


class CannotApply(Exception):
    """Raised by an apply function: this event can never be applied as it is; the message says why."""


@dataclass(frozen=True)
class InboxTables:
    """`events` keeps every accepted event whole, so that all effects can be built again from them."""

    offsets: sa.Table
    events: sa.Table
    breaks: sa.Table

    @classmethod
    def declare(cls, metadata: sa.MetaData) -> "InboxTables":
        return cls(
            offsets=sa.Table(
                "inbox_offsets",
                metadata,
                sa.Column("topic", sa.String(100), primary_key=True),
                sa.Column("partition", sa.Integer, primary_key=True),
                sa.Column("next_offset", sa.BigInteger, nullable=False),
            ),
            events=sa.Table(
                "inbox_events",
                metadata,
                sa.Column("event_id", sa.String(64), primary_key=True),
                sa.Column("event_type", sa.String(100), nullable=False),
                sa.Column("topic", sa.String(100), nullable=False),
                sa.Column("partition", sa.Integer, nullable=False),
                sa.Column("offset", sa.BigInteger, nullable=False),
                sa.Column("subject", sa.String(64), nullable=False),
                sa.Column("content_hash", sa.String(64), nullable=False),
                sa.Column("control_amount", sa.BigInteger, nullable=False),
                sa.Column("body", sa.LargeBinary, nullable=False),
                sa.Index("inbox_events_position", "topic", "partition", "offset", unique=True),
                sa.Index("inbox_events_subject", "subject"),
            ),
            breaks=sa.Table(
                "inbox_breaks",
                metadata,
                sa.Column("id", RowNumber, primary_key=True, autoincrement=True),
                sa.Column("kind", sa.String(20), nullable=False),
                sa.Column("topic", sa.String(100), nullable=False),
                sa.Column("partition", sa.Integer, nullable=False),
                sa.Column("offset", sa.BigInteger, nullable=False),
                sa.Column("event_id", sa.String(64)),
                sa.Column("reason", sa.Text, nullable=False),
                sa.Column("raw", sa.LargeBinary, nullable=False),
                sa.Column("found_at", UtcDateTime, nullable=False),
            ),
        )


@dataclass(frozen=True, slots=True)
class Received:
    """An accepted event together with the bytes and the place it came from."""

    event: Event
    raw: bytes
    source: TopicPartition
    offset: int


Apply = Callable[[Connection, Sequence[Received]], None]


class Inbox:
    """Applies deliveries to one database, each event once.

    `apply` gets events of one partition in order. It may raise CannotApply; then its events are applied
    one by one and those that still fail are parked as breaks while the rest goes on. Any other exception
    undoes the batch, position included, and the batch comes again.
    """

    def __init__(self, database: Database, tables: InboxTables, apply: Apply, clock: Clock) -> None:
        self.database = database
        self.tables = tables
        self.apply = apply
        self.clock = clock

    def take(self, deliveries: Sequence[Delivery]) -> dict[TopicPartition, int]:
        """Apply one batch in one transaction; return the next offset of each partition in it."""
        by_source: dict[TopicPartition, list[Delivery]] = {}
        for delivery in deliveries:
            by_source.setdefault(delivery.source, []).append(delivery)
        with self.database.write() as tx:
            # Sorted, so that two processes that hold the same partitions cannot wait for each other in a circle.
            ordered = sorted(by_source.items(), key=lambda item: (item[0].topic, item[0].partition))
            return {source: self._take_partition(tx, source, batch) for source, batch in ordered}

    def next_offsets(self) -> dict[TopicPartition, int]:
        with self.database.read() as tx:
            rows = tx.execute(sa.select(self.tables.offsets)).all()
        return {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}

    def _take_partition(self, tx: Connection, source: TopicPartition, batch: list[Delivery]) -> int:
        offsets = self.tables.offsets
        here = (offsets.c.topic == source.topic) & (offsets.c.partition == source.partition)
        tx.execute(
            insert_if_absent(tx.dialect, offsets),
            {"topic": source.topic, "partition": source.partition, "next_offset": 0},
        )
        expected: int = tx.execute(sa.select(offsets.c.next_offset).where(here).with_for_update()).scalar_one()
        fresh = [delivery for delivery in batch if delivery.offset >= expected]
        if not fresh:
            return expected
        if fresh[0].offset > expected:
            reason = f"offsets {expected} to {fresh[0].offset - 1} were never delivered"
            self._park(tx, BreakKind.GAP, fresh[0], reason)
        received = self._without_duplicates(tx, self._readable(tx, fresh))
        self._apply_or_park(tx, received)
        next_offset = fresh[-1].offset + 1
        tx.execute(sa.update(offsets).where(here).values(next_offset=next_offset))
        return next_offset

    def _readable(self, tx: Connection, batch: Sequence[Delivery]) -> list[Received]:
        readable = []
        for delivery in batch:
            try:
                event = Event.from_bytes(delivery.value)
            except MalformedEvent as error:
                self._park(tx, BreakKind.MALFORMED, delivery, str(error))
                continue
            readable.append(Received(event, delivery.value, delivery.source, delivery.offset))
        return readable

    def _without_duplicates(self, tx: Connection, batch: Sequence[Received]) -> list[Received]:
        events = self.tables.events
        known: dict[str, str] = {}
        ids = [received.event.id for received in batch]
        for start in range(0, len(ids), 500):
            found = tx.execute(
                sa.select(events.c.event_id, events.c.content_hash).where(
                    events.c.event_id.in_(ids[start : start + 500])
                )
            )
            known.update({row.event_id: row.content_hash for row in found})
        new = []
        for received in batch:
            digest = content_hash(received.raw)
            before = known.get(received.event.id)
            if before is None:
                known[received.event.id] = digest
                new.append(received)
            elif before != digest:
                self._park_received(
                    tx, BreakKind.CONFLICT, received, "the same event id came with other content before"
                )
        return new

    def _apply_or_park(self, tx: Connection, batch: Sequence[Received]) -> None:
        if not batch:
            return
        try:
            with tx.begin_nested():
                self._store_and_apply(tx, batch)
        except CannotApply as error:
            if len(batch) == 1:
                self._park_received(tx, BreakKind.FAILED, batch[0], str(error))
                return
            for received in batch:
                self._apply_or_park(tx, [received])

    def _store_and_apply(self, tx: Connection, batch: Sequence[Received]) -> None:
        bulk_insert(
            tx,
            self.tables.events,
            [
                {
                    "event_id": received.event.id,
                    "event_type": received.event.type,
                    "topic": received.source.topic,
                    "partition": received.source.partition,
                    "offset": received.offset,
                    "subject": received.event.subject,
                    "content_hash": content_hash(received.raw),
                    "control_amount": control_amount(received.event.data),
                    "body": received.raw,
                }
                for received in batch
            ],
        )
        self.apply(tx, batch)

    def _park(
        self, tx: Connection, kind: BreakKind, delivery: Delivery, reason: str, event_id: str | None = None
    ) -> None:
        log.warning("event parked", kind=kind, topic=delivery.topic, offset=delivery.offset, reason=reason)
        tx.execute(
            sa.insert(self.tables.breaks).values(
                kind=kind,
                topic=delivery.topic,
                partition=delivery.partition,
                offset=delivery.offset,
                event_id=event_id,
                reason=reason,
                raw=delivery.value,
                found_at=self.clock.now(),
            )
        )

    def _park_received(self, tx: Connection, kind: BreakKind, received: Received, reason: str) -> None:
        source = received.source
        delivery = Delivery(source.topic, source.partition, received.offset, received.event.subject, received.raw)
        self._park(tx, kind, delivery, reason, received.event.id)


class Reader:
    """Moves records from the bus into an inbox. The position in the database wins over the bus's own."""

    def __init__(self, bus: Bus, group: str, topics: Sequence[str], inbox: Inbox) -> None:
        self.bus = bus
        self.group = group
        self.topics = topics
        self.inbox = inbox
        self.consumer: Consumer | None = None
        self.assigned: frozenset[TopicPartition] = frozenset()

    def run_once(self, *, timeout_seconds: float) -> int:
        """Take one batch and return how many records it had. Raises BusUnavailable."""
        if self.consumer is None:
            self.bus.create_topics(self.topics)
            self.consumer = self.bus.consumer(self.group, self.topics)
        deliveries = self.consumer.poll(timeout_seconds=timeout_seconds, max_records=BATCH_SIZE)
        if self.consumer.assignment() != self.assigned:
            # Newly assigned partitions start where the database says, so what was just polled may be off.
            self._seek_to_stored_offsets(self.consumer)
            return 0
        if not deliveries:
            return 0
        try:
            self.consumer.commit(self.inbox.take(deliveries))
        except BaseException:
            self.close()  # what was polled is read again from the stored position
            raise
        return len(deliveries)

    def is_caught_up(self) -> bool:
        stored = self.inbox.next_offsets()
        return all(stored.get(source, 0) >= end for source, end in self.bus.end_offsets(self.topics).items())

    def _seek_to_stored_offsets(self, consumer: Consumer) -> None:
        stored = self.inbox.next_offsets()
        self.assigned = consumer.assignment()
        for source in self.assigned:
            consumer.seek(source, stored.get(source, 0))

    def close(self) -> None:
        if self.consumer:
            self.consumer.close()
            self.consumer = None
            self.assigned = frozenset()
