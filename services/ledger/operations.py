"""Posting: what happens with events that were taken in, in the transaction that also stores the position."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger import consumers, differences, store
from services.ledger.consumers import Forecast, Named, NamedItem, NamedLine, NamedTask, OpenedTask
from services.ledger.differences import Action
from services.ledger.postings import add_postings
from shared.bus import TopicPartition
from shared.clock import Clock
from shared.db import Database
from shared.inbox import RETAKEN, Accepted, Inbox, Taking, chain_of, source_of
from shared.rows import add_all

Sums = dict[tuple[Any, ...], int]


def inbox_of(database: Database, clock: Clock) -> Inbox:
    """What takes events into the ledger."""

    def post(tx: Connection, takings: Sequence[Taking]) -> None:
        accepted = [one for taking in takings for one in taking.accepted]
        number = add_postings(tx, takings, clock.now())
        store.add_to_balances(tx, sums_of(accepted), number)
        store.add_to_counts(tx, counts_of(accepted))
        project(tx, accepted)

    return Inbox(database, store.inbox, consumers.TOPICS, read=consumers.read, apply=post, clock=clock)


def chains(tx: Connection) -> list[tuple[int, TopicPartition]]:
    """Every chain that anything speaks of."""
    positions, postings = store.inbox.positions, store.postings
    found = {
        chain_of(consumers.TOPICS, TopicPartition(*row))
        for row in tx.execute(sa.select(positions.c.topic, positions.c.partition))
        if row.topic in consumers.TOPICS
    }
    found |= set(tx.execute(sa.select(postings.c.chain).distinct()).scalars())
    return [(chain, source_of(consumers.TOPICS, chain)) for chain in sorted(found)]


def retake(tx: Connection, inbox: Inbox, *, account: str, now: datetime) -> list[dict[str, Any]]:
    """Try to take in what is parked and may be readable by now; what was taken in is noted as ended."""
    taken = []
    for parked in differences.open_breaks(tx):
        if parked["break_kind"] in RETAKEN and (accepted := inbox.retake(tx, int(parked["id"]))):
            reason = f"taken in as {accepted.number}"
            differences.add_note(tx, parked["id"], Action.RETAKE, owner=None, reason=reason, account=account, now=now)
            taken.append({"break": parked["id"], "number": accepted.number, "event_id": accepted.event_id})
    return taken


def project(tx: Connection, accepted: Sequence[Accepted]) -> None:
    """Bring names, forecasts and mentions up to date."""
    if names := [row for one in accepted if (row := name_row(one))]:
        add_all(tx, store.names, names)
    if forecasts := [row for one in accepted if (row := forecast_row(one))]:
        add_all(tx, store.forecasts, forecasts)
    store.add_rows(tx, store.mentions, [row for one in accepted for row in mention_rows(one)])


def sums_of(accepted: Iterable[Accepted]) -> Sums:
    """What the entries add to the daily balances, by `store.KEY`."""
    sums: Sums = {}
    for one in accepted:
        for account, commodity, object_id, *dimensions, amount in one.effect.lines:
            key = (object_id, account, commodity, *dimensions, one.effective_date)
            sums[key] = sums.get(key, 0) + amount
    return sums


def counts_of(accepted: Iterable[Accepted]) -> Sums:
    """What the entries add to the counts, by kind, id and measure."""
    sums: Sums = {}
    for one in accepted:
        for key, amount in one.effect.counts.items():
            sums[key] = sums.get(key, 0) + amount
    return sums


def name_row(one: Accepted) -> dict[str, Any] | None:
    """What an event calls its subject from its effective date on."""
    view = one.effect.view
    match view:
        case Named():
            name, english_name = view.name, view.english_name
        case NamedTask():
            name, english_name = view.title, view.english_title
        case _:
            return None
    return {
        "kind": one.effect.reading.subject.value,
        "id": one.subject,
        "number": one.number,
        "effective_date": one.effective_date,
        "name": name,
        "english_name": english_name,
        "attributes": attributes_of(view),
    }


def attributes_of(view: Any) -> dict[str, Any]:
    """What is told of a thing with its first name, and never changes."""
    match view:
        case NamedLine():
            return {"fund_id": view.fund_id, "fiscal_year": view.fiscal_year}
        case NamedItem():
            return {"unit": view.unit}
        case OpenedTask():
            return {"kind": view.kind, "disaster_id": view.disaster_id}
    return {}


def forecast_row(one: Accepted) -> dict[str, Any] | None:
    view = one.effect.view
    if not isinstance(view, Forecast):
        return None
    return {
        "number": one.number,
        "budget_line_id": view.budget_line_id,
        "effective_date": one.effective_date,
        "year_end_forecast_won": view.year_end_forecast_won,
    }


def mention_rows(one: Accepted) -> list[tuple[str, str, int]]:
    """The ids by which the event may be looked for besides its subject, each with its kind and the entry's number."""
    view = one.effect.view
    found = {
        (id_, kind.value) for name, kind in consumers.TRACEABLE.items() if (id_ := getattr(view, name)) is not None
    }
    return [(id_, kind, one.number) for id_, kind in sorted(found)]
