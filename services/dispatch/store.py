"""Tables and queries of dispatch. Whatever tells who a volunteer is, is encrypted or a keyed hash."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.dispatch.domain import ENGAGED, SignUpState
from shared.access import access_table
from shared.db import RowNumber, UtcDateTime, add_to, insert_if_absent
from shared.idempotency import idempotency_table
from shared.outbox import outbox_table
from shared.rows import one, update_each
from shared.seals import seal_column, unsealed

metadata = sa.MetaData()
outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
access = access_table(metadata)
MIGRATIONS = Path(__file__).parent / "migrations"

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("body_id", sa.String(64), nullable=False, index=True),  # whose task it is, and so its shifts and sign-ups
    sa.Column("disaster_id", sa.String(64), nullable=False, index=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("english_title", sa.String(200)),
    sa.Column("named_on", sa.Date, nullable=False),  # from when on it has these titles
    sa.Column("description", sa.String(2000)),
    sa.Column("place", sa.String(200), nullable=False),
    sa.Column("site_id", sa.String(64)),
    sa.Column("region_id", sa.String(64)),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("selection", sa.String(20), nullable=False),
    sa.Column("required_credential", sa.String(64)),
    sa.Column("host_organisation", sa.String(200), nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("proposed_by", sa.String(64), nullable=False),
    sa.Column("approved_by", sa.String(64)),
    sa.Column("last_effective_date", sa.Date, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    seal_column(),
    sa.CheckConstraint("approved_by <> proposed_by", name="approved_by_another_account"),
)

shifts = sa.Table(
    "shifts",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("task_id", sa.String(64), sa.ForeignKey("tasks.id"), nullable=False, index=True),
    sa.Column("starts_at", UtcDateTime, nullable=False),
    sa.Column("ends_at", UtcDateTime, nullable=False),
    sa.Column("seats", sa.Integer, nullable=False),
    sa.Column("taken", sa.Integer, nullable=False, info=unsealed("a conditional write; the ledger counts it too")),
    sa.Column("version", sa.Integer, nullable=False),
    seal_column(),
    sa.CheckConstraint("0 <= taken AND taken <= seats", name="seats_are_not_overbooked"),
)

# One row per person. It holds nothing about them: it is what parallel requests of one person wait for.
volunteers = sa.Table(
    "volunteers",
    metadata,
    sa.Column("phone_hash", sa.String(64), primary_key=True),
    sa.Column("sign_ups", sa.Integer, nullable=False),
    sa.CheckConstraint("sign_ups >= 0", name="sign_ups_are_counted"),
)

sign_ups = sa.Table(
    "sign_ups",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("shift_id", sa.String(64), sa.ForeignKey("shifts.id"), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    # Personal data: all of it empty after the purge.
    sa.Column("phone_hash", sa.String(64), sa.ForeignKey("volunteers.phone_hash"), index=True),
    sa.Column("name", sa.LargeBinary),
    sa.Column("phone", sa.LargeBinary),
    sa.Column("credential_number", sa.LargeBinary),
    sa.Column("verified_reference", sa.LargeBinary),
    sa.Column("nationality", sa.String(2)),
    sa.Column("cancel_code_hash", sa.String(64)),
    sa.Column("credential_kind", sa.String(64)),
    sa.Column("credential_verified_by", sa.String(64)),
    sa.Column("consented_at", UtcDateTime, nullable=False),
    sa.Column("purge_after", sa.Date, nullable=False),
    sa.Column("purged_at", UtcDateTime),
    sa.Column("last_effective_date", sa.Date, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    seal_column(),
    # A roster is read in the order of recording: without the number the planner may walk through every sign-up.
    sa.Index("sign_ups_of_a_shift", "shift_id", "number"),
    # A second lock: one person has one sign-up per shift that is not cancelled.
    sa.Index(
        "one_sign_up_per_person_and_shift",
        "shift_id",
        "phone_hash",
        unique=True,
        sqlite_where=sa.text("state <> 'cancelled'"),
        postgresql_where=sa.text("state <> 'cancelled'"),
    ),
    sa.Index(
        "sign_ups_to_purge",
        "purge_after",
        sqlite_where=sa.text("purged_at IS NULL"),
        postgresql_where=sa.text("purged_at IS NULL"),
    ),
)
PURGED: Final = (
    "phone_hash",
    "name",
    "phone",
    "credential_number",
    "verified_reference",
    "nationality",
    "cancel_code_hash",
)

sign_up_steps = sa.Table(
    "sign_up_steps",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("sign_up_id", sa.String(64), sa.ForeignKey("sign_ups.id"), nullable=False, index=True),
    sa.Column("step", sa.String(20), nullable=False),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("reason", sa.LargeBinary),  # encrypted and purged: why somebody was declined may be about them
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    seal_column(),
)

# The nationalities among those confirmed, kept apart from any person once the person is purged.
task_nationalities = sa.Table(
    "task_nationalities",
    metadata,
    sa.Column("task_id", sa.String(64), sa.ForeignKey("tasks.id"), primary_key=True),
    sa.Column("nationality", sa.String(2), primary_key=True),
)

reveals = sa.Table(
    "reveals",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("sign_up_id", sa.String(64), sa.ForeignKey("sign_ups.id"), nullable=False, index=True),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    seal_column(),
)

purges = sa.Table(
    "purges",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("sign_ups", sa.Integer, nullable=False),
    sa.Column("volunteers", sa.Integer, nullable=False),
    sa.Column("due_before", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("recorded_by", sa.String(64), nullable=False),
    seal_column(),
)


def take_seat(tx: Connection, shift_id: str) -> bool:
    """The guard: one conditional write takes a free seat, or nothing."""
    return tx.execute(TAKE_SEAT, {"shift_id": shift_id}).rowcount == 1


def free_seat(tx: Connection, shift_id: str) -> bool:
    """Give a seat back. The caller has moved the sign-up out of its seat, which can happen only once."""
    return tx.execute(FREE_SEAT, {"shift_id": shift_id}).rowcount == 1


def _change_taken(condition: sa.ColumnElement[bool], seats: int) -> sa.Update:
    changed = {"taken": shifts.c.taken + seats, "version": shifts.c.version + 1}
    return sa.update(shifts).where(shifts.c.id == sa.bindparam("shift_id"), condition).values(changed)


TAKE_SEAT = _change_taken(shifts.c.taken + 1 <= shifts.c.seats, 1)
FREE_SEAT = _change_taken(shifts.c.taken >= 1, -1)


def enter_volunteer(tx: Connection, phone_hash: str) -> None:
    """Count a sign-up of this person and hold the person's row until the transaction ends.

    One statement, so that it also holds for two first sign-ups at once and beside a purge of the same person.
    """
    tx.execute(add_to(tx.dialect.name, volunteers, "sign_ups"), {"phone_hash": phone_hash, "sign_ups": 1})


def hold_volunteer(tx: Connection, phone_hash: str) -> None:
    """Make the person's parallel requests wait until the transaction ends."""
    tx.execute(sa.select(volunteers).where(volunteers.c.phone_hash == phone_hash).with_for_update()).one()


