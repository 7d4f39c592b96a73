"""The least that the ledger's rows could cost: a bare COPY of them into the same indexed tables."""

import gc
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import sqlalchemy as sa

from services.ledger import operations, store
from services.ledger.store import inbox, postings
from shared.bus import Delivery
from shared.chain import number_of
from shared.clock import SystemClock
from shared.db import Database, bulk_insert
from tests.bench.bench import Bench
from tests.bench.ledgers import empty_ledger

# What the ledger writes for a batch, lines before the events that seal them. Names are left out: there are a handful.
OF_EVENTS: Final = (store.journal_lines, inbox.events, store.mentions)
OF_POSTINGS: Final = {postings: postings.c.number, store.balance_history: store.balance_history.c.posting}
# What batches share is copied once, as it is in the end.
SHARED: Final = (store.balances, store.counts)

Chunk = list[tuple[sa.Table, list[tuple[Any, ...]]]]


def copied_chunks(bench: Bench, prepared: Iterable[Sequence[Delivery]]) -> list[Chunk]:
    """The rows the ledger writes for each batch, as Python values."""
    with empty_ledger(bench.new_database_url()) as database:
        taking = operations.inbox_of(database, SystemClock())
        for batch in prepared:
            taking.take(batch)
        with database.read() as tx:
            chunks = [*_chunks(tx), [(table, _rows(tx, table, sa.true())) for table in SHARED]]
    gc.collect()
    gc.freeze()  # neither side of a comparison is to search what was prepared here for garbage
    bench.parts.callback(gc.unfreeze)
    return chunks


def by_copy(bench: Bench, chunks: Iterable[Chunk], count: int, *, with_triggers: bool = False) -> float:
    """Events per second; a transaction per batch, as in the ledger."""
    with empty_ledger(bench.new_database_url()) as database:
        started = time.perf_counter()
        for chunk in chunks:
            _copy(database, chunk, with_triggers=with_triggers)
        return count / (time.perf_counter() - started)


def _chunks(tx: sa.Connection) -> list[Chunk]:
    """One for each posting."""
    chunks, reached = [], dict[int, int]()
    rows = tx.execute(sa.select(postings).order_by(postings.c.number, postings.c.chain))
    for number, of_posting in groupby(rows, key=attrgetter("number")):
        ranges = []
        for row in of_posting:
            ranges.append(
                (number_of(row.chain, reached.get(row.chain, 0) + 1), number_of(row.chain, row.through_sequence))
            )
            reached[row.chain] = row.through_sequence
        chunk = [
            (table, _rows(tx, table, sa.or_(*(table.c.number.between(*one) for one in ranges)))) for table in OF_EVENTS
        ]
        chunks.append(chunk + [(table, _rows(tx, table, posting == number)) for table, posting in OF_POSTINGS.items()])
    return chunks


def _rows(tx: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> list[tuple[Any, ...]]:
    query = sa.select(table).where(which).order_by(*table.primary_key.columns)
    return [tuple(row) for row in tx.execute(query)]


def _copy(database: Database, chunk: Chunk, *, with_triggers: bool) -> None:
    with database.write() as tx:
        if not with_triggers:
            tx.execute(sa.text("SET LOCAL session_replication_role = replica"))  # neither guards nor foreign keys
        for table, rows in chunk:
            bulk_insert(tx, table, [column.name for column in table.c], rows)
