"""Proof that nothing was changed: the hash chain, and everything built again from the events."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger import operations, store
from services.ledger.domain import FIRST_HASH, Entry, imbalance
from services.ledger.store import chains, inbox, journal_entries, journal_lines
from shared.bus import TopicPartition
from shared.events import Event, MalformedEvent, content_hash
from shared.inbox import CannotApply, Received

BATCH = 1000


def stored_entries(tx: Connection, chain: str) -> Iterator[tuple[Entry, str]]:
    """The entries of a chain as they stand in the database, with the hashes stored beside them."""
    after = 0
    while rows := tx.execute(
        sa.select(journal_entries)
        .where(journal_entries.c.chain == chain, journal_entries.c.sequence > after)
        .order_by(journal_entries.c.sequence)
        .limit(BATCH)
    ).all():
        lines = store.lines_of(tx, [row.event_id for row in rows])
        for row in rows:
            values = {name: getattr(row, name) for name in store.ENTRY_FIELDS}
            yield Entry(lines=tuple(lines[row.event_id]), **values), row.hash
        after = rows[-1].sequence


def verify(tx: Connection) -> dict[str, Any]:
    """Recompute every hash of every chain. `first_broken` names the first entry that does not fit, if any."""
    heads = tx.execute(sa.select(chains).order_by(chains.c.chain)).all()
    broken: dict[str, Any] | None = None
    counted = []
    for head in heads:
        sequence, previous = 0, FIRST_HASH
        for entry, stored_hash in stored_entries(tx, head.chain):
            problem = _problem_of(tx, entry, stored_hash, sequence, previous)
            if problem and broken is None:
                broken = {
                    "chain": head.chain,
                    "sequence": entry.sequence,
                    "event_id": entry.event_id,
                    "reason": problem,
                }
            sequence, previous = entry.sequence, stored_hash
        if (sequence, previous) != (head.sequence, head.hash) and broken is None:
            broken = {
                "chain": head.chain,
                "sequence": sequence,
                "event_id": None,
                "reason": "the chain ends before its recorded head",
            }
        counted.append({"chain": head.chain, "entries": sequence, "head": head.hash})
    total = tx.execute(sa.select(sa.func.count()).select_from(journal_entries)).scalar_one()
    if broken is None and total != sum(chain["entries"] for chain in counted):
        broken = {"chain": None, "sequence": None, "event_id": None, "reason": "entries exist outside every chain"}
    return {"entries": total, "chains": counted, "valid": broken is None, "first_broken": broken}


def _problem_of(tx: Connection, entry: Entry, stored_hash: str, sequence: int, previous: str) -> str | None:
    if entry.sequence != sequence + 1:
        return f"entry {sequence + 1} is missing"
    if entry.previous_hash != previous:
        return "it does not carry the hash of the entry before"
    if entry.hash() != stored_hash:
        return "its content does not give its hash"
    if imbalance(entry.lines):
        return "its lines do not balance"
    body = tx.execute(sa.select(inbox.events.c.body).where(inbox.events.c.event_id == entry.event_id)).scalar()
    if body is None or content_hash(bytes(body)) != entry.event_hash:
        return "the event behind it is missing or was changed"
    return None


def received_events(tx: Connection) -> Iterator[tuple[TopicPartition, list[Received]]]:
    """Every accepted event in the order of its partition, in batches of one partition each."""
    events = inbox.events
    sources = tx.execute(
        sa.select(events.c.topic, events.c.partition).distinct().order_by(events.c.topic, events.c.partition)
    )
    for topic, partition in sources.all():
        source, after = TopicPartition(topic, partition), -1
        while rows := tx.execute(
            sa.select(events.c.offset, events.c.body)
            .where(events.c.topic == topic, events.c.partition == partition, events.c.offset > after)
            .order_by(events.c.offset)
            .limit(BATCH)
        ).all():
            batch = []
            for row in rows:
                raw = bytes(row.body)
                batch.append(Received(Event.from_bytes(raw), raw, content_hash(raw), source, row.offset))
            yield source, batch
            after = rows[-1].offset


def check_rebuild(tx: Connection) -> dict[str, Any]:
    """Build the journal again from the events and the balances again from the journal, and compare.

    `drift` lists every difference; empty means that what is stored is what the events say.
    """
    drift: list[dict[str, Any]] = []
    entries = _check_journal(tx, drift)
    _check_balances(tx, drift)
    _check_other_projections(tx, drift)
    return {"entries": entries, "drift": drift, "clean": not drift}


def _check_journal(tx: Connection, drift: list[dict[str, Any]]) -> int:
    count = 0
    for source, batches in groupby(received_events(tx), key=lambda item: item[0]):
        chain = f"{source.topic}/{source.partition}"
        stored = stored_entries(tx, chain)
        head = (0, FIRST_HASH)
        try:
            for _, batch in batches:
                for entry, digest in operations.chained(chain, batch, head):
                    head = (entry.sequence, digest)
                    count += 1
                    kept = next(stored, None)
                    if kept is None or kept[1] != digest or kept[0] != entry:
                        drift.append(
                            {"kind": "journal", "chain": chain, "sequence": entry.sequence, "event_id": entry.event_id}
                        )
                        break
        except (CannotApply, MalformedEvent) as error:
            drift.append({"kind": "event", "chain": chain, "sequence": head[0] + 1, "reason": str(error)})
        if next(stored, None) is not None:
            drift.append({"kind": "journal", "chain": chain, "reason": "entries without events"})
    return count


def _check_balances(tx: Connection, drift: list[dict[str, Any]]) -> None:
    keys = (
        journal_lines.c.object_id,
        journal_lines.c.account,
        journal_lines.c.commodity,
        journal_lines.c.disaster_id,
        journal_entries.c.effective_date,
    )
    rebuilt = tx.execute(
        sa.select(*keys, sa.func.sum(journal_lines.c.amount))
        .join(journal_entries, journal_entries.c.event_id == journal_lines.c.event_id)
        .group_by(*keys)
    )
    difference = Counter({tuple(row[:5]): int(row[5]) for row in rebuilt})
    difference.subtract({tuple(row[:5]): int(row[5]) for row in tx.execute(sa.select(store.balances))})
    for key, amount in difference.items():
        if amount:
            object_id, account, commodity, _, effective_date = key
            drift.append(
                {
                    "kind": "balance",
                    "object_id": object_id,
                    "account": account,
                    "commodity": commodity,
                    "effective_date": effective_date.isoformat(),
                    "missing_amount": amount,
                }
            )


def _check_other_projections(tx: Connection, drift: list[dict[str, Any]]) -> None:
    expected: Counter[str] = Counter()
    for _, batch in received_events(tx):
        for received in batch:
            expected.update(_projected_rows(received.event))
    for table, columns in (
        (store.names, ("kind", "id", "name")),
        (store.forecasts, ("event_id", "year_end_forecast_won")),
    ):
        expected.subtract(
            json.dumps([table.name, *(getattr(row, column) for column in columns)])
            for row in tx.execute(sa.select(table))
        )
    drift.extend({"kind": "projection", "row": row, "missing": count} for row, count in expected.items() if count)


def _projected_rows(event: Event) -> Iterator[str]:
    if name := operations.name_row(event):
        yield json.dumps(["names", name["kind"], name["id"], name["name"]])
    if forecast := operations.forecast_row(event):
        yield json.dumps(["forecasts", forecast["event_id"], forecast["year_end_forecast_won"]])


def rebuild(tx: Connection) -> dict[str, Any]:
    """Throw the projections away and build them again from the events. The journal stays as it is."""
    for table in store.PROJECTIONS:
        tx.execute(sa.delete(table))
    events = 0
    for source, batch in received_events(tx):
        chain = f"{source.topic}/{source.partition}"
        entries = [entry for entry, _ in operations.chained(chain, batch, (0, FIRST_HASH))]
        operations.project(tx, entries, [received.event for received in batch])
        events += len(batch)
    return {"events": events, "projections": [table.name for table in store.PROJECTIONS]}
