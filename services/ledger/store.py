"""Tables and queries of the ledger. The journal can only grow: the database itself refuses anything else."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger.domain import Account, Entry, Line
from shared.db import RowNumber, UtcDateTime, bulk_add, bulk_insert, insert_if_absent, insert_new
from shared.inbox import InboxTables

metadata = sa.MetaData()
inbox = InboxTables.declare(metadata)
MIGRATIONS = Path(__file__).parent / "migrations"

journal_entries = sa.Table(
    "journal_entries",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.String(64), nullable=False, unique=True),
    sa.Column("event_type", sa.String(100), nullable=False),
    sa.Column("event_hash", sa.String(64), nullable=False),
    sa.Column("chain", sa.String(120), nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.UniqueConstraint("chain", "sequence"),
)

# Lines are written before their entry; the entry seals them. The key is deferred for that reason.
journal_lines = sa.Table(
    "journal_lines",
    metadata,
    sa.Column(
        "event_id",
        sa.String(64),
        sa.ForeignKey("journal_entries.event_id", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    ),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("account", sa.String(10), nullable=False),
    sa.Column("commodity", sa.String(20), nullable=False),
    sa.Column("object_id", sa.String(64), nullable=False),
    sa.Column("disaster_id", sa.String(64), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Index("journal_lines_object", "object_id", "account"),
)

chains = sa.Table(
    "chains",
    metadata,
    sa.Column("chain", sa.String(120), primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

# Projections: all below can be thrown away and built again from the journal and the events.
balances = sa.Table(
    "balances",
    metadata,
    sa.Column("object_id", sa.String(64), primary_key=True),
    sa.Column("account", sa.String(10), primary_key=True),
    sa.Column("commodity", sa.String(20), primary_key=True),
    sa.Column("disaster_id", sa.String(64), primary_key=True),
    sa.Column("effective_date", sa.Date, primary_key=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
)

names = sa.Table(
    "names",
    metadata,
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("attributes", sa.JSON, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)

forecasts = sa.Table(
    "forecasts",
    metadata,
    sa.Column("event_id", sa.String(64), primary_key=True),
    sa.Column("budget_line_id", sa.String(64), nullable=False, index=True),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("year_end_forecast_won", sa.BigInteger, nullable=False),
)

mentions = sa.Table(
    "mentions",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("event_id", sa.String(64), primary_key=True),
)

PROJECTIONS = (balances, names, forecasts, mentions)


ENTRY_FIELDS = Entry._fields[:-1]  # all but its lines, which have a table of their own


def chain_head(tx: Connection, chain: str) -> tuple[int, str] | None:
    """Sequence and hash of the newest entry of a chain, locked until the transaction ends."""
    row = tx.execute(
        sa.select(chains.c.sequence, chains.c.hash).where(chains.c.chain == chain).with_for_update()
    ).first()
    return None if row is None else (row.sequence, row.hash)


def append_entries(tx: Connection, chained: Iterable[tuple[Entry, str]]) -> list[Entry]:
    """Write entries of one chain with their hashes, lines first, move the head of the chain, and return the entries.

    They are made while their lines are copied: what PostgreSQL does with one need not wait for the next.
    """
    written: list[tuple[Entry, str]] = []

    def lines() -> Iterator[tuple[Any, ...]]:
        for entry, digest in chained:
            written.append((entry, digest))
            for position, line in enumerate(entry.lines):
                yield (entry.event_id, position, *line)

    bulk_insert(tx, journal_lines, ("event_id", "position", *Line._fields), lines())
    bulk_insert(tx, journal_entries, (*ENTRY_FIELDS, "hash"), ((*entry[:-1], digest) for entry, digest in written))
    if written:
        _move_head(tx, *written[-1])
    return [entry for entry, _ in written]


def _move_head(tx: Connection, newest: Entry, digest: str) -> None:
    head = {"chain": newest.chain, "sequence": newest.sequence, "hash": digest}
    if not tx.execute(insert_new(tx.dialect.name, chains), head).first():
        tx.execute(sa.update(chains).where(chains.c.chain == newest.chain).values(head))


def add_to_balances(tx: Connection, entries: Iterable[Entry]) -> None:
    """Add the entries to the daily balances: grouped, and sorted so that two writers cannot deadlock."""
    sums: dict[tuple[Any, ...], int] = {}
    for entry in entries:
        for line in entry.lines:
            key = (line.object_id, line.account, line.commodity, line.disaster_id, entry.effective_date)
            sums[key] = sums.get(key, 0) + line.amount
    columns = ("object_id", "account", "commodity", "disaster_id", "effective_date", "amount")
    bulk_add(tx, balances, columns, [(*key, amount) for key, amount in sorted(sums.items())], amounts=["amount"])


def add_mentions(tx: Connection, rows: list[tuple[str, str]]) -> None:
    """Rows of (id, event id). Every event is new here, so none of them can be there already."""
    bulk_insert(tx, mentions, ("id", "event_id"), rows)


def insert_absent(tx: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.execute(insert_if_absent(tx.dialect.name, table), rows)


def lines_of(tx: Connection, event_ids: list[str]) -> dict[str, list[Line]]:
    """The lines of each entry in the order they were posted."""
    found: dict[str, list[Line]] = {event_id: [] for event_id in event_ids}
    rows = tx.execute(
        sa.select(journal_lines)
        .where(journal_lines.c.event_id.in_(event_ids))
        .order_by(journal_lines.c.event_id, journal_lines.c.position)
    )
    for row in rows:
        found[row.event_id].append(
            Line(Account(row.account), row.commodity, row.object_id, row.disaster_id, row.amount)
        )
    return found
