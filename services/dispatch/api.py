"""HTTP of dispatch, and how its refusals read on the wire."""

from typing import Any, Final

import flask
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.dispatch import domain, schemas, store
from services.dispatch.domain import Step, TaskState
from services.dispatch.operations import privacy, sign_ups, tasks
from services.dispatch.permissions import DATING, MANAGES, PERMISSIONS, SEES_COUNTS
from shared.changes import Change
from shared.client import client_address
from shared.fields import PageQuery, page_of
from shared.http import Blueprint, current_service
from shared.personal_data import Vault
from shared.problems import ProblemKind, RequestProblem
from shared.refusals import Refusal
from shared.rows import get, page

PROBLEMS: Final[dict[type[Refusal], ProblemKind]] = {
    domain.TaskNotReady: ProblemKind("task-not-ready", 409, "Not possible in this state of the task"),
    domain.ApprovedBySelf: ProblemKind("approved-by-self", 403, "Same person, second duty"),
    domain.CredentialNeedsSelection: ProblemKind("credential-needs-selection", 422, "A credential needs selection"),
    domain.ShiftTimesImpossible: ProblemKind("shift-times-impossible", 422, "Times of the shift are impossible"),
    domain.ShiftOver: ProblemKind("shift-over", 409, "The shift is over"),
    domain.ShiftNotBegun: ProblemKind("shift-not-begun", 409, "The shift has not begun"),
    domain.ShiftFull: ProblemKind("shift-full", 409, "No free seat"),
    domain.SignedUpBefore: ProblemKind("signed-up-before", 409, "Signed up already"),
    domain.Overlap: ProblemKind("overlapping-shift", 409, "Confirmed elsewhere at the same time"),
    domain.CredentialNotAsked: ProblemKind("credential-not-asked", 422, "Not asked for"),
    domain.NothingToVerify: ProblemKind("nothing-to-verify", 409, "No credential required"),
    domain.CredentialUnverified: ProblemKind("credential-unverified", 409, "The credential is not verified"),
    domain.WrongCancelCode: ProblemKind("wrong-cancel-code", 403, "Wrong cancel code"),
    domain.Purged: ProblemKind("purged", 410, "The personal data was purged"),
}

# Wide enough for a shelter's volunteers behind one address, too narrow for filling shifts with invented people.
RATE_LIMIT: Final = 60
RATE_WINDOW_SECONDS: Final = 60
UNLIMITED: Final = MANAGES.roles

blueprint = Blueprint(
    "dispatch",
    __name__,
    description="Volunteer tasks, shifts and sign-ups (봉사 배치)",
    permissions=PERMISSIONS,
    dating=DATING,
)


@blueprint.change("/tasks", takes=schemas.NewTask, returns=schemas.Task)
def propose_task(change: Change, body: dict[str, Any]) -> Any:
    """Propose a volunteer task (일감)."""
    return tasks.propose(change, **body)


