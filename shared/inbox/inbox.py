"""Inbox: the effect of an event and the reader's position commit together, so an effect happens once.

Whatever a partition delivers leaves a link in that partition's chain: an accepted event with its effect, or a break.
Only what was taken in before leaves none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from shared.bus import Delivery, TopicPartition
from shared.chain import FIRST_HASH, HASH_VERSION, PARTITIONS, Head, number_of
from shared.clock import Clock
from shared.db import Database, bulk_insert, insert_if_absent, is_among
from shared.events import Event, MalformedEvent, content_hash
from shared.inbox.kept import (
    EVENT_COLUMNS,
    Accepted,
    Break,
    BreakKind,
    CannotApply,
    Effect,
    InboxTables,
    break_content,
)
from shared.rows import add_all

log = structlog.get_logger()


class WentBack(Exception):
    """The database stands at an earlier position than its reader left it: it was restored from a backup."""


class Read(NamedTuple):
    """A delivery as it could be read: an event with what it does, or why it cannot be taken in."""

    delivery: Delivery
    content_hash: str
    event: Event | None
    effect: Effect | None
    kind: BreakKind = BreakKind.MALFORMED
    reason: str = ""


@dataclass
class Taking:
    """What one partition brings in one transaction, and where its reader and its chain stand."""

    chain: int
    source: TopicPartition
    next_offset: int
    head: Head
    accepted: list[Accepted] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)

    def accept(self, event: Event, raw: bytes, digest: str, offset: int, effect: Effect) -> Accepted:
        linked = (  # as `accepted_content` reads them again
            self.source.topic,
            self.source.partition,
            offset,
            event.id,
            event.type,
            event.subject,
            event.account,
            event.body_id,
            event.effective_date,
            event.time.astimezone(UTC),
            digest,
            effect.control_amount,
            len(effect.lines),
        )
        self.head = self.head.next((*linked, effect.lines))
        number = number_of(self.chain, self.head.sequence)
        accepted = Accepted(number, *linked, HASH_VERSION, self.head.hash, raw, effect)
        self.accepted.append(accepted)
        return accepted

    def park(self, delivery: Delivery, kind: BreakKind, reason: str, event_id: str | None, found_at: datetime) -> None:
        log.warning("event parked", kind=kind, topic=delivery.topic, offset=delivery.offset, reason=reason)
        parked = Break(
            number=number_of(self.chain, self.head.sequence + 1),
            topic=self.source.topic,
            partition=self.source.partition,
            offset=delivery.offset,
            kind=kind.value,
            event_id=event_id,
            reason=reason,
            found_at=found_at,
            hash_version=HASH_VERSION,
            hash="",
            raw=delivery.value,
        )
        self.head = self.head.next(break_content(parked))
        self.breaks.append(parked._replace(hash=self.head.hash))


Apply = Callable[[Connection, Sequence[Taking]], None]


class Inbox:
    """Applies deliveries to one database, each event once.

    `read` works out what an event does, from the event alone; it may raise CannotApply, and then the event is kept
    as a break while the rest goes on. `apply` brings what is made of the effects up to date, in the transaction that
    stores the position; any exception undoes the batch, and the batch comes again.
    """

    def __init__(
        self,
        database: Database,
        tables: InboxTables,
        topics: Sequence[str],
        *,
        read: Callable[[Event], Effect],
        apply: Apply,
        clock: Clock,
    ) -> None:
        self.database = database
        self.tables = tables
        self.topics = topics
        self.read = read
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
        # What needs no database is done before anybody waits for us.
        readings = {source: [self._read(delivery) for delivery in batch] for source, batch in by_source.items()}
        with self.database.write() as tx:
            takings = [self.standing(tx, source) for source in sorted(readings, key=_in_order)]
            for taking in takings:
                if taking.next_offset < (known := (positions or {}).get(taking.source, 0)):
                    place = f"{taking.source.topic}/{taking.source.partition}"
                    raise WentBack(f"{place}: offset {taking.next_offset} is stored, {known} was")
            fresh = {
                taking.source: [read for read in readings[taking.source] if read.delivery.offset >= taking.next_offset]
                for taking in takings
            }
            moving = [taking for taking in takings if fresh[taking.source]]
            if moving:
                before = self._known(tx, [read.event.id for batch in fresh.values() for read in batch if read.event])
                self.store(tx, moving, self._linked(moving, fresh, before))
        return {taking.source: taking.next_offset for taking in takings}

    def retake(self, tx: Connection, number: int) -> Accepted | None:
        """Read what a break kept once more, and take it in if that is possible by now."""
        parked = tx.execute(sa.select(self.tables.breaks).where(self.tables.breaks.c.number == number)).one()
        source = TopicPartition(parked.topic, parked.partition)
        read = self._read(Delivery(parked.topic, parked.partition, parked.offset, "", bytes(parked.raw)))
        if read.event is None or read.effect is None:
            return None
        taking = self.standing(tx, source)
        if self._known(tx, [read.event.id]):
            return None
        event, effect, offset = read.event, read.effect, parked.offset
        self.store(
            tx,
            [taking],
            (taking.accept(event, read.delivery.value, read.content_hash, offset, effect) for _ in (number,)),
        )
        return taking.accepted[0]

    def next_offsets(self) -> dict[TopicPartition, int]:
        with self.database.read() as tx:
            rows = tx.execute(sa.select(self.tables.positions)).all()
        return {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}

    def standing(self, tx: Connection, source: TopicPartition) -> Taking:
        """Where a partition stands, locked until the transaction ends."""
        positions, key = self.tables.positions, {"topic": source.topic, "partition": source.partition}
        first = {**key, "next_offset": 0, "sequence": 0, "hash": FIRST_HASH}
        tx.execute(insert_if_absent(tx.dialect.name, positions), first)
        here = (positions.c.topic == source.topic) & (positions.c.partition == source.partition)
        row = tx.execute(sa.select(positions).where(here).with_for_update()).one()
        return Taking(chain_of(self.topics, source), source, row.next_offset, Head(row.sequence, row.hash))

    def store(self, tx: Connection, takings: Sequence[Taking], accepted: Iterator[Accepted]) -> None:
        """Write what is taken in: lines before their events, which seal them, then everything made of them.

        Events are linked while their lines are written: what the database does with one need not wait for the next.
        """
        lines = ((one.number, position, *line) for one in accepted for position, line in enumerate(one.effect.lines))
        tables = self.tables
        bulk_insert(tx, tables.lines, [column.name for column in tables.lines.c], lines)
        everything = [one for taking in takings for one in taking.accepted]
        bulk_insert(tx, tables.events, EVENT_COLUMNS, (one[:-1] for one in everything))
        if parked := [one._asdict() for taking in takings for one in taking.breaks]:
            add_all(tx, tables.breaks, parked)
        self.apply(tx, takings)
        for taking in takings:
            here = (tables.positions.c.topic == taking.source.topic) & (
                tables.positions.c.partition == taking.source.partition
            )
            stands = {"next_offset": taking.next_offset, "sequence": taking.head.sequence, "hash": taking.head.hash}
            tx.execute(sa.update(tables.positions).where(here).values(stands))

    def _linked(
        self, takings: Sequence[Taking], fresh: Mapping[TopicPartition, Sequence[Read]], known: dict[str, str]
    ) -> Iterator[Accepted]:
        """The events to accept, each linked as it is asked for; breaks are parked between them."""
        now = self.clock.now()
        for taking in takings:
            for read in fresh[taking.source]:
                offset = read.delivery.offset
                if offset > taking.next_offset:
                    missing = f"offsets {taking.next_offset} to {offset - 1} were never delivered"
                    taking.park(read.delivery, BreakKind.GAP, missing, None, now)
                if (accepted := self._accept(taking, read, known, now)) is not None:
                    yield accepted
                taking.next_offset = offset + 1

    def _accept(self, taking: Taking, read: Read, known: dict[str, str], now: datetime) -> Accepted | None:
        event = read.event
        if event is not None and (before := known.get(event.id)) is not None:
            if before != read.content_hash:
                reason = "the same event id came with other content before"
                taking.park(read.delivery, BreakKind.CONFLICT, reason, event.id, now)
            return None
        if event is None or read.effect is None:
            taking.park(read.delivery, read.kind, read.reason, event.id if event else None, now)
            return None
        known[event.id] = read.content_hash
        return taking.accept(event, read.delivery.value, read.content_hash, read.delivery.offset, read.effect)

    def _read(self, delivery: Delivery) -> Read:
        digest, event = content_hash(delivery.value), None
        try:
            event = Event.from_bytes(delivery.value)
            return Read(delivery, digest, event, self.read(event))
        except MalformedEvent as error:
            return Read(delivery, digest, event, None, BreakKind.FAILED if event else BreakKind.MALFORMED, str(error))
        except CannotApply as error:
            return Read(delivery, digest, event, None, error.kind, str(error))

    def _known(self, tx: Connection, ids: list[str]) -> dict[str, str]:
        """The content hash of each of these events that was taken in before."""
        events = self.tables.events
        found = sa.select(events.c.event_id, events.c.content_hash)
        rows = tx.execute(found.where(is_among(tx.dialect.name, events.c.event_id, ids)))
        return {row.event_id: row.content_hash for row in rows}


def chain_of(topics: Sequence[str], source: TopicPartition) -> int:
    """The number of a partition's chain; `topics` may grow at its end."""
    return topics.index(source.topic) * PARTITIONS + source.partition


def source_of(topics: Sequence[str], chain: int) -> TopicPartition:
    """The partition that a chain is of."""
    return TopicPartition(topics[chain // PARTITIONS], chain % PARTITIONS)


def _in_order(source: TopicPartition) -> tuple[str, int]:
    """So that two processes that hold the same partitions cannot wait for each other in a circle."""
    return source.topic, source.partition
