"""Tables and queries of situation."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.db import RowNumber, UtcDateTime
from shared.idempotency import idempotency_table
from shared.outbox import outbox_table

metadata = sa.MetaData()
outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
MIGRATIONS = Path(__file__).parent / "migrations"


def _recording() -> list[sa.Column[Any]]:
    """The two dates of every fact, and who recorded it."""
    return [
        sa.Column("effective_date", sa.Date, nullable=False),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
    ]


def _resource(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A table of things with an opaque id of their own and a running number for paging."""
    return sa.Table(
        name,
        metadata,
        sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        *columns,
        *_recording(),
    )


disasters = _resource(
    "disasters",
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("began_on", sa.Date, nullable=False),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("stage_effective_date", sa.Date, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

disaster_stages = sa.Table(
    "disaster_stages",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("disaster_id", sa.String(64), sa.ForeignKey("disasters.id"), nullable=False, index=True),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("note", sa.String(1000)),
    *_recording(),
)

bodies = _resource(
    "bodies",
    sa.Column("disaster_id", sa.String(64), sa.ForeignKey("disasters.id"), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
)

accounts = _resource(
    "accounts",
    sa.Column("display_name", sa.String(100), nullable=False),
    sa.Column("password_hash", sa.String(300), nullable=False),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("body_id", sa.String(64), sa.ForeignKey("bodies.id")),
)

regions = _resource(
    "regions",
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("province", sa.String(100), nullable=False),
)

sites = _resource(
    "sites",
    sa.Column("region_id", sa.String(64), sa.ForeignKey("regions.id"), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
)

# Names and office numbers as official reports print them, not the personal data of citizens: kept readable.
contacts = _resource(
    "contacts",
    sa.Column("body_id", sa.String(64), sa.ForeignKey("bodies.id"), nullable=False, index=True),
    sa.Column("duty", sa.String(20), nullable=False),
    sa.Column("section", sa.String(100), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("phone", sa.String(40), nullable=False),
)

log_entries = _resource(
    "log_entries",
    sa.Column("disaster_id", sa.String(64), sa.ForeignKey("disasters.id"), nullable=False, index=True),
    sa.Column("text", sa.String(4000), nullable=False),
)


def stages_of(tx: Connection, disaster_id: str) -> list[sa.Row[Any]]:
    query = sa.select(disaster_stages).where(disaster_stages.c.disaster_id == disaster_id)
    return list(tx.execute(query.order_by(disaster_stages.c.number)))


def find_account(tx: Connection, account: str) -> sa.Row[Any] | None:
    return tx.execute(sa.select(accounts).where(accounts.c.id == account)).first()
