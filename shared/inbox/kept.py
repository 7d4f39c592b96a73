"""What an inbox keeps of what it was delivered: accepted events and breaks, as links of one chain per partition."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

import sqlalchemy as sa

from shared.db import UtcDateTime
from shared.events import content_hash


class BreakKind(StrEnum):
    MALFORMED = "malformed"  # the bytes are not an event
    FAILED = "failed"  # an event, but its content cannot be applied
    UNKNOWN = "unknown"  # an event of a type this service neither applies nor knows to leave alone
    CONFLICT = "conflict"  # the same event id arrived with different content
    GAP = "gap"  # offsets are missing: the bus lost or expired records that were not read


RETAKEN: Final = frozenset({BreakKind.MALFORMED, BreakKind.FAILED, BreakKind.UNKNOWN})  # what may be readable later


class CannotApply(Exception):
    """Raised while an event is read: it can never be applied as it is; the message says why."""

    kind = BreakKind.FAILED


class UnknownType(CannotApply):
    """Nobody has said what an event of this type does."""

    kind = BreakKind.UNKNOWN


class Effect(Protocol):
    """What an event does here, worked out from the event alone."""

    @property
    def lines(self) -> Sequence[tuple[Any, ...]]:
        """The rows that are kept of it; the chain covers them."""

    @property
    def control_amount(self) -> int: ...


class Accepted(NamedTuple):
    """An event that was taken in, as it is kept. The fields before `lines` are the columns of `inbox_events`."""

    number: int
    topic: str
    partition: int
    offset: int
    event_id: str
    event_type: str
    subject: str
    account: str
    body_id: str
    effective_date: date
    recorded_at: datetime
    content_hash: str
    control_amount: int
    line_count: int
    hash_version: int
    hash: str
    body: bytes
    effect: Any


class Break(NamedTuple):
    """What could not be taken in, as it is kept."""

    number: int
    topic: str
    partition: int
    offset: int
    kind: str
    event_id: str | None
    reason: str
    found_at: datetime
    hash_version: int
    hash: str
    raw: bytes


EVENT_COLUMNS: Final = Accepted._fields[:-1]
BREAK_COLUMNS: Final = Break._fields


def accepted_content(row: Any, lines: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """What the link of an accepted event is hashed over; `row` is an Accepted or a row of the table."""
    return (
        row.topic,
        row.partition,
        row.offset,
        row.event_id,
        row.event_type,
        row.subject,
        row.account,
        row.body_id,
        row.effective_date,
        row.recorded_at,
        row.content_hash,
        row.control_amount,
        row.line_count,
        lines,
    )


def break_content(row: Any) -> tuple[Any, ...]:
    """What the link of a break is hashed over; `row` is a Break or a row of the table."""
    where = (row.topic, row.partition, row.offset)
    return (*where, row.kind, row.event_id, row.reason, row.found_at, content_hash(bytes(row.raw)))


@dataclass(frozen=True)
class InboxTables:
    """`events` keeps every accepted event whole, so that all effects can be built again from them.

    `lines` is the service's own table for the lines of effects: `number` of the event, `position`, and their fields.
    """

    positions: sa.Table
    events: sa.Table
    breaks: sa.Table
    lines: sa.Table

    @classmethod
    def declare(cls, metadata: sa.MetaData, lines: sa.Table) -> "InboxTables":
        return cls(
            # Where the reader stands in a partition, and where the chain of what it took ends.
            positions=sa.Table(
                "inbox_positions",
                metadata,
                sa.Column("topic", sa.String(100), primary_key=True),
                sa.Column("partition", sa.Integer, primary_key=True),
                sa.Column("next_offset", sa.BigInteger, nullable=False),
                sa.Column("sequence", sa.BigInteger, nullable=False),
                sa.Column("hash", sa.String(64), nullable=False),
            ),
            events=sa.Table(
                "inbox_events",
                metadata,
                sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
                sa.Column("topic", sa.String(100), nullable=False),
                sa.Column("partition", sa.Integer, nullable=False),
                sa.Column("offset", sa.BigInteger, nullable=False),
                sa.Column("event_id", sa.String(64), nullable=False, unique=True),
                sa.Column("event_type", sa.String(100), nullable=False),
                sa.Column("subject", sa.String(64), nullable=False),
                sa.Column("account", sa.String(64), nullable=False),
                sa.Column("body_id", sa.String(64), nullable=False),
                sa.Column("effective_date", sa.Date, nullable=False),
                sa.Column("recorded_at", UtcDateTime, nullable=False),
                sa.Column("content_hash", sa.String(64), nullable=False),
                sa.Column("control_amount", sa.BigInteger, nullable=False),
                sa.Column("line_count", sa.Integer, nullable=False),
                sa.Column("hash_version", sa.SmallInteger, nullable=False),
                sa.Column("hash", sa.String(64), nullable=False),
                sa.Column("body", sa.LargeBinary, nullable=False),
                sa.Index("inbox_events_subject", "subject"),
            ),
            breaks=sa.Table(
                "inbox_breaks",
                metadata,
                sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
                sa.Column("topic", sa.String(100), nullable=False),
                sa.Column("partition", sa.Integer, nullable=False),
                sa.Column("offset", sa.BigInteger, nullable=False),
                sa.Column("kind", sa.String(20), nullable=False),
                sa.Column("event_id", sa.String(64)),
                sa.Column("reason", sa.Text, nullable=False),
                sa.Column("found_at", UtcDateTime, nullable=False),
                sa.Column("hash_version", sa.SmallInteger, nullable=False),
                sa.Column("hash", sa.String(64), nullable=False),
                sa.Column("raw", sa.LargeBinary, nullable=False),
            ),
            lines=lines,
        )
