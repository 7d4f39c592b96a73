"""Accounts and duties (계정·직무): who may sign in, and what each of them may do. The auditor only reads."""

from datetime import date
from typing import Any, Final

import flask
from flask import request, url_for

from services.portal import forms, visitor
from services.portal.answers import done, refused_page
from services.portal.calls import ask, ask_all, segment, services, submit
from services.portal.forms import as_typed, field
from services.portal.navigation import OVERSIGHT_ROLES
from services.portal.visitor import requires
from shared.auth import Role
from shared.clock import seoul_date

GRANT: Final = ("role", "body_id", "disaster_id", "first_day", "last_day")
GRANT_STATES: Final = ("holds", "to_come", "over", "ended")  # in the order of the page
# What is done to an account, with the fields of its form; the service's addresses are called the same.
ACTIONS: Final = {
    "grants": GRANT,
    "names": ("display_name",),
    "password": ("password",),
    "disable": ("reason",),
    "enable": ("reason",),
    "sign-out": ("reason",),
}

blueprint = flask.Blueprint("accounts", __name__)


@blueprint.get("/accounts")
@requires(*OVERSIGHT_ROLES)
def accounts() -> str:
    found = ask_all("situation", "/accounts")
    for one in found:
        one["grants"] = [grant for grant in one["grants"] if grant_state(grant, _today()) == "holds"]
    return flask.render_template("accounts.html", accounts=found)


@blueprint.get("/new-account")  # not below /accounts, where an account may go by the name of `new`
@requires(Role.ADMINISTRATOR)
def new_account() -> str:
    return flask.render_template("account_new.html", **_choices())


@blueprint.post("/new-account")
@requires(Role.ADMINISTRATOR)
def open_account() -> Any:
    grant = {name: value for name, value in _filled_in(GRANT).items() if value}
    body = _filled_in(("id", "display_name", "password")) | {"grants": [grant]}
    reply = submit("situation", "/accounts", body)
    if not reply.ok:
        return refused_page(reply, "account_new.html", **_choices())
    return done(url_for("accounts.account", account_id=reply.body["id"]), "account.opened")


@blueprint.get("/accounts/<account_id>")
@requires(*OVERSIGHT_ROLES)
def account(account_id: str) -> str:
    return flask.render_template("account.html", **_account(account_id))


@blueprint.post("/accounts/<account_id>/<action>")
@requires(Role.ADMINISTRATOR)
def act(account_id: str, action: str) -> Any:
    if action not in ACTIONS:
        flask.abort(404)
    return _change(account_id, action, _filled_in(ACTIONS[action]), f"account.{action}.done")


@blueprint.post("/accounts/<account_id>/grants/<grant_id>/end")
@requires(Role.ADMINISTRATOR)
def end_grant(account_id: str, grant_id: str) -> Any:
    return _change(account_id, f"grants/{segment(grant_id)}/end", _filled_in(("reason",)), "account.end.done")


def grant_state(grant: dict[str, Any], today: date) -> str:
    """Whether a duty holds today, and if not, why."""
    if grant["ended_at"]:
        return "ended"
    if date.fromisoformat(grant["first_day"]) > today:
        return "to_come"
    return "over" if grant["last_day"] and date.fromisoformat(grant["last_day"]) < today else "holds"


def _change(account_id: str, path: str, body: dict[str, Any], message: str) -> Any:
    reply = submit("situation", f"/accounts/{segment(account_id)}/{path}", body)
    if not reply.ok:
        return refused_page(reply, "account.html", **_account(account_id))
    return done(url_for("accounts.account", account_id=account_id), message)


def _filled_in(names: tuple[str, ...]) -> dict[str, str]:
    return {name: as_typed(name) if name == "password" else field(name) for name in names}


def _account(account_id: str) -> dict[str, Any]:
    """An account with its duties, those that hold today first, and for the administrator what the forms offer."""
    found, signed_in = ask("situation", f"/accounts/{segment(account_id)}"), visitor.account()
    for grant in found["grants"]:
        grant["state"] = grant_state(grant, _today())
    found["grants"].sort(key=lambda grant: GRANT_STATES.index(grant["state"]))
    keeps = signed_in is not None and signed_in.has_any((Role.ADMINISTRATOR,))
    return {"one": found, "keeps": keeps, **(_choices() if keeps else {})}


def _choices() -> dict[str, Any]:
    return {
        "roles": forms.roles(),
        "bodies": forms.bodies(),
        "disasters": forms.disasters(),
        "chosen": request.form,
    }


def _today() -> date:
    return seoul_date(services().clock.now())