def sign_ups_at(tx: Connection, phone_hash: str, starts_at: datetime, ends_at: datetime) -> list[sa.Row[Any]]:
    """What this person is signed up for at an overlapping time. Exact only while the person is held."""
    return list(tx.execute(SIGN_UPS_AT, {"phone_hash": phone_hash, "starts_at": starts_at, "ends_at": ends_at}))


SIGN_UPS_AT = (
    sa.select(sign_ups.c.shift_id, sign_ups.c.state)
    .join(shifts, shifts.c.id == sign_ups.c.shift_id)
    .where(
        sign_ups.c.phone_hash == sa.bindparam("phone_hash"),
        sign_ups.c.state != SignUpState.CANCELLED.value,
        shifts.c.starts_at < sa.bindparam("ends_at"),
        shifts.c.ends_at > sa.bindparam("starts_at"),
    )
)


def shift_with_task(tx: Connection, shift_id: str) -> sa.Row[Any]:
    """The shift together with what its task says of it. Raises Unknown."""
    return one(tx, SHIFT_WITH_TASK, "shift", shift_id)


TOLD_OF_A_TASK: Final = ("body_id", "disaster_id", "title", "english_title", "place", "site_id", "region_id")
SHIFT_WITH_TASK = (
    sa.select(
        shifts,
        *(tasks.c[name] for name in (*TOLD_OF_A_TASK, "selection", "required_credential")),
        tasks.c.state.label("task_state"),
        tasks.c.last_effective_date.label("task_date"),
    )
    .join(tasks, tasks.c.id == shifts.c.task_id)
    .where(shifts.c.id == sa.bindparam("id"))
)


