"""The order of posting: what the ledger knew by a moment, the same answer for ever.

Every transaction of a reader ends by taking the posting clock, which makes transactions commit in the order of their
moments. A question about a moment seals it: nothing is ever posted at or before it again. Neither the clocks of the
sources nor a clock that is set back can change an answer that was given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger import store
from services.ledger.domain import KnownAtInFuture
from shared.chain import FIRST_HASH, HASH_VERSION, link_hash, number_of
from shared.db import Database, insert_if_absent
from shared.inbox import Taking

CLOCK_ROW: Final = 1
TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class Knowledge:
    """What was posted by a moment: the newest posting, and how many links of each chain."""

    known_at: datetime
    posting: int
    through: dict[int, int]

    def covers(self, number: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Whether the entry with this number was posted by then."""
        return sa.or_(
            sa.false(),
            *(number.between(number_of(chain, 1), number_of(chain, last)) for chain, last in self.through.items()),
        )


def seal(database: Database, moment: datetime, now: datetime) -> None:
    """Let nothing be posted at or before `moment` from now on. Raises KnownAtInFuture."""
    clock = store.posting_clock
    with database.read() as tx:
        sealed_at = tx.execute(sa.select(clock.c.sealed_at)).scalar()
    if sealed_at is not None and sealed_at >= moment:
        return  # also where the clock was set back since: what was answered once is answered again
    if moment > now:
        raise KnownAtInFuture(known_at=moment, now=now)
    with database.write() as tx:
        hold_clock(tx, moment)
        tx.execute(sa.update(clock).where(clock.c.sealed_at < moment).values(sealed_at=moment))


def knowledge(tx: Connection, known_at: datetime) -> Knowledge:
    """What was posted by a moment that was sealed before."""
    postings = store.postings
    known = postings.c.posted_at <= known_at
    newest = tx.execute(sa.select(sa.func.max(postings.c.number)).where(known)).scalar()
    chains = sa.select(postings.c.chain, sa.func.max(postings.c.through_sequence)).where(known)
    through = tx.execute(chains.group_by(postings.c.chain)).all()
    return Knowledge(known_at, newest or 0, {row[0]: row[1] for row in through})


def add_postings(tx: Connection, takings: Sequence[Taking], now: datetime) -> int:
    """Take the clock and post what each partition brought; return the number of the posting."""
    clock = hold_clock(tx, now)
    posted_at = max(now, clock.sealed_at + TICK)
    number: int = clock.number + 1
    previous: str = clock.hash
    rows = []
    for taking in sorted(takings, key=lambda taking: taking.chain):
        row = {
            "number": number,
            "chain": taking.chain,
            "through_sequence": taking.head.sequence,
            "chain_hash": taking.head.hash,
            "next_offset": taking.next_offset,
            "posted_at": posted_at,
            "hash_version": HASH_VERSION,
        }
        previous = posting_hash(row, previous)
        rows.append({**row, "hash": previous})
    tx.execute(sa.insert(store.postings), rows)
    tx.execute(sa.update(store.posting_clock).values(sealed_at=posted_at, number=number, hash=previous))
    return number


def posting_hash(row: Any, previous: str) -> str:
    """The hash of a posting, chained to the one before; `row` maps the table's columns."""
    content = [row[name] for name in ("chain", "through_sequence", "chain_hash", "next_offset", "posted_at")]
    return link_hash(row["hash_version"], row["number"], previous, content)


def hold_clock(tx: Connection, now: datetime) -> sa.Row[Any]:
    """The clock's row, held until the transaction ends; the first to ask makes it."""
    clock = store.posting_clock
    query = sa.select(clock).where(clock.c.id == CLOCK_ROW).with_for_update()
    if (row := tx.execute(query).first()) is not None:
        return row
    begun = {"id": CLOCK_ROW, "sealed_at": now - TICK, "number": 0, "hash": FIRST_HASH}
    tx.execute(insert_if_absent(tx.dialect.name, clock), begun)
    return tx.execute(query).one()
