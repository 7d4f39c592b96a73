"""Tables and queries of situation."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.access import access_table
from shared.auth import Role
from shared.db import RowNumber, UtcDateTime, is_among
from shared.idempotency import idempotency_table
from shared.outbox import outbox_table
from shared.rows import add_all, one, update_each
from shared.seals import seal_column, unsealed

metadata = sa.MetaData()
outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
access = access_table(metadata)
MIGRATIONS = Path(__file__).parent / "migrations"


def _number() -> sa.Column[Any]:
    return sa.Column("number", RowNumber, primary_key=True, autoincrement=True)


def _reference(name: str, target: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(64), sa.ForeignKey(target), nullable=nullable, index=True)


def _recording() -> list[sa.Column[Any]]:
    """The two dates of every fact, and who recorded it."""
    return [
        sa.Column("effective_date", sa.Date, nullable=False),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
    ]


def _resource(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A table of things with an opaque id of their own and a running number for paging."""
    id_ = sa.Column("id", sa.String(64), nullable=False, unique=True)
    return sa.Table(name, metadata, _number(), id_, *columns, *_recording(), seal_column())


def _edited(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A resource that changes; its version goes up by one each time."""
    return _resource(name, *columns, sa.Column("version", sa.Integer, nullable=False))


def _named(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A resource with a name, which holds since the day `named_on`."""
    return _edited(
        name,
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("english_name", sa.String(200)),
        sa.Column("named_on", sa.Date, nullable=False),
        *columns,
    )


regions = _named(
    "regions",
    sa.Column("kind", sa.String(20), nullable=False),
    _reference("parent_id", "regions.id", nullable=True),
    sa.Column("valid_from", sa.Date),
    sa.Column("valid_to", sa.Date),
    sa.Column("members_version", sa.Integer, nullable=False),
)

# Lists are never edited: each version of a group or disaster that gives a new list adds its rows.
region_members = sa.Table(
    "region_members",
    metadata,
    _number(),
    _reference("group_id", "regions.id"),
    sa.Column("version", sa.Integer, nullable=False),
    _reference("member_id", "regions.id"),
    seal_column(),
)

bodies = _named(
    "bodies", sa.Column("kind", sa.String(20), nullable=False), _reference("region_id", "regions.id", nullable=True)
)

sites = _named(
    "sites",
    _reference("region_id", "regions.id"),
    sa.Column("kind", sa.String(20), nullable=False),
    _reference("body_id", "bodies.id", nullable=True),
)

disasters = _named(
    "disasters",
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("began_on", sa.Date, nullable=False),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("stage_effective_date", sa.Date, nullable=False),
    sa.Column("basis_kind", sa.String(40)),
    sa.Column("basis_reference", sa.String(200)),
    sa.Column("basis_date", sa.Date),
    sa.Column("regions_version", sa.Integer, nullable=False),
    sa.Column("regions_effective_date", sa.Date, nullable=False),
)

disaster_regions = sa.Table(
    "disaster_regions",
    metadata,
    _number(),
    _reference("disaster_id", "disasters.id"),
    sa.Column("version", sa.Integer, nullable=False),
    _reference("region_id", "regions.id"),
    seal_column(),
)

disaster_stages = sa.Table(
    "disaster_stages",
    metadata,
    _number(),
    _reference("disaster_id", "disasters.id"),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("note", sa.String(1000)),
    sa.Column("is_correction", sa.Boolean, nullable=False),
    *_recording(),
    seal_column(),
)

task_force = sa.Table(
    "task_force",
    metadata,
    _number(),
    _reference("disaster_id", "disasters.id"),
    _reference("body_id", "bodies.id"),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date),
    *_recording(),
    seal_column(),
)

