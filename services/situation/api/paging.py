"""Pages of a table, as lists ask for them."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.rows import page


def page_where(tx: Connection, table: sa.Table, arguments: dict[str, Any], *filters: str) -> dict[str, Any]:
    """One page of the rows that equal those of the `filters` which were given."""
    query = sa.select(table)
    for name in filters:
        if (value := arguments.pop(name, None)) is not None:
            query = query.where(table.c[name] == value)
    return page(tx, query, table.c.number, **arguments)
