"""Sign-ups from application to attendance. A seat is taken by one conditional write and given back once."""

import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.dispatch import domain, events, store
from services.dispatch.domain import ENGAGED, Selection, SignUpState, Step, TaskState, TaskStep
from services.dispatch.operations.scope import acts_for, check_acts_for
from services.dispatch.permissions import MANAGES, SEES_PERSONS
from services.dispatch.retention import last_day_kept
from shared.auth import Actor
from shared.changes import Change, new_id
from shared.clock import SEOUL, seoul_date
from shared.dating import is_late
from shared.personal_data import Vault, mask_name, mask_phone
from shared.refusals import check_date_order, next_state
from shared.rows import add_all, get, insert_new, page, update

# Read out on the telephone and typed on a small keyboard: no letter looks like another.
CODE_LETTERS: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH: Final = 10

EVENT_OF: Final[dict[Step, type[events.SignUpEvent]]] = {
    Step.APPLY: events.VolunteerApplied,
    Step.CONFIRM: events.SignUpConfirmed,
    Step.WAITLIST: events.SignUpWaitlisted,
    Step.DECLINE: events.SignUpDeclined,
    Step.CANCEL: events.SignUpCancelled,
    Step.ATTEND: events.AttendanceRecorded,
}


def sign_up(
    change: Change,
    vault: Vault,
    shift_id: str,
    *,
    name: str,
    phone: str,
    nationality: str | None = None,
    credential: Mapping[str, str] | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Sign up for a shift: a first-come task gives a seat at once, a selected one decides later.

    `phone` is normalised. The answer holds the one copy of the cancel code there is.
    """
    sign_up_id, code = id or new_id(), _new_code()
    shift = store.shift_with_task(change.tx, shift_id)
    change.act_for(shift.body_id)
    on = _day_of_public(change, shift, effective_date)
    _check_open(shift, on)
    if credential:
        domain.check_credential_asked(shift.required_credential, credential["kind"])
    phone_hash = vault.fingerprint(f"phone:{phone}")
    store.enter_volunteer(change.tx, phone_hash)
    at_that_time = store.sign_ups_at(change.tx, phone_hash, shift.starts_at, shift.ends_at)
    if any(other.shift_id == shift_id for other in at_that_time):
        raise domain.SignedUpBefore
    _check_free_time(shift, at_that_time)
    takes_seat = Selection(shift.selection) is Selection.FIRST_COME
    if takes_seat:
        _take_seat(change.tx, shift_id)
    steps = [Step.APPLY, Step.CONFIRM] if takes_seat else [Step.APPLY]
    state = SignUpState.CONFIRMED if takes_seat else SignUpState.APPLIED
    row = insert_new(
        change.tx,
        store.sign_ups,
        "sign-up",
        id=sign_up_id,
        shift_id=shift_id,
        state=state.value,
        phone_hash=phone_hash,
        name=vault.encrypt(name),
        phone=vault.encrypt(phone),
        credential_number=vault.encrypt(credential["number"]) if credential else None,
        nationality=nationality,
        cancel_code_hash=_code_hash(vault, sign_up_id, code),
        credential_kind=credential["kind"] if credential else None,
        consented_at=change.now,
        purge_after=last_day_kept(seoul_date(shift.ends_at), on),
        last_effective_date=on,
        version=len(steps),
    )
    _add_steps(change, sign_up_id, steps, on)
    for version, step in enumerate(steps, start=1):
        _record(change, sign_up_id, shift, step, version, on)
    return {**outcome(row, shift), "cancel_code": code}


def decide(
    change: Change,
    vault: Vault,
    sign_up_id: str,
    step: Step,
    *,
    reason: str | None = None,
    effective_date: date | None = None,
) -> dict[str, Any]:
    """Confirm, waitlist, decline, or record attendance. To confirm takes a seat, or is refused."""
    on = change.effective_date(effective_date)
    row, shift = _held(change, sign_up_id)
    _check_step(change, row, step, on)
    if step is Step.CONFIRM:
        _check_not_purged(row)
        domain.check_credential_verified(shift.required_credential, is_verified=row.verified_reference is not None)
        store.hold_volunteer(change.tx, row.phone_hash)
        _check_free_time(shift, store.sign_ups_at(change.tx, row.phone_hash, shift.starts_at, shift.ends_at))
        _take_seat(change.tx, shift.id)
    if step is Step.ATTEND:
        domain.check_begun(seoul_date(shift.starts_at), on)
    row = _advance(change, row, shift, step, on, reason=vault.encrypt(reason) if reason else None)
    return outcome(row, shift)


def verify_credential(
    change: Change,
    vault: Vault,
    sign_up_id: str,
    *,
    verified_reference: str,
    effective_date: date | None = None,
) -> dict[str, Any]:
    """Record that the credential the task requires was seen, and where that is written down.

    It is evidence and no step of its own in time: a later confirmation may take effect on an earlier date.
    """
    on = change.effective_date(effective_date)
    row, shift = _held(change, sign_up_id)
    _check_step(change, row, Step.VERIFY_CREDENTIAL)
    _check_not_purged(row)
    domain.check_credential_required(shift.required_credential)
    row = update(
        change.tx,
        store.sign_ups,
        row,
        credential_kind=shift.required_credential,
        verified_reference=vault.encrypt(verified_reference),
        credential_verified_by=change.actor.id,
    )
    _add_steps(change, sign_up_id, [Step.VERIFY_CREDENTIAL], on)
    return outcome(row, shift)


def cancel(
    change: Change,
    vault: Vault,
    sign_up_id: str,
    *,
    cancel_code: str | None = None,
    effective_date: date | None = None,
) -> dict[str, Any]:
    """Cancel with the code, or for the body whose task it is.

    Cancelled again, it stays cancelled and frees nothing more.
    """
    row, shift = _held(change, sign_up_id)
    if not acts_for(change.actor, MANAGES, shift):
        _check_code(vault, row, cancel_code)
    on = _day_of_public(change, shift, effective_date)
    if SignUpState(row.state) is SignUpState.CANCELLED:
        return outcome(row, shift)
    was_confirmed = SignUpState(row.state) is SignUpState.CONFIRMED
    _check_step(change, row, Step.CANCEL, on)
    row = _advance(change, row, shift, Step.CANCEL, on, was_confirmed=was_confirmed)
    if was_confirmed:
        store.free_seat(change.tx, shift.id)
    return outcome(row, shift)


def outcome(row: sa.Row[Any], shift: sa.Row[Any]) -> dict[str, Any]:
    """What a change answers. Answers are kept for repeats, so there is nothing personal in them."""
    told = ("id", "shift_id", "state", "purge_after", "last_effective_date", "version")
    return {
        **{name: getattr(row, name) for name in told},
        "task_id": shift.task_id,
        "task_title": shift.title,
        "task_english_title": shift.english_title,
        "starts_at": shift.starts_at,
        "ends_at": shift.ends_at,
        "place": shift.place,
        "credential_verified": row.credential_verified_by is not None,
    }


def masked(vault: Vault, row: Mapping[str, Any]) -> dict[str, Any]:
    """A sign-up as managers see it; name and phone are None once purged."""
    return {
        **row,
        "name": mask_name(vault.decrypt(row["name"])) if row["name"] else None,
        "phone": mask_phone(vault.decrypt(row["phone"])) if row["phone"] else None,
        "credential_verified": row["credential_verified_by"] is not None,
    }


def roster(
    tx: Connection, vault: Vault, actor: Actor, shift_id: str, *, state: str | None = None, limit: int, after: int
) -> dict[str, Any]:
    """The sign-ups of a shift, masked, for those who look after its task."""
    check_acts_for(actor, SEES_PERSONS, store.shift_with_task(tx, shift_id))
    query = sa.select(store.sign_ups).where(store.sign_ups.c.shift_id == shift_id)
    if state:
        query = query.where(store.sign_ups.c.state == state)
    found = page(tx, query, store.sign_ups.c.number, limit=limit, after=after)
    steps = store.steps_of(tx, [row["id"] for row in found["items"]])
    late = {step.sign_up_id for step in steps if is_late(step.effective_date, step.recorded_at)}
    return {**found, "items": [{**masked(vault, row), "late": row["id"] in late} for row in found["items"]]}


def show(tx: Connection, vault: Vault, actor: Actor, sign_up_id: str) -> dict[str, Any]:
    """One sign-up, masked, with the steps taken on it, for those who look after its task."""
    row = get(tx, store.sign_ups, "sign-up", sign_up_id)
    check_acts_for(actor, SEES_PERSONS, store.shift_with_task(tx, row.shift_id))
    steps = [
        {
            **step._asdict(),
            "reason": vault.decrypt(step.reason) if step.reason else None,
            "late": is_late(step.effective_date, step.recorded_at),
        }
        for step in store.steps_of(tx, [sign_up_id])
    ]
    return {**masked(vault, row._asdict()), "late": any(step["late"] for step in steps), "steps": steps}


def _day_of_public(change: Change, shift: sa.Row[Any], asked: date | None) -> date:
    """The day of what anybody may do: another than today is for an importer of the task's own body."""
    on = change.effective_date(asked)
    if on != change.today:
        check_acts_for(change.actor, MANAGES, shift)
    return on


def _check_open(shift: sa.Row[Any], on: date) -> None:
    domain.next_task_state(TaskState(shift.task_state), TaskStep.SIGN_UP)
    check_date_order(on, shift.task_date)
    domain.check_not_over(seoul_date(shift.ends_at), on)


def _check_free_time(shift: sa.Row[Any], at_that_time: Iterable[sa.Row[Any]]) -> None:
    """Raises Overlap when the person is confirmed for another shift at the time of this one."""
    if any(SignUpState(other.state) in ENGAGED for other in at_that_time):
        starts_at, ends_at = (moment.astimezone(SEOUL) for moment in (shift.starts_at, shift.ends_at))
        raise domain.Overlap(starts_at=f"{starts_at:%Y-%m-%d %H:%M}", ends_at=f"{ends_at:%Y-%m-%d %H:%M}")


def _check_not_purged(row: sa.Row[Any]) -> None:
    if row.purged_at:
        raise domain.Purged(purged_on=seoul_date(row.purged_at))


def _take_seat(tx: Connection, shift_id: str) -> None:
    if not store.take_seat(tx, shift_id):
        shift = get(tx, store.shifts, "shift", shift_id)
        raise domain.ShiftFull(seats=shift.seats, taken=shift.taken)


def _held(change: Change, sign_up_id: str) -> tuple[sa.Row[Any], sa.Row[Any]]:
    """The locked sign-up and its shift, once it is settled that this is done for the body of its task."""
    row = get(change.tx, store.sign_ups, "sign-up", sign_up_id, lock=True)
    shift = store.shift_with_task(change.tx, row.shift_id)
    change.act_for(shift.body_id, shift.disaster_id)
    return row, shift


def _check_step(change: Change, row: sa.Row[Any], step: Step, on: date | None = None) -> None:
    """Raises StaleVersion, WrongState, or DatesOutOfOrder for a day before that of the step it rests on."""
    change.check_version(row.version)
    next_state(domain.TRANSITIONS, SignUpState(row.state), step)
    if on is not None:
        check_date_order(on, row.last_effective_date)


def _advance(
    change: Change,
    row: sa.Row[Any],
    shift: sa.Row[Any],
    step: Step,
    on: date,
    *,
    reason: bytes | None = None,
    **told: Any,
) -> sa.Row[Any]:
    """The sign-up after this step."""
    state = next_state(domain.TRANSITIONS, SignUpState(row.state), step)
    row = update(change.tx, store.sign_ups, row, state=state.value, last_effective_date=on)
    _add_steps(change, row.id, [step], on, reason)
    _record(change, row.id, shift, step, row.version, on, **told)
    return row


def _add_steps(change: Change, sign_up_id: str, steps: Sequence[Step], on: date, reason: bytes | None = None) -> None:
    taken = {
        "sign_up_id": sign_up_id,
        "account": change.actor.id,
        "reason": reason,
        "effective_date": on,
        "recorded_at": change.now,
    }
    add_all(change.tx, store.sign_up_steps, [{**taken, "step": step.value} for step in steps])


def _record(
    change: Change, sign_up_id: str, shift: sa.Row[Any], step: Step, version: int, on: date, **told: Any
) -> None:
    payload = EVENT_OF[step](
        sign_up_id=sign_up_id,
        shift_id=shift.id,
        task_id=shift.task_id,
        disaster_id=shift.disaster_id,
        site_id=shift.site_id,
        region_id=shift.region_id,
        quantity=1,
        **told,
    )
    change.record(payload, subject=sign_up_id, version=version, effective_date=on)


def _new_code() -> str:
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


def _code_hash(vault: Vault, sign_up_id: str, code: str) -> str:
    return vault.fingerprint(f"cancel:{sign_up_id}:{code}")


def _check_code(vault: Vault, row: sa.Row[Any], code: str | None) -> None:
    """Raises WrongCancelCode."""
    given = _code_hash(vault, row.id, (code or "").upper())
    if not hmac.compare_digest(given, row.cancel_code_hash or ""):
        raise domain.WrongCancelCode
