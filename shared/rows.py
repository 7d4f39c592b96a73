"""The few things every store does with rows that carry an id and a running number."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.db import inserted
from shared.refusals import AlreadyExists, Unknown


def insert_new(tx: Connection, table: sa.Table, kind: str, /, **values: Any) -> None:
    """Insert a row whose id the caller may have chosen. Raises AlreadyExists."""
    if not inserted(tx, table, values):
        raise AlreadyExists(kind=kind, id=values["id"])


def get(tx: Connection, table: sa.Table, kind: str, id_: str, *, lock: bool = False) -> sa.Row[Any]:
    """The row with this id, locked until the transaction ends if asked. Raises Unknown."""
    query = sa.select(table).where(table.c.id == id_)
    row = tx.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise Unknown(kind=kind, id=id_)
    return row


def page(
    tx: Connection, query: sa.Select[Any], number: sa.ColumnElement[Any], *, limit: int, after: int
) -> dict[str, Any]:
    """One page in the order of recording: `items` as dicts and `next`, None on the last page."""
    rows = tx.execute(query.where(number > after).order_by(number).limit(limit + 1)).mappings().all()
    items = [dict(row) for row in rows[:limit]]
    return {"items": items, "next": items[-1]["number"] if len(rows) > limit else None}


def rows_of(tx: Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    """How many rows there are."""
    return tx.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one()
