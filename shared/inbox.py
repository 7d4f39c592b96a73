"""Inbox: the effect of an event and the reader's position commit together, so an effect happens once."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from shared.bus import Bus, Consumer, Delivery, TopicPartition
from shared.clock import Clock
from shared.db import Database, RowNumber, UtcDateTime, bulk_insert, insert_if_absent, is_among
from shared.events import Event, MalformedEvent, content_hash, control_amount

BATCH_SIZE = 2000
# How often a reader makes sure that the database still stands where it left it, also where nothing new arrives.
LOOK_SECONDS = 5.0
EVENT_COLUMNS = (
    "event_id",
    "event_type",
    "topic",
    "partition",
    "offset",
    "subject",
    "content_hash",
    "control_amount",
    "body",
)

log = structlog.get_logger()


class BreakKind(StrEnum):
    MALFORMED = "malformed"  # the bytes are not an event
    FAILED = "failed"  # an event, but its content cannot be applied
    CONFLICT = "conflict"  # the same event id arrived with different content
    GAP = "gap"  # offsets are missing: the bus lost or expired records that were not read


class CannotApply(Exception):
    """Raised by an apply function: this event can never be applied as it is; the message says why."""


class WentBack(Exception):
    """The database stands at an earlier position than its reader left it: it was restored from a backup."""


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
    content_hash: str
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

    def take(
        self, deliveries: Sequence[Delivery], positions: Mapping[TopicPartition, int] | None = None
    ) -> dict[TopicPartition, int]:
        """Apply one batch in one transaction; return the next offset of each partition in it.

        `positions` are the offsets that were stored as far as the caller knows. Raises WentBack when what is stored
        is below: the records between were delivered once, so they are no gap, and must be read again.
        """
        by_source: dict[TopicPartition, list[Delivery]] = {}
        for delivery in deliveries:
            by_source.setdefault(delivery.source, []).append(delivery)
        with self.database.write() as tx:
            # Sorted, so that two processes that hold the same partitions cannot wait for each other in a circle.
            ordered = sorted(by_source.items(), key=lambda item: (item[0].topic, item[0].partition))
            known = positions or {}
            return {source: self._take_partition(tx, source, batch, known.get(source, 0)) for source, batch in ordered}

    def next_offsets(self) -> dict[TopicPartition, int]:
        with self.database.read() as tx:
            rows = tx.execute(sa.select(self.tables.offsets)).all()
        return {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}

    def _take_partition(self, tx: Connection, source: TopicPartition, batch: list[Delivery], position: int) -> int:
        offsets = self.tables.offsets
        here = (offsets.c.topic == source.topic) & (offsets.c.partition == source.partition)
        tx.execute(
            insert_if_absent(tx.dialect.name, offsets),
            {"topic": source.topic, "partition": source.partition, "next_offset": 0},
        )
        expected: int = tx.execute(sa.select(offsets.c.next_offset).where(here).with_for_update()).scalar_one()
        if expected < position:
            raise WentBack(f"{source.topic}/{source.partition}: offset {expected} is stored, {position} was")
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
            readable.append(
                Received(event, delivery.value, content_hash(delivery.value), delivery.source, delivery.offset)
            )
        return readable

    def _without_duplicates(self, tx: Connection, batch: Sequence[Received]) -> list[Received]:
        events = self.tables.events
        ids = [received.event.id for received in batch]
        found = tx.execute(
            sa.select(events.c.event_id, events.c.content_hash).where(is_among(tx.dialect.name, events.c.event_id, ids))
        )
        known: dict[str, str] = {row.event_id: row.content_hash for row in found}
        new = []
        for received in batch:
            before = known.get(received.event.id)
            if before is None:
                known[received.event.id] = received.content_hash
                new.append(received)
            elif before != received.content_hash:
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
            EVENT_COLUMNS,
            (
                (
                    received.event.id,
                    received.event.type,
                    received.source.topic,
                    received.source.partition,
                    received.offset,
                    received.event.subject,
                    received.content_hash,
                    control_amount(received.event.data),
                    received.raw,
                )
                for received in batch
            ),
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
    """Moves records from the bus into an inbox. The position in the database wins over the bus's own.

    The database may be restored to an earlier state while this runs: then reading starts again from there.
    """

    def __init__(self, bus: Bus, group: str, topics: Sequence[str], inbox: Inbox) -> None:
        self.bus = bus
        self.group = group
        self.topics = topics
        self.inbox = inbox
        self.consumer: Consumer | None = None
        self.assigned: frozenset[TopicPartition] = frozenset()
        self.positions: dict[TopicPartition, int] = {}
        self.next_look_seconds = 0.0

    def run_once(self, *, timeout_seconds: float) -> int:
        """Take one batch and return how many records it had. Raises BusUnavailable."""
        if self.consumer is None:
            self.bus.create_topics(self.topics)
            self.consumer = self.bus.consumer(self.group, self.topics)
        deliveries = self.consumer.poll(timeout_seconds=timeout_seconds, max_records=BATCH_SIZE)
        if self.consumer.assignment() != self.assigned or self._has_gone_back():
            # Partitions start where the database says, so what was just polled may be off.
            self._seek_to_stored_offsets(self.consumer)
            return 0
        if not deliveries:
            return 0
        try:
            stored = self.inbox.take(deliveries, self.positions)
            self.positions.update(stored)
            self.consumer.commit(stored)
        except WentBack as reason:
            log.warning("the database was restored, reading again", reason=str(reason))
            self._seek_to_stored_offsets(self.consumer)
            return 0
        except BaseException:
            self.close()  # what was polled is read again from the stored position
            raise
        return len(deliveries)

    def is_caught_up(self) -> bool:
        stored = self.inbox.next_offsets()
        return all(stored.get(source, 0) >= end for source, end in self.bus.end_offsets(self.topics).items())

    def _has_gone_back(self) -> bool:
        """Whether the database was restored, looked up now and then: a quiet partition would never tell."""
        if time.monotonic() < self.next_look_seconds:
            return False
        self.next_look_seconds = time.monotonic() + LOOK_SECONDS
        stored = self.inbox.next_offsets()
        return any(stored.get(source, 0) < position for source, position in self.positions.items())

    def _seek_to_stored_offsets(self, consumer: Consumer) -> None:
        stored = self.inbox.next_offsets()
        self.assigned = consumer.assignment()
        self.positions = {source: stored.get(source, 0) for source in self.assigned}
        for source, offset in self.positions.items():
            consumer.seek(source, offset)

    def close(self) -> None:
        if self.consumer:
            self.consumer.close()
            self.consumer = None
            self.assigned = frozenset()
            self.positions = {}
