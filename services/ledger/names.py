"""What things were called on a day, as far as it was known: a rename shows in later reports and not in earlier ones."""

import re
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger.consumers import TOPICS
from services.ledger.domain import Kind
from services.ledger.postings import Knowledge
from services.ledger.store import inbox, names
from shared.bus import TopicPartition
from shared.chain import number_of, place_of
from shared.inbox import chain_of, source_of
from shared.outbox import topic_of


class Named(NamedTuple):
    """A thing as it was called on the day asked for, with what never changes of it."""

    id: str
    name: str
    english_name: str | None
    attributes: dict[str, Any]
    recorded_at: datetime  # when it became known first


def names_of(tx: Connection, kind: Kind, on: date, known: Knowledge | None = None) -> list[Named]:
    """The things of a kind by name. One that had no name yet on that day goes by its first."""
    events = inbox.events
    query = (
        sa.select(names, events.c.recorded_at)
        .join(events, events.c.number == names.c.number)
        .where(names.c.kind == kind.value)
    )
    if known is not None:
        query = query.where(known.covers(names.c.number))
    told: dict[str, list[sa.Row[Any]]] = {}
    # What is told of one thing are links of one chain: their numbers are in the order of recording.
    for row in tx.execute(query.order_by(names.c.id, names.c.number)):
        told.setdefault(row.id, []).append(row)
    return sorted((_on(rows, on) for rows in told.values()), key=lambda thing: (thing.name, thing.id))


def _on(rows: list[sa.Row[Any]], on: date) -> Named:
    first = rows[0]
    in_effect = [row for row in rows if row.effective_date <= on]
    # Of two names of one day the later one corrects the earlier.
    holding = max(in_effect, key=lambda row: (row.effective_date, row.number)) if in_effect else first
    return Named(first.id, holding.name, holding.english_name, first.attributes, first.recorded_at)


def entry_name(number: int) -> str:
    """An entry as a person can say it: the service that told the fact, the partition, and its place there."""
    chain, sequence = place_of(number)
    source = source_of(TOPICS, chain)
    return f"{source.topic.split('.')[1]}-{source.partition}-{sequence}"


def entry_number(name: str) -> int | None:
    """The number behind such a name, or behind the number itself; None for anything else."""
    if re.fullmatch(r"[0-9]{1,16}", name):
        return int(name)
    match = re.fullmatch(r"([a-z]+)-([0-9]{1,4})-([0-9]{1,12})", name)
    if match is None or (topic := topic_of(match[1])) not in TOPICS:
        return None
    return number_of(chain_of(TOPICS, TopicPartition(topic, int(match[2]))), int(match[3]))


def known_ids(tx: Connection) -> dict[str, set[str]]:
    """Every id that some event gave a name to, by its kind."""
    found: dict[str, set[str]] = {kind.value: set() for kind in Kind}
    for kind, id_ in tx.execute(sa.select(names.c.kind, names.c.id).distinct()):
        found[kind].add(id_)
    return found
