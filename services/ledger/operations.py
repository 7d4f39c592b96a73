"""Posting: what happens with a batch of events, all of it in the transaction that also stores the position."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from services.ledger import consumers, store
from services.ledger.domain import FIRST_HASH, Entry
from shared.events import Event
from shared.inbox import Received

LONGEST_NAME = 200


def post(tx: Connection, batch: Sequence[Received]) -> None:
    """Post events of one partition: journal, chain and projections. Raises CannotApply."""
    source = batch[0].source
    chain = f"{source.topic}/{source.partition}"
    head = store.chain_head(tx, chain)
    entries = store.append_entries(tx, chained(chain, batch, head or (0, FIRST_HASH)))
    project(tx, entries, [received.event for received in batch])


def chained(chain: str, batch: Iterable[Received], head: tuple[int, str]) -> Iterable[tuple[Entry, str]]:
    """The entries of a batch with their hashes, each linked to the one before; `head` is the newest so far."""
    sequence, previous_hash = head
    for received in batch:
        event = received.event
        lines = consumers.postings(event)
        if not lines:
            continue
        sequence += 1
        entry = Entry(
            chain=chain,
            sequence=sequence,
            event_id=event.id,
            event_type=event.type,
            event_hash=received.content_hash,
            subject=event.subject,
            effective_date=event.effective_date,
            recorded_at=event.time,
            previous_hash=previous_hash,
            lines=tuple(lines),
        )
        previous_hash = entry.hash()
        yield entry, previous_hash


def project(tx: Connection, entries: Iterable[Entry], events: Sequence[Event]) -> None:
    """Bring the projections up to date with new entries and events."""
    store.add_to_balances(tx, entries)
    store.insert_absent(tx, store.names, [row for event in events if (row := name_row(event))])
    store.insert_absent(tx, store.forecasts, [row for event in events if (row := forecast_row(event))])
    store.add_mentions(tx, [row for event in events for row in mention_rows(event)])


def name_row(event: Event) -> dict[str, Any] | None:
    """Raises CannotApply."""
    naming = consumers.NAMES.get(event.type)
    if naming is None:
        return None
    return {
        "kind": naming.kind,
        "id": consumers.text(event.data, naming.id_field),
        "name": consumers.text(event.data, naming.name_field, LONGEST_NAME),
        "attributes": {name: consumers.detail(event.data, name) for name in naming.details},
        "recorded_at": event.time,
    }


def forecast_row(event: Event) -> dict[str, Any] | None:
    """Raises CannotApply."""
    if event.type != consumers.FORECAST:
        return None
    return {
        "event_id": event.id,
        "budget_line_id": consumers.text(event.data, "budget_line_id"),
        "effective_date": event.effective_date,
        "recorded_at": event.time,
        "year_end_forecast_won": consumers.whole(event.data, "year_end_forecast_won"),
    }


def mention_rows(event: Event) -> list[tuple[str, str]]:
    """The ids by which the event may be looked for besides its subject, each with the event's own."""
    ids = {event.data[name] for name in consumers.TRACEABLE if name in event.data} - {event.subject}
    return [(id_, event.id) for id_ in sorted(ids, key=str) if isinstance(id_, str) and len(id_) <= 64]
