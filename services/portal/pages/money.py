"""Spending documents (품의부터 지출까지): the inbox of each role, a document, and its steps."""

from dataclasses import dataclass
from typing import Any, Final

import flask
from flask import request, url_for

from services.portal import forms, names, visitor
from services.portal.answers import done, refused_page
from services.portal.calls import ask, ask_all, segment, services, submit
from services.portal.formats import number
from services.portal.forms import field, whole_number
from services.portal.messages import text
from services.portal.navigation import DOCUMENT_READERS, MONEY_ROLES
from services.portal.visitor import requires
from shared.auth import Role
from shared.clock import seoul_date

NEWEST: Final = 200


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
CONTENT: Final = ("budget_line_id", "purpose", "payee", "party_id", "disaster_id", "relief_stage", "region_id")

blueprint = flask.Blueprint("money", __name__)


@blueprint.get("/documents")
@requires(*DOCUMENT_READERS)
def documents() -> str:
    """What waits for this account first, then every document."""
    found = ask_all("disbursement", "/spending-proposals")[::-1]
    return flask.render_template(
        "documents.html",
        waiting=[document for document in found if actions_on(document)],
        documents=found[:NEWEST],
        lines={line["id"]: names.called(line) for line in ask_all("disbursement", "/budget-lines")},
        has_inbox=bool(_roles() & {action.role for action in ACTIONS}),
    )


@blueprint.get("/documents/new")
@requires(Role.DRAFTER)
def new_document() -> str:
    return flask.render_template("document_new.html", **_choices())


@blueprint.post("/documents/new")
@requires(Role.DRAFTER)
def propose() -> Any:
    body = {name: field(name) for name in CONTENT} | {"amount_won": whole_number("amount_won")}
    reply = submit("disbursement", "/spending-proposals", body)
    if not reply.ok:
        return refused_page(reply, "document_new.html", **_choices())
    return done(url_for("money.document", document_id=reply.body["id"]), "document.proposed")


@blueprint.get("/documents/<document_id>")
@requires(*DOCUMENT_READERS)
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


def actions_on(document: dict[str, Any]) -> list[Action]:
    """What the account may do with the document now; the service has the last word."""
    account = visitor.account()
    return [
        action
        for action in ACTIONS
        if action.state == document["state"]
        and account is not None
        and account.may(action.role, document["disaster_id"], document["body_id"])
    ]


def _roles() -> frozenset[str]:
    account = visitor.account()
    return account.roles if account else frozenset()


def _document(document_id: str) -> dict[str, Any]:
    found = ask("disbursement", f"/spending-proposals/{segment(document_id)}")
    return {
        "document": found,
        "line": ask("disbursement", f"/budget-lines/{segment(found['budget_line_id'])}"),
        "fund": ask("disbursement", f"/funds/{segment(found['fund_id'])}"),
        "actions": actions_on(found),
    }


def _choices() -> dict[str, Any]:
    """The options of a proposal. Only lines of this year and of the body's own: no other could bear a commitment."""
    account, year = visitor.account(), seoul_date(services().clock.now()).year
    assert account is not None
    balance = text("measure.uncommitted_balance", visitor.language())
    lines = [
        (line["id"], f"{names.called(line)} ({year}, {balance} {number(line['uncommitted_balance'])})")
        for line in ask_all("disbursement", "/budget-lines")[::-1]
        if line["fiscal_year"] == year and line["body_id"] == account.body_id
    ]
    return {
        "lines": lines,
        "year": year,
        "disasters": forms.disasters_of(Role.DRAFTER),
        "needs_disaster": not account.may(Role.DRAFTER, None),
        "stages": forms.stages(),
        "regions": forms.regions(),
        "bodies": forms.bodies(),
        "chosen": request.values,
    }
