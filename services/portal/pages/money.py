"""Spending documents (품의부터 지출까지): the inbox of each role, a document, and its steps."""

from dataclasses import dataclass
from typing import Any, Final

import flask
from flask import request, url_for

from services.portal import visitor
from services.portal.calls import ask, ask_all, done, refused_page, segment, submit
from services.portal.formats import number
from services.portal.forms import field, named, whole_number
from services.portal.messages import text, word
from services.portal.navigation import MONEY_ROLES, OVERSIGHT_ROLES
from services.portal.visitor import requires
from shared.auth import Role

NEWEST: Final = 200
READERS: Final = (*MONEY_ROLES, *OVERSIGHT_ROLES)
STAGES: Final = ("suppression", "recovery", "livelihood")


@dataclass(frozen=True)
class Action:
    """A button of a document: shown to `role` while the document is in `state`."""

    name: str
    role: Role
    state: str
    style: str = "primary"


ACTIONS: Final = (
    Action("review", Role.REVIEWER, "proposed"),
    Action("reject", Role.REVIEWER, "proposed", "tertiary"),
    Action("approve", Role.APPROVER, "reviewed"),
    Action("reject", Role.APPROVER, "reviewed", "tertiary"),
    Action("commit", Role.COMMITMENT_OFFICER, "approved"),
    Action("pay", Role.PAYMENT_OFFICER, "committed"),
)
PATHS: Final = {"pay": "payments"}  # the other actions are called what they are

blueprint = flask.Blueprint("money", __name__)


@blueprint.get("/documents")
@requires(*READERS)
def documents() -> str:
    """What waits for this account first, then every document."""
    found = ask_all("disbursement", "/spending-proposals")[::-1]
    lines = {line["id"]: line["name"] for line in ask_all("disbursement", "/budget-lines")}
    states = {action.state for action in ACTIONS if action.role in _roles()}
    waiting = [document for document in found if document["state"] in states]
    return flask.render_template("documents.html", waiting=waiting, documents=found[:NEWEST], lines=lines, inbox=states)


@blueprint.get("/documents/new")
@requires(Role.DRAFTER)
def new_document() -> str:
    return flask.render_template("document_new.html", **_choices())


@blueprint.post("/documents/new")
@requires(Role.DRAFTER)
def propose() -> Any:
    names = ("budget_line_id", "purpose", "payee", "disaster_id", "relief_stage", "region")
    body = {name: field(name) for name in names} | {"amount_won": whole_number("amount_won")}
    reply = submit("disbursement", "/spending-proposals", body)
    if not reply.ok:
        return refused_page(reply, "document_new.html", **_choices())
    return done(url_for("money.document", document_id=reply.body["id"]), "document.proposed")


@blueprint.get("/documents/<document_id>")
@requires(*READERS)
def document(document_id: str) -> str:
    return flask.render_template("document.html", **_document(document_id))


@blueprint.post("/documents/<document_id>/<action>")
@requires(*MONEY_ROLES)
def act(document_id: str, action: str) -> Any:
    """Take one step; a refusal is shown above the document, with its numbers."""
    if action not in {known.name for known in ACTIONS}:
        flask.abort(404)
    body = {"amount_won": whole_number("amount_won")} if action == "pay" else {"comment": field("comment")}
    path = f"/spending-proposals/{segment(document_id)}/{PATHS.get(action, action)}"
    reply = submit("disbursement", path, body)
    if not reply.ok:
        return refused_page(reply, "document.html", **_document(document_id))
    return done(url_for("money.document", document_id=document_id), f"document.{action}.done")


def _roles() -> frozenset[str]:
    account = visitor.account()
    return account.roles if account else frozenset()


def _document(document_id: str) -> dict[str, Any]:
    found = ask("disbursement", f"/spending-proposals/{segment(document_id)}")
    line = ask("disbursement", f"/budget-lines/{segment(found['budget_line_id'])}")
    disasters = {disaster["id"]: disaster["name"] for disaster in ask_all("situation", "/disasters")}
    actions = [action for action in ACTIONS if action.state == found["state"] and action.role in _roles()]
    return {"document": found, "line": line, "disasters": disasters, "actions": actions}


def _choices() -> dict[str, Any]:
    """The options of a proposal, as pairs of a value and its text."""
    language = visitor.language()
    lines = ask_all("disbursement", "/budget-lines")[::-1]
    balance = text("measure.uncommitted_balance", language)
    return {
        "lines": [
            (line["id"], f"{line['name']} ({line['fiscal_year']}, {balance} {number(line['uncommitted_balance'])})")
            for line in lines
        ],
        "disasters": named(ask_all("situation", "/disasters")[::-1]),
        "stages": [(stage, word("stage", stage, language)) for stage in STAGES],
        "chosen": request.values,
    }