# How many seats of each shift are taken, for whoever counts them again from the events.
BALANCES = sa.select(shifts.c.number, shifts.c.id.label("shift_id"), shifts.c.task_id, shifts.c.seats, shifts.c.taken)


def shifts_of(tx: Connection, task_ids: Sequence[str]) -> dict[str, list[sa.Row[Any]]]:
    """The shifts of each of these tasks in the order of time."""
    query = sa.select(shifts).where(shifts.c.task_id.in_(task_ids)).order_by(shifts.c.starts_at, shifts.c.number)
    by_task: dict[str, list[sa.Row[Any]]] = {task_id: [] for task_id in task_ids}
    for row in tx.execute(query):
        by_task[row.task_id].append(row)
    return by_task


def steps_of(tx: Connection, sign_up_ids: Sequence[str]) -> list[sa.Row[Any]]:
    """The steps taken on these sign-ups in the order of recording."""
    query = sa.select(sign_up_steps).where(sign_up_steps.c.sign_up_id.in_(sign_up_ids))
    return list(tx.execute(query.order_by(sign_up_steps.c.number)))


def counts_by_state(tx: Connection, task_ids: Sequence[str]) -> dict[str, dict[SignUpState, int]]:
    """How many sign-ups of each task are in each state."""
    query = (
        sa.select(shifts.c.task_id, sign_ups.c.state, sa.func.count())
        .join(sign_ups, sign_ups.c.shift_id == shifts.c.id)
        .where(shifts.c.task_id.in_(task_ids))
        .group_by(shifts.c.task_id, sign_ups.c.state)
    )
    counts: dict[str, dict[SignUpState, int]] = {task_id: {} for task_id in task_ids}
    for task_id, state, count in tx.execute(query):
        counts[task_id][SignUpState(state)] = count
    return counts


def nationalities(tx: Connection, task_ids: Sequence[str]) -> dict[str, int]:
    """How many nationalities there are among the confirmed of each task, those already purged included."""
    both = sa.union(
        _confirmed_nationalities().where(shifts.c.task_id.in_(task_ids)),
        sa.select(task_nationalities).where(task_nationalities.c.task_id.in_(task_ids)),
    ).subquery()
    rows = tx.execute(sa.select(both.c.task_id, sa.func.count().label("different")).group_by(both.c.task_id))
    return {row.task_id: row.different for row in rows}


def _confirmed_nationalities() -> sa.Select[Any]:
    return (
        sa.select(shifts.c.task_id, sign_ups.c.nationality)
        .join(sign_ups, sign_ups.c.shift_id == shifts.c.id)
        .where(sign_ups.c.nationality.is_not(None), sign_ups.c.state.in_([state.value for state in ENGAGED]))
        .distinct()
    )


def hold_due_sign_ups(tx: Connection, today: date, limit: int) -> list[sa.Row[Any]]:
    """Sign-ups whose last day of keeping is over, locked, oldest first."""
    query = (
        sa.select(sign_ups)
        .where(sign_ups.c.purge_after < today, sign_ups.c.purged_at.is_(None))
        .order_by(sign_ups.c.number)
        .limit(limit)
        .with_for_update()
    )
    return list(tx.execute(query))


def purge_sign_ups(tx: Connection, due: Sequence[sa.Row[Any]], now: datetime) -> None:
    """Empty everything personal of these sign-ups; of their nationalities only the set per task remains."""
    ids = [row.id for row in due]
    keep = _confirmed_nationalities().where(sign_ups.c.id.in_(ids))
    if kept := [dict(row) for row in tx.execute(keep).mappings()]:
        tx.execute(insert_if_absent(tx.dialect.name, task_nationalities), kept)
    reasoned = sa.select(sign_up_steps).where(sign_up_steps.c.sign_up_id.in_(ids), sign_up_steps.c.reason.is_not(None))
    update_each(tx, sign_up_steps, tx.execute(reasoned).all(), reason=None)
    update_each(tx, sign_ups, due, **dict.fromkeys(PURGED), purged_at=now)


def leave_volunteer(tx: Connection, phone_hash: str, purged: int) -> int:
    """Uncount purged sign-ups of a person, and forget the person with the last one: 1 if forgotten, else 0."""
    person = volunteers.c.phone_hash == phone_hash
    tx.execute(sa.update(volunteers).where(person).values(sign_ups=volunteers.c.sign_ups - purged))
    return tx.execute(sa.delete(volunteers).where(person, volunteers.c.sign_ups == 0)).rowcount
