"""The few things every store does with rows that carry an id, a version and a running number."""

import functools
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared import db, seals
from shared.refusals import AlreadyExists, Unknown


def insert_new(tx: Connection, table: sa.Table, kind: str, /, **values: Any) -> sa.Row[Any]:
    """Insert a row whose id the caller may have chosen, and return it. Raises AlreadyExists."""
    row: sa.Row[Any] | None = tx.execute(db.insert_new(tx.dialect.name, table), _sealed(tx, table, values)).first()
    if row is None:
        raise AlreadyExists(kind=kind, id=values["id"])
    return row


def add(tx: Connection, table: sa.Table, **values: Any) -> sa.Row[Any]:
    """Insert a row that is known by its number alone, and return it."""
    return tx.execute(_add(table), _sealed(tx, table, values)).one()


def add_all(tx: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that nobody needs to see again."""
    tx.execute(_add_all(table), [_sealed(tx, table, row) for row in rows])


def update(tx: Connection, table: sa.Table, row: sa.Row[Any], /, **values: Any) -> sa.Row[Any]:
    """Change a locked row, whose version goes up by one, and return it as it is now."""
    changed = seals.resealed(tx, table, row, **values)
    return tx.execute(_update(table), {"id_of_row": row.id, **changed}).one()


def update_each(tx: Connection, table: sa.Table, rows: Sequence[sa.Row[Any]], /, **values: Any) -> None:
    """Change many locked rows alike; nobody needs to see them again."""
    if rows:
        changes = [{"number_of_row": row.number, **seals.resealed(tx, table, row, **values)} for row in rows]
        tx.execute(_update_each(table), changes)


@functools.cache
def _update_each(table: sa.Table) -> Any:
    """As `_update`, of tables with a version or without, by their running number."""
    versioned = {"version": table.c.version + 1} if "version" in table.c else {}
    return sa.update(table).where(table.c.number == sa.bindparam("number_of_row")).values(**versioned)


def _sealed(tx: Connection, table: sa.Table, values: dict[str, Any]) -> dict[str, Any]:
    return {**values, seals.COLUMN: seals.seal(tx, table, values)} if seals.is_sealed(table) else values


def get(tx: Connection, table: sa.Table, kind: str, id_: str, *, lock: bool = False) -> sa.Row[Any]:
    """The row with this id, locked until the transaction ends if asked. Raises Unknown."""
    return one(tx, _by_id(table, lock=lock), kind, id_)


def one(tx: Connection, query: sa.Select[Any], kind: str, id_: str) -> sa.Row[Any]:
    """The row that `query` finds by its parameter `id`. Raises Unknown."""
    row = tx.execute(query, {"id": id_}).first()
    if row is None:
        raise Unknown(kind=kind, id=id_)
    return row


@functools.cache
def _add(table: sa.Table) -> Any:
    return sa.insert(table).returning(table)


@functools.cache
def _add_all(table: sa.Table) -> sa.Insert:
    return sa.insert(table).inline()


@functools.cache
def _update(table: sa.Table) -> Any:
    """Its other columns are set by the parameters it is executed with."""
    next_version = table.c.version + 1
    return sa.update(table).where(table.c.id == sa.bindparam("id_of_row")).values(version=next_version).returning(table)


@functools.cache
def _by_id(table: sa.Table, *, lock: bool) -> sa.Select[Any]:
    query = sa.select(table).where(table.c.id == sa.bindparam("id"))
    return query.with_for_update() if lock else query


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
