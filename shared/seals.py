"""Seals: a keyed hash in each row of a service's own tables, so that a row somebody else changed is found.

A seal covers every column but those marked `unsealed`, each of which says why it is left out, such as a counter that
is changed by a conditional write and compared with the ledger's count.
"""

import hmac
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.db import KEY_OPTION
from shared.events import canonical_json

COLUMN: Final = "seal"
BATCH: Final = 1000


def unsealed(reason: str) -> dict[str, str]:
    """The `info` of a column that no seal covers."""
    return {"unsealed": reason}


def seal_column() -> sa.Column[str]:
    return sa.Column(COLUMN, sa.String(64), nullable=False)


@cache
def sealed_columns(table: sa.Table) -> list[str]:
    """The columns a seal covers.

    Not the running number, which the database gives, nor the version of a thing, which conditional writes raise: both
    are orders and no facts. What the database computes follows from the rest.
    """
    left_out = {COLUMN, *(["version"] if "id" in table.c else [])}
    return [
        str(column.name)  # it is a text of its own kind, which JSON does not know
        for column in table.c
        if not (column.name in left_out or column.autoincrement is True or column.computed or "unsealed" in column.info)
    ]


def is_sealed(table: sa.Table) -> bool:
    return COLUMN in table.c


def seal(tx: Connection, table: sa.Table, values: Mapping[str, Any]) -> str:
    """The seal of a row with these values; what is not named is empty."""
    key: bytes = tx.get_execution_options()[KEY_OPTION]
    content = {name: _as_kept(values.get(name)) for name in sealed_columns(table)}
    return hmac.digest(key, canonical_json([str(table.name), content]), "sha256").hex()


def _as_kept(value: Any) -> Any:
    """A moment means the same in every zone, and is kept in one."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def resealed(tx: Connection, table: sa.Table, row: sa.Row[Any], **values: Any) -> dict[str, Any]:
    """What to change in a locked row, its new seal included."""
    if not is_sealed(table):
        return values
    return {**values, COLUMN: seal(tx, table, {**row._asdict(), **values})}


def broken(tx: Connection, metadata: sa.MetaData) -> Iterator[dict[str, str]]:
    """Every row whose seal does not fit: its table, and what it is known by."""
    for table in metadata.sorted_tables:
        if not is_sealed(table):
            continue
        order = list(table.primary_key.columns)
        rows = tx.execution_options(yield_per=BATCH).execute(sa.select(table).order_by(*order)).mappings()
        for row in rows:
            if not hmac.compare_digest(seal(tx, table, dict(row)), row[COLUMN]):
                known_by = row["id"] if "id" in row else ", ".join(str(row[column.name]) for column in order)
                yield {"table": table.name, "row": str(known_by)}
