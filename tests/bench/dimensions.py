"""f. Journal lines with their dimensions as columns beside lines with the key of an interned set of dimensions.

The journal has them as columns; these figures say what that costs and what it saves.
"""

import contextlib
import hashlib
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from services.ledger import consumers
from services.ledger.domain import Account, Dimensions, Line
from shared.db import Database, bulk_insert, ensure_database, insert_if_absent
from shared.events import Event, canonical_json
from tests.bench import facts
from tests.bench.bench import Bench
from tests.bench.filling import analyse

BATCH_SIZE: Final = 5_000  # lines of a transaction, as many as the events of one batch post
KEY_BYTES: Final = 16  # of the hash: too many for two sets to meet on one key
WAYS: Final = ("columns", "interned")
DIMENSIONS: Final = Line._fields[3:-1]

Row = tuple[Any, ...]  # number, position, and a Line
metadata = sa.MetaData()


def texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Integer if name == "fiscal_year" else sa.String(64), nullable=False) for name in names]


def lines_table(name: str, *of_dimensions: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True),
        *texts(*Line._fields[:3]),
        *of_dimensions,
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Index(f"{name}_object", "object_id", "account"),
    )


WITH_COLUMNS: Final = lines_table("lines_with_columns", *texts(*DIMENSIONS))
WITH_KEYS: Final = lines_table("lines_with_keys", sa.Column("dimensions", sa.LargeBinary, nullable=False))
SETS: Final = sa.Table("dimensions", metadata, sa.Column("key", sa.LargeBinary, primary_key=True), *texts(*DIMENSIONS))
TABLES: Final = {"columns": (WITH_COLUMNS,), "interned": (WITH_KEYS, SETS)}


def measure(bench: Bench) -> None:
    lines = list(itertools.islice(posted(), bench.options.amounts.lines))
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    sizes: dict[str, list[float]] = {way: [] for way in WAYS}
    queries: dict[str, list[float]] = {way: [] for way in WAYS}
    with bench.progress("f. dimensions", bench.options.repeats * len(WAYS)) as progress:
        for _, way in itertools.product(range(bench.options.repeats), WAYS):
            with empty(bench) as database:
                rates[way].append(copy(database, lines, way))
                analyse(database)
                sizes[way].append(size_of(database, way) / len(lines))
                views = [grouped(database, way) for _ in range(bench.options.amounts.views)]
                queries[way].append(statistics.median(views) * 1000)
            progress.update()
    for figure, values, unit in (("copy", rates, "rows/s"), ("size", sizes, "bytes/row"), ("query", queries, "ms")):
        bench.results.add(f"dimensions.{figure}.columns", values["columns"], unit)
        bench.results.add(f"dimensions.{figure}.interned", values["interned"], unit, beside=values["columns"])


def posted() -> Iterator[Row]:
    """Lines of the mix without end, each with the number of its entry and its place there."""
    for number, fact in enumerate(facts.mix(), start=1):
        event = Event.from_bytes(facts.event_of(number, number + 1, fact).to_bytes())
        for position, line in enumerate(consumers.read(event).lines):
            yield number, position, *line


@contextlib.contextmanager
def empty(bench: Bench) -> Iterator[Database]:
    url = f"{bench.new_database_url()}_dimensions"
    ensure_database(url)
    database = Database(url)
    try:
        with database.write() as tx:
            metadata.create_all(tx)
        yield database
    finally:
        database.close()


def copy(database: Database, lines: Sequence[Row], way: str) -> float:
    """Rows per second, the work of finding their keys included."""
    keys: dict[Row, bytes] = {}
    started = time.perf_counter()
    for start in range(0, len(lines), BATCH_SIZE):
        batch = lines[start : start + BATCH_SIZE]
        with database.write() as tx:
            if way == "columns":
                bulk_insert(tx, WITH_COLUMNS, WITH_COLUMNS.c.keys(), batch)
            else:
                bulk_insert(tx, WITH_KEYS, WITH_KEYS.c.keys(), interned(tx, batch, keys))
    return len(lines) / (time.perf_counter() - started)


def interned(tx: sa.Connection, batch: Sequence[Row], keys: dict[Row, bytes]) -> list[Row]:
    """The rows with keys in the place of their dimensions. `keys` are those that this writer knows."""
    if new := {row[5:-1] for row in batch} - keys.keys():
        keys |= {values: hashlib.sha256(canonical_json(values)).digest()[:KEY_BYTES] for values in new}
        rows = [{"key": keys[values], **Dimensions(*values)._asdict()} for values in sorted(new)]
        tx.execute(insert_if_absent(tx.dialect.name, SETS), rows)
    return [(*row[:5], keys[row[5:-1]], row[-1]) for row in batch]


def size_of(database: Database, way: str) -> int:
    """Bytes on disk, indexes included."""
    with database.read() as tx:
        sizes = [tx.execute(sa.select(sa.func.pg_total_relation_size(table.name))) for table in TABLES[way]]
        return sum(size.scalar_one() for size in sizes)


def grouped(database: Database, way: str) -> float:
    """Seconds of asking what was spent by disaster and region."""
    lines, *others = TABLES[way]
    (named,) = others or (lines,)
    source = lines.join(named, named.c.key == lines.c.dimensions) if others else lines
    groups = (named.c.disaster_id, named.c.region_id)
    query = sa.select(*groups, sa.func.sum(lines.c.amount)).select_from(source).group_by(*groups)
    with database.read() as tx:
        started = time.perf_counter()
        rows = tx.execute(query.where(lines.c.account == Account.EXPENDED.value)).all()
        seconds = time.perf_counter() - started
    assert {row.region_id for row in rows} <= facts.REGIONS.keys()
    return seconds
