"""Everything made of the events, made again: to compare it with what stands, or to put it in its place."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger import consumers, operations, store
from services.ledger.operations import Sums
from services.ledger.store import KEY, balance_history, balances, inbox
from shared.chain import number_of
from shared.events import Event, MalformedEvent
from shared.inbox import Accepted, CannotApply

BATCH: Final = 1000
# Projections whose rows follow from one event each: how they are made, and the columns they are compared by.
MADE: Final = (store.names, store.forecasts, store.mentions)


class Drift(NamedTuple):
    """A row that is not what the events say."""

    table: str
    row: str
    reason: str


def batches(
    tx: Connection, table: sa.Table, chain: int, after: int = 0, through: int | None = None
) -> Iterator[list[sa.Row[Any]]]:
    """The rows of a chain in its order, after one sequence and through another."""
    number = number_of(chain, after)
    last = number_of(chain + 1, 0) if through is None else number_of(chain, through)
    query = sa.select(table).order_by(table.c.number).limit(BATCH)
    while rows := tx.execute(query.where(table.c.number > number, table.c.number <= last)).all():
        yield list(rows)
        number = rows[-1].number


def accepted_again(row: sa.Row[Any]) -> Accepted:
    """What an event was taken in as, worked out from its bytes. Raises CannotApply and MalformedEvent."""
    event = Event.from_bytes(bytes(row.body))
    effect = consumers.read(event)
    return Accepted(
        number=row.number,
        topic=row.topic,
        partition=row.partition,
        offset=row.offset,
        event_id=event.id,
        event_type=event.type,
        subject=event.subject,
        account=event.account,
        body_id=event.body_id,
        effective_date=event.effective_date,
        recorded_at=event.time,
        content_hash=row.content_hash,
        control_amount=effect.control_amount,
        line_count=len(effect.lines),
        hash_version=row.hash_version,
        hash=row.hash,
        body=bytes(row.body),
        effect=effect,
    )


class Posting(NamedTuple):
    """What one posting brought: the entries of each of its chains since the posting before."""

    number: int
    entries: list[Accepted]
    drifts: list[Drift]


def postings(tx: Connection) -> Iterator[Posting]:
    """Every posting in order, its entries made again from the events."""
    reached: Counter[int] = Counter()
    rows = tx.execute(sa.select(store.postings).order_by(store.postings.c.number, store.postings.c.chain)).all()
    for number, of_posting in groupby(rows, key=attrgetter("number")):
        posting = Posting(number, [], [])
        for row in of_posting:
            for batch in batches(tx, inbox.events, row.chain, reached[row.chain], row.through_sequence):
                _make_again(tx, batch, posting)
            reached[row.chain] = max(reached[row.chain], row.through_sequence)
        yield posting


def _make_again(tx: Connection, rows: list[sa.Row[Any]], posting: Posting) -> None:
    lines = store.lines_of(tx, [event.number for event in rows])
    for event in rows:
        try:
            again = accepted_again(event)
        except (CannotApply, MalformedEvent) as error:
            posting.drifts.append(Drift("inbox_events", str(event.number), str(error)))
            continue
        posting.entries.append(again)
        posting.drifts.extend(_differs(event, again))
        if lines[event.number] != list(again.effect.lines):
            reason = "its lines are not what the event posts"
            posting.drifts.append(Drift("journal_lines", str(event.number), reason))


def check(tx: Connection) -> dict[str, Any]:
    """Build everything again and compare. `drift` lists every difference; empty means that all is what it should be."""
    found = [drift._asdict() for drift in drifts(tx)]
    entries = tx.execute(sa.select(sa.func.count()).select_from(inbox.events)).scalar_one()
    return {"entries": entries, "drift": found, "clean": not found}


def drifts(tx: Connection) -> Iterator[Drift]:
    """Every row of the journal and of what is made of it that is not what the events say."""
    running: Sums = {}
    counts: Counter[tuple[Any, ...]] = Counter()
    made: dict[str, Counter[str]] = {table.name: Counter() for table in MADE}
    newest: dict[tuple[Any, ...], int] = {}
    stored_history = _history(tx)
    for posting in postings(tx):
        yield from posting.drifts
        changed = operations.sums_of(posting.entries)
        for key, amount in changed.items():
            running[key] = running.get(key, 0) + amount
            newest[key] = posting.number
        expected = {key: running[key] for key in changed}
        if (found := stored_history.pop(posting.number, {})) != expected:
            yield Drift(balance_history.name, str(posting.number), f"{_difference(expected, found)} of this posting")
        counts.update(operations.counts_of(posting.entries))
        for one in posting.entries:
            for name, text in rows_made(one):
                made[name][text] += 1
    yield from (Drift(balance_history.name, str(number), "nothing was posted then") for number in stored_history)
    yield from _drift_of_balances(tx, running, newest)
    yield from _drift_of_counts(tx, counts)
    for table in MADE:
        made[table.name].subtract(_as_text(dict(row)) for row in tx.execute(sa.select(table)).mappings())
        for text, missing in made[table.name].items():
            if missing:
                yield Drift(table.name, text, "it is missing" if missing > 0 else "no event says so")


def rows_made(one: Accepted) -> Iterator[tuple[str, str]]:
    """The rows of `MADE` that follow from an event, as text."""
    if name := operations.name_row(one):
        yield store.names.name, _as_text(name)
    if forecast := operations.forecast_row(one):
        yield store.forecasts.name, _as_text(forecast)
    for mention in operations.mention_rows(one):
        yield store.mentions.name, _as_text(dict(zip(store.mentions.c.keys(), mention, strict=True)))


def rebuild(tx: Connection) -> dict[str, Any]:
    """Throw the projections away and build them again from the events. The journal stays as it is."""
    for table in store.PROJECTIONS:
        tx.execute(sa.delete(table))
    events = 0
    for posting in postings(tx):
        store.add_to_balances(tx, operations.sums_of(posting.entries), posting.number)
        store.add_to_counts(tx, operations.counts_of(posting.entries))
        operations.project(tx, posting.entries)
        events += len(posting.entries)
    return {"events": events, "projections": [table.name for table in store.PROJECTIONS]}


def _differs(row: sa.Row[Any], again: Accepted) -> Iterable[Drift]:
    different = [name for name in Accepted._fields[4:14] if getattr(row, name) != getattr(again, name)]
    return (
        [Drift("inbox_events", str(row.number), f"{', '.join(different)}: not what the event says")]
        if different
        else []
    )


def _history(tx: Connection) -> dict[int, Sums]:
    """What each posting left behind, by `KEY`."""
    columns = [balances.c[name] for name in KEY]
    rows = tx.execute(
        sa.select(balance_history.c.posting, balance_history.c.amount, balance_history.c.balance, *columns)
        .outerjoin(balances, balances.c.id == balance_history.c.balance)
        .order_by(balance_history.c.posting)
    )
    found: dict[int, Sums] = {}
    for posting, amount, balance, *key in rows:
        of_posting = found.setdefault(posting, {})
        of_posting[tuple(key) if key[0] is not None else ("unknown balance", balance)] = amount
    return found


def _drift_of_balances(tx: Connection, running: Sums, newest: dict[tuple[Any, ...], int]) -> Iterator[Drift]:
    expected = {key: (amount, newest[key]) for key, amount in running.items()}
    columns = [balances.c[name] for name in KEY]
    stored = {
        tuple(key): (amount, posting)
        for amount, posting, *key in tx.execute(sa.select(balances.c.amount, balances.c.posting, *columns))
    }
    for key in sorted(expected.keys() | stored.keys(), key=str):
        if expected.get(key) != stored.get(key):
            yield Drift(balances.name, _as_text(key), f"{stored.get(key)} stands, {expected.get(key)} was posted")


def _drift_of_counts(tx: Connection, counts: Counter[tuple[Any, ...]]) -> Iterator[Drift]:
    stored = {tuple(row[:3]): row[3] for row in tx.execute(sa.select(store.counts))}
    for key in sorted(counts.keys() | stored.keys()):
        if counts.get(key, 0) != stored.get(key, 0):
            yield Drift(store.counts.name, _as_text(key), f"{stored.get(key)} stands, {counts.get(key)} was counted")


def _difference(expected: Sums, found: Sums) -> str:
    missing, unknown = len(expected.keys() - found.keys()), len(found.keys() - expected.keys())
    other = sum(expected[key] != found[key] for key in expected.keys() & found.keys())
    return f"{missing} missing, {unknown} unknown, {other} other amounts"


def _as_text(value: Any) -> str:
    return json.dumps(value, default=_iso, ensure_ascii=False, sort_keys=True)


def _iso(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{value!r} stands in no projection")
