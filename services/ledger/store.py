"""Tables and queries of the ledger. The journal can only grow: the database itself refuses anything else."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger.domain import Line
from shared.access import access_table
from shared.db import RowNumber, UtcDateTime, bulk_add, bulk_insert
from shared.idempotency import idempotency_table
from shared.inbox import InboxTables

metadata = sa.MetaData()
access = access_table(metadata)
idempotency = idempotency_table(metadata)
MIGRATIONS = Path(__file__).parent / "migrations"


def _dimensions(*, primary_key: bool = False) -> list[sa.Column[Any]]:
    """What a line counts, and by what it can be asked for: one column per field of `Line` but the amount."""
    return [
        sa.Column("account", sa.String(10), nullable=False, primary_key=primary_key),
        sa.Column("commodity", sa.String(40), nullable=False, primary_key=primary_key),
        sa.Column("object_id", sa.String(64), nullable=False, primary_key=primary_key),
        sa.Column("disaster_id", sa.String(64), nullable=False, primary_key=primary_key),
        sa.Column("fund_id", sa.String(64), nullable=False, primary_key=primary_key),
        sa.Column("fiscal_year", sa.Integer, nullable=False, primary_key=primary_key),
        sa.Column("region_id", sa.String(64), nullable=False, primary_key=primary_key),
        sa.Column("party_id", sa.String(64), nullable=False, primary_key=primary_key),
        sa.Column("relief_stage", sa.String(64), nullable=False, primary_key=primary_key),
    ]


# Lines are written before their event; the event seals them. The key is deferred for that reason.
journal_lines = sa.Table(
    "journal_lines",
    metadata,
    sa.Column(
        "number",
        sa.BigInteger,
        sa.ForeignKey("inbox_events.number", deferrable=True, initially="DEFERRED"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("position", sa.Integer, primary_key=True),
    *_dimensions(),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Index("journal_lines_object", "object_id", "account"),
)
inbox = InboxTables.declare(metadata, journal_lines)

# Each transaction of a reader is one posting, with a row per partition it took from. What was posted by a moment is
# therefore known for ever, whatever the clocks of the sources say: see `services.ledger.postings`.
postings = sa.Table(
    "postings",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("chain", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("through_sequence", sa.BigInteger, nullable=False),
    sa.Column("chain_hash", sa.String(64), nullable=False),
    sa.Column("next_offset", sa.BigInteger, nullable=False),
    sa.Column("posted_at", UtcDateTime, nullable=False),
    sa.Column("hash_version", sa.SmallInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("postings_by_moment", "posted_at", "chain"),
)

# One row: what comes next is posted after `sealed_at`. Who asks what was known at a moment raises it to that moment.
posting_clock = sa.Table(
    "posting_clock",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sealed_at", UtcDateTime, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

# What people said of a break or of a finding: who looks after it, and what explains it. Only ever added to.
notes = sa.Table(
    "notes",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("difference", sa.String(64), nullable=False, index=True),
    sa.Column("action", sa.String(20), nullable=False),
    sa.Column("owner", sa.String(64)),
    sa.Column("reason", sa.String(1000), nullable=False),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("hash_version", sa.SmallInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

anchors = sa.Table(
    "anchors",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("signature", sa.String(100), nullable=False),
)

# What a balance is kept for: the object first, because that is what reports ask for.
KEY: Final = ("object_id", *(name for name in Line._fields if name not in ("object_id", "amount")), "effective_date")

# Projections: all below can be thrown away and built again from the journal and the events.
balances = sa.Table(
    "balances",
    metadata,
    sa.Column("id", RowNumber, primary_key=True, autoincrement=True),
    *_dimensions(),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("posting", sa.BigInteger, nullable=False),  # the newest that changed it
    sa.UniqueConstraint(*KEY),
    sa.Index("balances_posting", "posting"),
)
# What each balance was after each posting that changed it: what was known at a moment is looked up, not summed up.
balance_history = sa.Table(
    "balance_history",
    metadata,
    sa.Column("balance", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("posting", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
)

# What the owner of a thing counts as well: a line's money, a lot's goods, a shift's seats. Reconciliation compares.
counts = sa.Table(
    "counts",
    metadata,
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("measure", sa.String(40), primary_key=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
)

# A name holds from its effective date until the next one.
names = sa.Table(
    "names",
    metadata,
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("english_name", sa.String(200)),
    sa.Column("attributes", sa.JSON, nullable=False),
)

forecasts = sa.Table(
    "forecasts",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("budget_line_id", sa.String(64), nullable=False, index=True),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("year_end_forecast_won", sa.BigInteger, nullable=False),
)

mentions = sa.Table(
    "mentions",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
)

PROJECTIONS: Final = (balance_history, balances, counts, names, forecasts, mentions)


def add_to_balances(tx: Connection, sums: Mapping[tuple[Any, ...], int], posting: int) -> None:
    """Add sums by `KEY` to the daily balances, in one order for all writers, and keep what they became."""
    columns = (*KEY, "amount", "posting")
    rows = [(*key, amount, posting) for key, amount in sorted(sums.items())]
    bulk_add(tx, balances, columns, rows, key=KEY, amounts=["amount"])
    changed = sa.select(balances.c.id, balances.c.posting, balances.c.amount).where(balances.c.posting == posting)
    tx.execute(sa.insert(balance_history).from_select(["balance", "posting", "amount"], changed))


def add_to_counts(tx: Connection, sums: Mapping[tuple[Any, ...], int]) -> None:
    columns = [column.name for column in counts.c]
    rows = [(*key, amount) for key, amount in sorted(sums.items()) if amount]
    bulk_add(tx, counts, columns, rows, key=columns[:-1], amounts=["amount"])


def add_rows(tx: Connection, table: sa.Table, rows: Iterable[tuple[Any, ...]]) -> None:
    bulk_insert(tx, table, [column.name for column in table.c], rows)


def lines_of(tx: Connection, numbers: Sequence[int]) -> dict[int, list[Line]]:
    """The lines of each entry in the order they were posted."""
    found: dict[int, list[Line]] = {number: [] for number in numbers}
    columns = [journal_lines.c[name] for name in Line._fields]
    rows = tx.execute(
        sa.select(journal_lines.c.number, *columns)
        .where(journal_lines.c.number.in_(numbers))
        .order_by(journal_lines.c.number, journal_lines.c.position)
    )
    for number, *line in rows:
        found[number].append(Line._make(line))
    return found