@blueprint.query("/tasks", takes=schemas.TaskQuery, returns=page_of(schemas.Task))
def list_tasks(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Tasks with their shifts and free seats: the approved ones to everybody, all to the staff."""
    to_staff = is_staff()
    query = _selected(sa.select(store.tasks), store.tasks, arguments, "state", "body_id", "disaster_id")
    if not to_staff:
        query = query.where(store.tasks.c.state == TaskState.APPROVED.value)
    found = page(tx, query, store.tasks.c.number, **arguments)
    return {**found, "items": tasks.with_shifts(tx, found["items"], to_staff=to_staff)}


@blueprint.query("/tasks/<id:task_id>", returns=schemas.Task)
def show_task(tx: Connection, _arguments: dict[str, Any], task_id: str) -> Any:
    """One task with its shifts and free seats."""
    return tasks.show(tx, task_id, to_staff=is_staff())


@blueprint.change("/tasks/<id:task_id>/names", takes=schemas.NewTitle, returns=schemas.Task, edits=True)
def rename_task(change: Change, body: dict[str, Any], task_id: str) -> Any:
    """Give a task other titles from a day on (이름 변경)."""
    return tasks.rename(change, task_id, **body)


@blueprint.change(
    "/tasks/<id:task_id>/approve", takes=schemas.TaskDecision, returns=schemas.Task, status=200, edits=True
)
def approve_task(change: Change, body: dict[str, Any], task_id: str) -> Any:
    """Open a task to the public (승인); another account than the proposer has to."""
    return tasks.approve(change, task_id, **body)


@blueprint.change("/tasks/<id:task_id>/close", takes=schemas.TaskDecision, returns=schemas.Task, status=200, edits=True)
def close_task(change: Change, body: dict[str, Any], task_id: str) -> Any:
    """Take no more sign-ups (모집 마감)."""
    return tasks.close(change, task_id, **body)


@blueprint.change("/tasks/<id:task_id>/shifts", takes=schemas.NewShift, returns=schemas.Shift)
def open_shift(change: Change, body: dict[str, Any], task_id: str) -> Any:
    """Add a shift with a number of seats."""
    return tasks.open_shift(change, task_id, **body)


@blueprint.query("/tasks/<id:task_id>/summary", returns=schemas.Summary)
def summarise_task(tx: Connection, _arguments: dict[str, Any], task_id: str) -> Any:
    """How many applied, were confirmed and attended."""
    return tasks.summaries(tx, [get(tx, store.tasks, "task", task_id)._asdict()])[0]


@blueprint.query("/summary", takes=schemas.SummaryQuery, returns=schemas.Summaries)
def summarise(tx: Connection, arguments: dict[str, Any]) -> Any:
    """The counts of every task, and how many people are confirmed in all."""
    query = _selected(sa.select(store.tasks), store.tasks, arguments, "disaster_id").order_by(store.tasks.c.number)
    items = tasks.summaries(tx, [dict(row) for row in tx.execute(query).mappings()])
    return {"items": items, "confirmed": sum(item["confirmed"] for item in items)}


@blueprint.change("/shifts/<id:shift_id>/sign-ups", takes=schemas.NewSignUp, returns=schemas.SignedUp)
def sign_up(change: Change, body: dict[str, Any], shift_id: str) -> Any:
    """Sign up for a shift (봉사 신청); needs no account."""
    check_rate(change, "sign-up")
    del body["consent"]  # the schema takes nothing but true
    return sign_ups.sign_up(change, vault(), shift_id, **body)


@blueprint.query("/shifts/<id:shift_id>/sign-ups", takes=schemas.SignUpQuery, returns=page_of(schemas.SignUpSummary))
def list_sign_ups(tx: Connection, arguments: dict[str, Any], shift_id: str) -> Any:
    """The sign-ups of a shift, names and phone numbers masked."""
    return sign_ups.roster(tx, vault(), flask.g.actor, shift_id, **arguments)


@blueprint.query("/sign-ups/<id:sign_up_id>", returns=schemas.SignUp)
def show_sign_up(tx: Connection, _arguments: dict[str, Any], sign_up_id: str) -> Any:
    """One sign-up with its steps, name and phone number masked."""
    return sign_ups.show(tx, vault(), flask.g.actor, sign_up_id)


@blueprint.change(
    "/sign-ups/<id:sign_up_id>/verify-credential",
    takes=schemas.Verification,
    returns=schemas.Outcome,
    status=200,
    edits=True,
)
def verify_credential(change: Change, body: dict[str, Any], sign_up_id: str) -> Any:
    """Record that the required credential was verified (자격 확인)."""
    return sign_ups.verify_credential(change, vault(), sign_up_id, **body)


@blueprint.change(
    "/sign-ups/<id:sign_up_id>/confirm", takes=schemas.Decision, returns=schemas.Outcome, status=200, edits=True
)
def confirm_sign_up(change: Change, body: dict[str, Any], sign_up_id: str) -> Any:
    """Confirm (확정): takes a seat, or is refused."""
    return sign_ups.decide(change, vault(), sign_up_id, Step.CONFIRM, **body)


@blueprint.change(
    "/sign-ups/<id:sign_up_id>/waitlist", takes=schemas.Decision, returns=schemas.Outcome, status=200, edits=True
)
def waitlist_sign_up(change: Change, body: dict[str, Any], sign_up_id: str) -> Any:
    """Put on the waiting list (대기)."""
    return sign_ups.decide(change, vault(), sign_up_id, Step.WAITLIST, **body)


@blueprint.change(
    "/sign-ups/<id:sign_up_id>/decline", takes=schemas.Decision, returns=schemas.Outcome, status=200, edits=True
)
def decline_sign_up(change: Change, body: dict[str, Any], sign_up_id: str) -> Any:
    """Decline (미선발)."""
    return sign_ups.decide(change, vault(), sign_up_id, Step.DECLINE, **body)


@blueprint.change(
    "/sign-ups/<id:sign_up_id>/attend", takes=schemas.Attendance, returns=schemas.Outcome, status=200, edits=True
)
def record_attendance(change: Change, body: dict[str, Any], sign_up_id: str) -> Any:
    """Record that a confirmed volunteer came (참여)."""
    return sign_ups.decide(change, vault(), sign_up_id, Step.ATTEND, **body)


@blueprint.change("/sign-ups/<id:sign_up_id>/cancel", takes=schemas.Cancellation, returns=schemas.Outcome, status=200)
def cancel_sign_up(change: Change, body: dict[str, Any], sign_up_id: str) -> Any:
    """Cancel (취소) with the code given when signing up, or as a manager of the task's body; frees the seat once."""
    check_rate(change, "cancel")
    return sign_ups.cancel(change, vault(), sign_up_id, **body)


@blueprint.change(
    "/sign-ups/<id:sign_up_id>/reveal",
    takes=schemas.RevealReason,
    returns=schemas.Revealed,
    status=200,
    keeps_answer=False,
)
def reveal_sign_up(change: Change, body: dict[str, Any], sign_up_id: str) -> Any:
    """Show the personal data of one volunteer; who, when and why is logged. A repeat is logged again."""
    return privacy.reveal(change, vault(), sign_up_id, **body)


@blueprint.query("/reveals", takes=PageQuery, returns=page_of(schemas.Reveal))
def list_reveals(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Who looked at whose personal data, when and why."""
    return page(tx, sa.select(store.reveals), store.reveals.c.number, **arguments)


@blueprint.change("/purges", returns=schemas.Purge)
def purge(change: Change, _body: dict[str, Any]) -> Any:
    """Purge personal data whose retention has passed (파기); the log holds counts only."""
    return privacy.purge(change)


@blueprint.query("/purges", takes=PageQuery, returns=page_of(schemas.Purge))
def list_purges(tx: Connection, arguments: dict[str, Any]) -> Any:
    """The log of purges."""
    return page(tx, sa.select(store.purges), store.purges.c.number, **arguments)


@blueprint.query("/balances", takes=PageQuery, returns=page_of(schemas.Balance))
def list_balances(tx: Connection, arguments: dict[str, Any]) -> Any:
    """How many seats of each shift are taken, for the ledger to compare."""
    return page(tx, store.BALANCES, store.shifts.c.number, **arguments)


def vault() -> Vault:
    return Vault.of(current_service().settings.personal_data_key)


def is_staff() -> bool:
    return bool(flask.g.actor.has_any(SEES_COUNTS.roles))


def check_rate(change: Change, what: str) -> None:
    """Raises RequestProblem 429 when one client address asks too often."""
    if change.actor.has_any(UNLIMITED):
        return
    service = current_service()
    address = client_address(service.settings.trusted_proxies)
    if service.cache.count(f"dispatch:{what}:{address}", window_seconds=RATE_WINDOW_SECONDS) <= RATE_LIMIT:
        return
    problem = RequestProblem(
        "too-many-requests",
        429,
        "Too many requests",
        f"잠시 뒤 다시 시도하십시오. More than {RATE_LIMIT} requests came from your address within "
        f"{RATE_WINDOW_SECONDS} seconds.",
        limit=RATE_LIMIT,
        window_seconds=RATE_WINDOW_SECONDS,
    )
    problem.headers["Retry-After"] = str(RATE_WINDOW_SECONDS)
    raise problem


def _selected(query: sa.Select[Any], table: sa.Table, arguments: dict[str, Any], *names: str) -> sa.Select[Any]:
    """The query narrowed by those of the arguments that were given, which are used up."""
    for name in names:
        if value := arguments.pop(name, None):
            query = query.where(table.c[name] == value)
    return query
