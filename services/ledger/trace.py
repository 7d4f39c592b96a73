"""From any id to the events and entries behind it, and back."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger.consumers import READINGS
from services.ledger.domain import COUNTED, Account, AmbiguousId, Kind
from services.ledger.names import entry_name, entry_number
from services.ledger.store import inbox, journal_lines, lines_of, mentions
from shared.events import Event
from shared.refusals import Unknown

LIMIT: Final = 500
EVENT: Final = "event"
ENTRY: Final = "entry"


def trace(tx: Connection, id_: str, kind: str | None = None) -> dict[str, Any]:
    """Events and entries that `id_` names: an event, an entry's number, or anything events speak of.

    An event brings with it all events of the same subject, so a payment leads to its whole document.
    At most LIMIT events, newest first taken; `truncated` says so. Raises Unknown, and AmbiguousId where the id
    names things of several kinds and `kind` does not say which is meant.
    """
    named = _named(tx, id_)
    if kind is not None:
        named = {found: numbers for found, numbers in named.items() if found == kind}
    if not named:
        raise Unknown(kind=kind or "event, document or figure", id=id_)
    if len(named) > 1:
        raise AmbiguousId(id=id_, kinds=", ".join(sorted(named)))
    ((meant, numbers),) = named.items()
    return {"id": id_, "kind": meant, **_behind(tx, numbers)}


def _named(tx: Connection, id_: str) -> dict[str, sa.Select[Any]]:
    """What kinds of things `id_` names, each with the query for the numbers of the entries that speak of it."""
    events, found = inbox.events, dict[str, sa.Select[Any]]()
    as_event = sa.select(events.c.number).where(events.c.event_id == id_)
    if _finds(tx, as_event):
        found[EVENT] = as_event
    as_entry = sa.select(events.c.number).where(events.c.number == entry_number(id_))
    if _finds(tx, as_entry):
        found[ENTRY] = as_entry
    types = tx.execute(sa.select(events.c.event_type).where(events.c.subject == id_).distinct()).scalars()
    spoken_of = {READINGS[type_].subject for type_ in types}
    spoken_of |= {
        Kind(kind) for kind in tx.execute(sa.select(mentions.c.kind).where(mentions.c.id == id_).distinct()).scalars()
    }
    spoken_of |= {kind for kind in set(COUNTED.values()) if _finds(tx, _lines_of(id_, kind))}
    for kind in spoken_of:
        own_types = [type_ for type_, reading in READINGS.items() if reading.subject is kind]
        told = sa.select(events.c.number).where(events.c.subject == id_, events.c.event_type.in_(own_types))
        mentioned = sa.select(mentions.c.number).where(mentions.c.id == id_, mentions.c.kind == kind.value)
        found[kind.value] = sa.select(sa.union(told, mentioned, _lines_of(id_, kind)).subquery())
    return found


def _lines_of(id_: str, kind: Kind) -> sa.Select[Any]:
    """The entries whose lines count the thing of this kind with this id."""
    accounts = [account.value for account in Account if COUNTED[account[0]] is kind]
    return sa.select(journal_lines.c.number).where(
        journal_lines.c.object_id == id_, journal_lines.c.account.in_(accounts)
    )


def _finds(tx: Connection, query: sa.Select[Any]) -> bool:
    return tx.execute(query.limit(1)).first() is not None


def _behind(tx: Connection, numbers: sa.Select[Any]) -> dict[str, Any]:
    """Everything told of the subjects of these entries."""
    events = inbox.events
    direct = sa.select(events.c.subject, events.c.event_type).where(events.c.number.in_(numbers)).distinct()
    # An id that two kinds of things share must not bring both.
    subjects = {(subject, READINGS[type_].subject) for subject, type_ in tx.execute(direct.limit(LIMIT + 1))}
    found = tx.execute(
        sa.select(events)
        .where(events.c.subject.in_({subject for subject, _ in subjects}))
        .order_by(events.c.recorded_at.desc(), events.c.number.desc())
        .limit(LIMIT + 1)
    ).all()
    kept = [row for row in found[:LIMIT] if (row.subject, READINGS[row.event_type].subject) in subjects]
    return {
        "events": [event_view(row) for row in sorted(kept, key=_chronological)],
        "entries": entry_views(tx, kept),
        "truncated": len(found) > LIMIT,
    }


def _chronological(row: sa.Row[Any]) -> tuple[Any, ...]:
    """Within one moment, the steps of one subject stay in the order of their chain."""
    return row.recorded_at, row.subject, row.number


def event_view(row: sa.Row[Any]) -> dict[str, Any]:
    event = Event.from_bytes(bytes(row.body))
    return {
        "id": event.id,
        "type": event.type,
        "time": event.time,
        "effective_date": event.effective_date,
        "subject": event.subject,
        "subject_kind": READINGS[event.type].subject.value,
        "account": event.account,
        "body_id": event.body_id,
        "correlation_id": event.correlation_id,
        "aggregate_version": event.aggregate_version,
        "data": event.payload(dict),
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.offset,
    }


def entry_views(tx: Connection, rows: Sequence[sa.Row[Any]]) -> list[dict[str, Any]]:
    """The entries of these events that post anything, with their lines, in the order of recording."""
    posting = sorted((row for row in rows if row.line_count), key=lambda row: (row.recorded_at, row.number))
    lines = lines_of(tx, [row.number for row in posting])
    return [
        {**row._asdict(), "name": entry_name(row.number), "lines": [line._asdict() for line in lines[row.number]]}
        for row in posting
    ]
