"""Volunteers: the open list and sign-up for everybody, tasks and rosters for the manager."""

from collections import Counter
from typing import Any, Final

import flask
from flask import request, session, url_for

from services.portal import visitor
from services.portal.answers import done, refused_page
from services.portal.calls import ask, ask_all, segment, services, submit
from services.portal.forms import field
from services.portal.visitor import requires
from shared.auth import Role
from shared.clock import parse_utc, seoul_date

SIGN_UP_ACTIONS: Final = ("confirm", "decline", "waitlist", "attend", "verify-credential")
TASK_ACTIONS: Final = ("approve", "close")
DAYS_BACK: Final = 7  # for how long a roster may be typed in late; what is allowed says the service
# What may still happen to a sign-up in each state; the service has the last word.
BUTTONS: Final = {
    "applied": ("confirm", "waitlist", "decline"),
    "waitlisted": ("confirm", "decline"),
    "confirmed": ("attend",),
}

blueprint = flask.Blueprint("volunteers", __name__)


@blueprint.get("/volunteer")
def open_tasks() -> str:
    return flask.render_template("volunteer.html", tasks=_public_tasks())


@blueprint.get("/volunteer/done")
def sign_up_done() -> Any:
    """What was agreed, with the code that undoes it; only for the visitor who signed up."""
    signed_up = session.get("sign_up")
    if not signed_up:
        return flask.redirect(url_for("volunteers.open_tasks"), 303)
    return flask.render_template("volunteer_done.html", sign_up=signed_up)


@blueprint.get("/volunteer/cancel/<sign_up_id>")
def cancel_form(sign_up_id: str) -> str:
    return flask.render_template("volunteer_cancel.html", sign_up_id=sign_up_id)


@blueprint.post("/volunteer/cancel/<sign_up_id>")
def cancel(sign_up_id: str) -> Any:
    reply = submit("dispatch", f"/sign-ups/{segment(sign_up_id)}/cancel", {"cancel_code": field("cancel_code")})
    if not reply.ok:
        return refused_page(reply, "volunteer_cancel.html", sign_up_id=sign_up_id)
    session.pop("sign_up", None)
    return done(url_for("volunteers.open_tasks"), "volunteer.cancelled")


@blueprint.get("/volunteer/<shift_id>")
def sign_up_form(shift_id: str) -> str:
    return flask.render_template("volunteer_form.html", **_shift(shift_id))


@blueprint.post("/volunteer/<shift_id>")
def sign_up(shift_id: str) -> Any:
    found = _shift(shift_id)
    body: dict[str, Any] = {"name": field("name"), "phone": field("phone"), "consent": field("consent") == "yes"}
    if found["task"]["kind"] == "foreign_residents":
        body["nationality"] = field("nationality").upper()
    if kind := found["task"].get("required_credential"):
        body["credential"] = {"kind": kind, "number": field("credential_number")}
    reply = submit("dispatch", f"/shifts/{segment(shift_id)}/sign-ups", body)
    if not reply.ok:
        return refused_page(reply, "volunteer_form.html", **_shift(shift_id))
    shown = ("id", "state", "task_title", "task_english_title", "starts_at", "ends_at", "place", "cancel_code")
    session["sign_up"] = {name: reply.body.get(name) for name in shown}
    return done(url_for("volunteers.sign_up_done"))


@blueprint.get("/tasks")
@requires(Role.VOLUNTEER_MANAGER)
def tasks() -> str:
    """The tasks of the body and the disasters the account looks after."""
    account = visitor.account()
    assert account is not None
    found = ask_all("dispatch", "/tasks", body_id=account.body_id)[::-1]
    own = [task for task in found if account.may(Role.VOLUNTEER_MANAGER, task["disaster_id"])]
    return flask.render_template("tasks.html", tasks=own)


@blueprint.get("/tasks/<task_id>")
@requires(Role.VOLUNTEER_MANAGER)
def task(task_id: str) -> str:
    return flask.render_template("task.html", **_task(task_id))


@blueprint.post("/tasks/<task_id>/<action>")
@requires(Role.VOLUNTEER_MANAGER)
def act_on_task(task_id: str, action: str) -> Any:
    if action not in TASK_ACTIONS:
        flask.abort(404)
    reply = submit("dispatch", f"/tasks/{segment(task_id)}/{action}", {})
    if not reply.ok:
        return refused_page(reply, "task.html", **_task(task_id))
    return done(url_for("volunteers.task", task_id=task_id), f"task.{action}.done")


@blueprint.post("/tasks/<task_id>/sign-ups/<sign_up_id>/<action>")
@requires(Role.VOLUNTEER_MANAGER)
def act_on_sign_up(task_id: str, sign_up_id: str, action: str) -> Any:
    if action not in SIGN_UP_ACTIONS:
        flask.abort(404)
    given = {"verify-credential": "verified_reference", "attend": "effective_date"}.get(action)
    body = {given: field(given)} if given else {}
    reply = submit("dispatch", f"/sign-ups/{segment(sign_up_id)}/{action}", body)
    if not reply.ok:
        return refused_page(reply, "task.html", **_task(task_id))
    return done(url_for("volunteers.task", task_id=task_id, _anchor=f"s-{sign_up_id}"), f"signup.{action}.done")


def _public_tasks() -> list[dict[str, Any]]:
    """Approved tasks with the shifts that are not over, also when a manager looks: the page is everybody's."""
    now = services().clock.now()
    tasks = ask_all("dispatch", "/tasks", state="approved")
    for task in tasks:
        task["shifts"] = [shift for shift in task["shifts"] if parse_utc(shift["ends_at"]) > now]
    return [task for task in tasks if task["shifts"]]


def _shift(shift_id: str) -> dict[str, Any]:
    """The shift and its task. Raises NotFound."""
    pairs = ((task, shift) for task in _public_tasks() for shift in task["shifts"])
    found = next(((task, shift) for task, shift in pairs if shift["id"] == shift_id), None)
    if found is None:
        flask.abort(404)
    return {"task": found[0], "shift": found[1]}


def _task(task_id: str) -> dict[str, Any]:
    found = ask("dispatch", f"/tasks/{segment(task_id)}")
    rosters = [(shift, ask_all("dispatch", f"/shifts/{segment(shift['id'])}/sign-ups")) for shift in found["shifts"]]
    counts = Counter(sign_up["state"] for _, roster in rosters for sign_up in roster)
    state = request.args.get("state")
    if state:
        rosters = [(shift, [one for one in roster if one["state"] == state]) for shift, roster in rosters]
    return {
        "task": found,
        "rosters": rosters,
        "counts": counts,
        "state": state,
        "buttons": BUTTONS,
        "attended_on": attended_on,
    }


def attended_on(shift: dict[str, Any], sign_up: dict[str, Any]) -> str:
    """The day an attendance takes effect: that of the shift, also when the roster is typed in some days later."""
    today = seoul_date(services().clock.now())
    on = min(today, seoul_date(parse_utc(shift["ends_at"])))
    if (today - on).days > DAYS_BACK:
        return today.isoformat()
    return max(on.isoformat(), str(sign_up["last_effective_date"]))