# Names and office numbers as official reports print them, not the personal data of citizens: kept readable.
contacts = _edited(
    "contacts",
    _reference("body_id", "bodies.id"),
    sa.Column("duty", sa.String(20), nullable=False),
    sa.Column("section", sa.String(100), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("phone", sa.String(40), nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date),
)

log_entries = _resource(
    "log_entries",
    _reference("disaster_id", "disasters.id"),
    sa.Column("body_id", sa.String(64), nullable=False),
    _reference("corrects_id", "log_entries.id", nullable=True),
    sa.Column("text", sa.String(4000), nullable=False),
)

accounts = _edited(
    "accounts",
    sa.Column("display_name", sa.String(100), nullable=False),
    sa.Column("password_hash", sa.String(300), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("signed_in_at", UtcDateTime, info=unsealed("every sign-in is a fact of its own")),
)

account_steps = sa.Table(
    "account_steps",
    metadata,
    _number(),
    _reference("account_id", "accounts.id"),
    sa.Column("step", sa.String(20), nullable=False),
    sa.Column("reason", sa.String(1000)),
    *_recording(),
    seal_column(),
)

grants = sa.Table(
    "grants",
    metadata,
    _number(),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    _reference("account_id", "accounts.id"),
    sa.Column("role", sa.String(30), nullable=False),
    _reference("body_id", "bodies.id"),
    _reference("disaster_id", "disasters.id", nullable=True),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date),
    sa.Column("granted_by", sa.String(64), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("ended_by", sa.String(64)),
    sa.Column("ended_reason", sa.String(1000)),
    seal_column(),
)


def find(tx: Connection, table: sa.Table, ids: Iterable[str]) -> dict[str, sa.Row[Any]]:
    """The rows with these ids, by id."""
    rows = tx.execute(sa.select(table).where(is_among(tx.dialect.name, table.c.id, sorted(set(ids)))))
    return {row.id: row for row in rows}


def belonging_to(tx: Connection, table: sa.Table, owner: sa.Column[Any], id_: str) -> list[sa.Row[Any]]:
    """The rows that belong to one thing, in the order of recording."""
    return list(tx.execute(sa.select(table).where(owner == id_).order_by(table.c.number)))


def add_members(tx: Connection, group_id: str, version: int, member_ids: Collection[str]) -> None:
    rows = [{"group_id": group_id, "version": version, "member_id": member_id} for member_id in member_ids]
    if rows:
        add_all(tx, region_members, rows)


def members_of(tx: Connection, region: sa.Row[Any]) -> list[str]:
    """The members of a group as it is now."""
    table = region_members.c
    query = sa.select(table.member_id).where(table.group_id == region.id, table.version == region.members_version)
    return list(tx.execute(query.order_by(table.number)).scalars())


def add_regions(tx: Connection, disaster_id: str, version: int, region_ids: Collection[str]) -> None:
    rows = [{"disaster_id": disaster_id, "version": version, "region_id": region_id} for region_id in region_ids]
    if rows:
        add_all(tx, disaster_regions, rows)


def regions_of(tx: Connection, disaster_ids: Collection[str]) -> dict[str, list[str]]:
    """The regions that each of the disasters affects now."""
    affected = disaster_regions.c
    query = (
        sa.select(affected.disaster_id, affected.region_id)
        .join(disasters, disasters.c.id == affected.disaster_id)
        .where(affected.version == disasters.c.regions_version)
        .where(is_among(tx.dialect.name, disasters.c.id, list(disaster_ids)))
        .order_by(affected.number)
    )
    found: dict[str, list[str]] = {disaster_id: [] for disaster_id in disaster_ids}
    for disaster_id, region_id in tx.execute(query):
        found[disaster_id].append(region_id)
    return found


def task_force_of(tx: Connection, disaster_id: str) -> list[sa.Row[Any]]:
    """The bodies that take or took part, in the order of recording."""
    query = (
        sa.select(task_force, bodies.c.name, bodies.c.english_name, bodies.c.kind)
        .join(bodies, bodies.c.id == task_force.c.body_id)
        .where(task_force.c.disaster_id == disaster_id)
    )
    return list(tx.execute(query.order_by(task_force.c.number)))


def settle_last_day(tx: Connection, membership: sa.Row[Any], last_day: date) -> None:
    update_each(tx, task_force, [membership], last_day=last_day)


def find_account(tx: Connection, account: str) -> sa.Row[Any] | None:
    return tx.execute(sa.select(accounts).where(accounts.c.id == account)).first()


def grant_of(tx: Connection, account_id: str, grant_id: str) -> sa.Row[Any]:
    """Raises Unknown, also for the grant of another account."""
    query = sa.select(grants).where(grants.c.id == sa.bindparam("id"), grants.c.account_id == account_id)
    return one(tx, query, "grant", grant_id)


def grants_of(tx: Connection, account_ids: Collection[str]) -> dict[str, list[sa.Row[Any]]]:
    """Every grant that each of the accounts has or had."""
    query = sa.select(grants).where(is_among(tx.dialect.name, grants.c.account_id, list(account_ids)))
    found: dict[str, list[sa.Row[Any]]] = {account_id: [] for account_id in account_ids}
    for row in tx.execute(query.order_by(grants.c.number)):
        found[row.account_id].append(row)
    return found


def end_grant(tx: Connection, grant: sa.Row[Any], **ended: Any) -> None:
    update_each(tx, grants, [grant], **ended)


def note_sign_in(tx: Connection, account_id: str, moment: datetime) -> None:
    tx.execute(sa.update(accounts).where(accounts.c.id == account_id).values(signed_in_at=moment))


def lock_administrators(tx: Connection) -> None:
    """Whoever takes the duty of an administrator away waits here, so that two of them cannot take the last two."""
    holders = sa.select(grants.c.account_id).where(grants.c.role == Role.ADMINISTRATOR.value)
    tx.execute(sa.select(accounts.c.id).where(accounts.c.id.in_(holders)).order_by(accounts.c.id).with_for_update())


def has_administrator(tx: Connection, on: date) -> bool:
    """Whether an active account is administrator on this day."""
    held = (
        (grants.c.role == Role.ADMINISTRATOR.value)
        & grants.c.ended_at.is_(None)
        & (grants.c.first_day <= on)
        & (grants.c.last_day.is_(None) | (grants.c.last_day >= on))
    )
    query = sa.select(grants.c.id).join(accounts, accounts.c.id == grants.c.account_id)
    return tx.execute(query.where(held, accounts.c.state == "active").limit(1)).first() is not None


def void_before(tx: Connection, account: str) -> datetime | None:
    """The moment from which on the account's tokens hold, if they ever ended."""
    return tx.execute(sa.select(access.c.void_before).where(access.c.account == account)).scalar()
