"""From any id to the events and entries behind it, and back."""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger.store import inbox, journal_entries, journal_lines, lines_of, mentions
from shared.refusals import Unknown

LIMIT = 500


def trace(tx: Connection, id_: str) -> dict[str, Any]:
    """Events and entries that `id_` names: an event, an entry's number, or anything events speak of.

    An event brings with it all events of the same subject, so a payment leads to its whole document.
    At most LIMIT events, newest first taken; `truncated` says so. Raises Unknown.
    """
    events = inbox.events
    direct = sa.union(
        sa.select(events.c.event_id).where(events.c.event_id == id_),
        sa.select(events.c.event_id).where(events.c.subject == id_),
        sa.select(mentions.c.event_id).where(mentions.c.id == id_),
        sa.select(journal_lines.c.event_id).where(journal_lines.c.object_id == id_),
        *(
            [sa.select(journal_entries.c.event_id).where(journal_entries.c.number == int(id_))]
            if is_number(id_)
            else []
        ),
    )
    subjects = sa.select(events.c.subject).where(events.c.event_id.in_(direct))
    found = tx.execute(
        sa.select(events)
        .where(events.c.subject.in_(subjects))
        .order_by(events.c.topic, events.c.partition.desc(), events.c.offset.desc())
        .limit(LIMIT + 1)
    ).all()
    if not found:
        raise Unknown(kind="event, document or figure", id=id_)
    kept = found[:LIMIT]
    return {
        "id": id_,
        "events": sorted((event_view(row) for row in kept), key=chronological),
        "entries": entry_views(tx, [row.event_id for row in kept]),
        "truncated": len(found) > LIMIT,
    }


def chronological(event: dict[str, Any]) -> tuple[str, str, int]:
    """Within one moment, the steps of one subject stay in the order of its versions."""
    return event["time"], event["subject"], event["aggregate_version"]


def is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def event_view(row: sa.Row[Any]) -> dict[str, Any]:
    body = json.loads(row.body)
    return {
        "id": body["id"],
        "type": body["type"],
        "time": body["time"],
        "effective_date": body["effectivedate"],
        "subject": body["subject"],
        "correlation_id": body["correlationid"],
        "aggregate_version": body["aggregateversion"],
        "data": body["data"],
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.offset,
    }


def entry_views(tx: Connection, event_ids: list[str]) -> list[dict[str, Any]]:
    """The entries of these events with their lines, in the order of recording."""
    entries = tx.execute(
        sa.select(journal_entries)
        .where(journal_entries.c.event_id.in_(event_ids))
        .order_by(journal_entries.c.recorded_at, journal_entries.c.chain, journal_entries.c.sequence)
    ).all()
    lines = lines_of(tx, [entry.event_id for entry in entries])
    return [{**entry._asdict(), "lines": [line._asdict() for line in lines[entry.event_id]]} for entry in entries]
