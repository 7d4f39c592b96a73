"""Tasks and their shifts: propose, rename, approve, close, and what is told of them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.dispatch import domain, events, store
from services.dispatch.domain import ENGAGED, Selection, SignUpState, TaskState, TaskStep
from shared.changes import Change, new_id
from shared.refusals import Unknown, check_date_order
from shared.rows import get, insert_new, update

PUBLIC_STATES = frozenset({TaskState.APPROVED, TaskState.CLOSED})
STAFF_ONLY = ("proposed_by", "approved_by")


def propose(
    change: Change,
    *,
    disaster_id: str,
    title: str,
    place: str,
    kind: str,
    selection: str,
    host_organisation: str,
    english_title: str | None = None,
    description: str | None = None,
    site_id: str | None = None,
    region_id: str | None = None,
    required_credential: str | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Propose a task (일감); volunteers see it once another account has approved it."""
    on, task_id = change.effective_date(effective_date), id or new_id()
    domain.check_selection(Selection(selection), required_credential)
    task = insert_new(
        change.tx,
        store.tasks,
        "task",
        id=task_id,
        body_id=change.act_for(disaster_id=disaster_id),
        disaster_id=disaster_id,
        title=title,
        english_title=english_title,
        named_on=on,
        description=description,
        place=place,
        site_id=site_id,
        region_id=region_id,
        kind=kind,
        selection=selection,
        required_credential=required_credential,
        host_organisation=host_organisation,
        state=TaskState.PROPOSED.value,
        proposed_by=change.actor.id,
        last_effective_date=on,
        version=1,
    )
    _record(change, events.TaskOpened, task, on)
    return show(change.tx, task_id, to_staff=True)


def rename(
    change: Change, task_id: str, *, title: str, english_title: str | None = None, effective_date: date | None = None
) -> dict[str, Any]:
    """Give a task other titles from a day on, whatever its state; a wrong one is corrected by the next.

    The newest titles are kept, so older ones cannot be put behind them.
    """
    on, task = change.effective_date(effective_date), _held(change, task_id)
    change.check_version(task.version)
    check_date_order(on, task.named_on)
    task = update(change.tx, store.tasks, task, title=title, english_title=english_title, named_on=on)
    renamed = events.TaskRenamed(task_id=task_id, title=title, english_title=english_title)
    change.record(renamed, subject=task_id, version=task.version, effective_date=on)
    return show(change.tx, task_id, to_staff=True)


def approve(change: Change, task_id: str, *, effective_date: date | None = None) -> dict[str, Any]:
    """Open a task to the public; only another account than its proposer may."""
    return _advance(change, task_id, TaskStep.APPROVE, events.TaskApproved, effective_date, approved_by=change.actor.id)


def close(change: Change, task_id: str, *, effective_date: date | None = None) -> dict[str, Any]:
    """Take no more sign-ups; those there are can still be decided."""
    return _advance(change, task_id, TaskStep.CLOSE, events.TaskClosed, effective_date)


def open_shift(
    change: Change,
    task_id: str,
    *,
    starts_at: datetime,
    ends_at: datetime,
    seats: int,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Add a shift with a number of seats to a task."""
    on, shift_id = change.effective_date(effective_date), id or new_id()
    domain.check_shift_times(starts_at, ends_at)
    task = _held(change, task_id)
    domain.next_task_state(TaskState(task.state), TaskStep.OPEN_SHIFT)
    check_date_order(on, task.last_effective_date)
    row: dict[str, Any] = {"task_id": task_id, "starts_at": starts_at, "ends_at": ends_at, "seats": seats}
    insert_new(change.tx, store.shifts, "shift", id=shift_id, **row, taken=0, version=1)
    opened = events.ShiftOpened(
        shift_id=shift_id,
        disaster_id=task.disaster_id,
        title=task.title,
        site_id=task.site_id,
        region_id=task.region_id,
        **row,
    )
    change.record(opened, subject=shift_id, version=1, effective_date=on)
    return {"id": shift_id, **row, "taken": 0, "free": seats, "version": 1}


def show(tx: Connection, task_id: str, *, to_staff: bool) -> dict[str, Any]:
    """One task with its shifts. Raises Unknown, also for a task the public must not see yet."""
    task = get(tx, store.tasks, "task", task_id)
    if not to_staff and TaskState(task.state) not in PUBLIC_STATES:
        raise Unknown(kind="task", id=task_id)
    return with_shifts(tx, [task._asdict()], to_staff=to_staff)[0]


def with_shifts(tx: Connection, tasks: Sequence[dict[str, Any]], *, to_staff: bool) -> list[dict[str, Any]]:
    """Tasks with their shifts and free seats; accounts are told to the staff only."""
    shifts = store.shifts_of(tx, [task["id"] for task in tasks])
    hidden = () if to_staff else STAFF_ONLY
    return [
        {
            **{name: value for name, value in task.items() if name not in hidden},
            "shifts": [{**shift._asdict(), "free": shift.seats - shift.taken} for shift in shifts[task["id"]]],
        }
        for task in tasks
    ]


def summaries(tx: Connection, tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The counts of each task. Who attended is also counted as confirmed; `applied` is every sign-up ever made."""
    ids = [task["id"] for task in tasks]
    counts, nationalities = store.counts_by_state(tx, ids), store.nationalities(tx, ids)
    return [
        {
            "task_id": task["id"],
            "title": task["title"],
            "english_title": task["english_title"],
            "kind": task["kind"],
            "applied": sum(counts[task["id"]].values()),
            "confirmed": sum(counts[task["id"]].get(state, 0) for state in ENGAGED),
            **{
                state.value: counts[task["id"]].get(state, 0)
                for state in (SignUpState.WAITLISTED, SignUpState.DECLINED, SignUpState.CANCELLED, SignUpState.ATTENDED)
            },
            "nationalities": nationalities.get(task["id"], 0),
        }
        for task in tasks
    ]


def _advance(
    change: Change,
    task_id: str,
    step: TaskStep,
    event: type[events.TaskEvent],
    effective_date: date | None,
    **values: Any,
) -> dict[str, Any]:
    on, task = change.effective_date(effective_date), _held(change, task_id)
    change.check_version(task.version)
    state = domain.next_task_state(TaskState(task.state), step)
    if step is TaskStep.APPROVE:
        domain.check_approver(task.proposed_by, change.actor.id)
    check_date_order(on, task.last_effective_date)
    task = update(change.tx, store.tasks, task, state=state.value, last_effective_date=on, **values)
    _record(change, event, task, on)
    return show(change.tx, task_id, to_staff=True)


def _held(change: Change, task_id: str) -> sa.Row[Any]:
    """The locked task, once the account acts for its body in its disaster."""
    task = get(change.tx, store.tasks, "task", task_id, lock=True)
    change.act_for(task.body_id, task.disaster_id)
    return task


def _record(change: Change, event: type[events.TaskEvent], task: sa.Row[Any], on: date) -> None:
    payload = event(
        task_id=task.id,
        disaster_id=task.disaster_id,
        title=task.title,
        english_title=task.english_title,
        kind=task.kind,
        selection=task.selection,
        site_id=task.site_id,
        region_id=task.region_id,
    )
    change.record(payload, subject=task.id, version=task.version, effective_date=on)
