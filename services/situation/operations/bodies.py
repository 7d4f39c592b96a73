"""Use cases of bodies: task forces, who is responsible, and the log of the situation room."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.situation import events, store
from services.situation.domain.disasters import AlreadyInTaskForce, days_overlap
from services.situation.operations.disasters import disaster_view
from services.situation.operations.places import check_regions
from services.situation.operations.records import BODY, load, recorded, rename
from shared.changes import Change, new_id
from shared.refusals import Unknown, check_date_order
from shared.rows import add, get, insert_new, update


def register_body(
    change: Change,
    *,
    name: str,
    kind: str,
    english_name: str | None = None,
    region_id: str | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Register an organisation that takes part in relief."""
    body_id, on = id or new_id(), change.effective_date(effective_date)
    described: dict[str, Any] = {"name": name, "english_name": english_name, "kind": kind, "region_id": region_id}
    check_regions(change.tx, [*filter(None, [region_id])], on, groups=False)
    given = {"id": body_id, "named_on": on, "version": 1, **described}
    body = insert_new(change.tx, store.bodies, "body", **given, **recorded(change, on))
    change.record(events.BodyRegistered(body_id=body_id, **described), subject=body_id, version=1, effective_date=on)
    return body._asdict()


def rename_body(change: Change, body_id: str, **names: Any) -> dict[str, Any]:
    return rename(change, BODY, body_id, **names)._asdict()


def correct_body(change: Change, body_id: str, *, kind: str, region_id: str | None, reason: str) -> dict[str, Any]:
    """Put right what an organisation is, or where."""
    body = load(change, store.bodies, "body", body_id)
    check_regions(change.tx, [*filter(None, [region_id])], change.today, groups=False)
    body = update(change.tx, store.bodies, body, kind=kind, region_id=region_id)
    change.record(
        events.BodyCorrected(body_id=body_id, kind=kind, region_id=region_id, reason=reason),
        subject=body_id,
        version=body.version,
        effective_date=change.today,
    )
    return body._asdict()


def join_task_force(
    change: Change,
    disaster_id: str,
    *,
    body_id: str,
    first_day: date | None = None,
    last_day: date | None = None,
) -> dict[str, Any]:
    """A body takes part in the task force of a disaster."""
    on = change.effective_date(first_day)
    disaster = load(change, store.disasters, "disaster", disaster_id)
    get(change.tx, store.bodies, "body", body_id)
    check_date_order(last_day or on, on)
    _check_not_twice(_times(change, disaster_id, body_id), on, last_day)
    days: dict[str, Any] = {"first_day": on, "last_day": last_day}
    add(change.tx, store.task_force, disaster_id=disaster_id, body_id=body_id, **days, **recorded(change, on))
    disaster = update(change.tx, store.disasters, disaster)
    change.record(
        events.TaskForceJoined(disaster_id=disaster_id, body_id=body_id, **days),
        subject=disaster_id,
        version=disaster.version,
        effective_date=on,
    )
    return disaster_view(change.tx, disaster_id)


def leave_task_force(change: Change, disaster_id: str, body_id: str, *, last_day: date | None = None) -> dict[str, Any]:
    """Settle the last day of a body in a task force; another last day puts a wrong one right."""
    on = change.effective_date(last_day)
    disaster = load(change, store.disasters, "disaster", disaster_id)
    times = _times(change, disaster_id, body_id)
    if not times:
        raise Unknown(kind="body of this task force", id=body_id)
    latest = times.pop()
    check_date_order(on, latest.first_day)
    _check_not_twice(times, latest.first_day, on)
    store.settle_last_day(change.tx, latest, on)
    disaster = update(change.tx, store.disasters, disaster)
    change.record(
        events.TaskForceLeft(disaster_id=disaster_id, body_id=body_id, first_day=latest.first_day, last_day=on),
        subject=disaster_id,
        version=disaster.version,
        effective_date=on,
    )
    return disaster_view(change.tx, disaster_id)


def register_contact(
    change: Change,
    *,
    body_id: str,
    duty: str,
    section: str,
    name: str,
    phone: str,
    first_day: date | None = None,
    last_day: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Register who is responsible for a section (과장·팀장·담당), and how to reach them."""
    contact_id, on = id or new_id(), change.effective_date(first_day)
    get(change.tx, store.bodies, "body", body_id)
    check_date_order(last_day or on, on)
    told: dict[str, Any] = {"body_id": body_id, "duty": duty, "section": section, "first_day": on, "last_day": last_day}
    kept = {"id": contact_id, "name": name, "phone": phone, "version": 1}
    contact = insert_new(change.tx, store.contacts, "contact", **kept, **told, **recorded(change, on))
    change.record(
        events.ContactRegistered(contact_id=contact_id, **told), subject=contact_id, version=1, effective_date=on
    )
    return contact._asdict()


def end_contact(change: Change, contact_id: str, *, last_day: date | None = None) -> dict[str, Any]:
    """Settle the last day of somebody's responsibility; another last day puts a wrong one right."""
    on = change.effective_date(last_day)
    contact = load(change, store.contacts, "contact", contact_id)
    check_date_order(on, contact.first_day)
    contact = update(change.tx, store.contacts, contact, last_day=on)
    change.record(
        events.ContactEnded(contact_id=contact_id, last_day=on),
        subject=contact_id,
        version=contact.version,
        effective_date=on,
    )
    return contact._asdict()


def write_log_entry(
    change: Change,
    *,
    disaster_id: str,
    text: str,
    corrects_id: str | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Add an entry to the situation-room log; a mistake is corrected by a further entry that names it."""
    entry_id, body_id, on = (
        id or new_id(),
        change.act_for(disaster_id=disaster_id),
        change.effective_date(effective_date),
    )
    get(change.tx, store.disasters, "disaster", disaster_id)
    if corrects_id and get(change.tx, store.log_entries, "log entry", corrects_id).disaster_id != disaster_id:
        raise Unknown(kind="log entry of this disaster", id=corrects_id)
    given = {"id": entry_id, "disaster_id": disaster_id, "body_id": body_id, "corrects_id": corrects_id, "text": text}
    entry = insert_new(change.tx, store.log_entries, "log entry", **given, **recorded(change, on))
    change.record(
        events.LogEntryWritten(log_entry_id=entry_id, disaster_id=disaster_id, corrects_id=corrects_id),
        subject=entry_id,
        version=1,
        effective_date=on,
    )
    return entry._asdict()


def _times(change: Change, disaster_id: str, body_id: str) -> list[sa.Row[Any]]:
    """When a body took part in a task force, in the order of recording."""
    return [row for row in store.task_force_of(change.tx, disaster_id) if row.body_id == body_id]


def _check_not_twice(times: Iterable[sa.Row[Any]], first_day: date, last_day: date | None) -> None:
    """Raises AlreadyInTaskForce."""
    for time in times:
        if days_overlap(first_day, last_day, time.first_day, time.last_day):
            raise AlreadyInTaskForce(body_id=time.body_id, first_day=time.first_day)
