"""The auditor's pages: every figure leads to the entries that make it, and these to their events."""

from datetime import date
from typing import Any, Final

import flask
from flask import request, url_for

from services.portal import tracing, visitor
from services.portal.answers import done, refused_page
from services.portal.calls import Refused, ask, ask_all, segment, services, submit
from services.portal.chart import execution_chart
from services.portal.explaining import finding_sentence
from services.portal.forms import active_accounts, field
from services.portal.names import called
from services.portal.navigation import FIGURE_READERS, OVERSIGHT_ROLES, RECONCILERS
from services.portal.reporting import execution_report
from services.portal.visitor import requires
from shared.auth import Role
from shared.clock import parse_utc

FORMATS: Final = ("xlsx", "hwpx", "csv", "json")
# Figures with entries of their own, and figures that are computed of others (a minus b, or a in percent of b).
POSTED: Final = ("original_appropriation", "current_appropriation", "committed", "expended")
DERIVED: Final = {
    "uncommitted_balance": ("minus", "current_appropriation", "committed"),
    "unpaid_balance": ("minus", "current_appropriation", "expended"),
    "commitment_rate": ("percent", "committed", "current_appropriation"),
    "expenditure_rate": ("percent", "expended", "current_appropriation"),
    "remaining": ("minus", "year_end_forecast", "expended"),
    "forecast_rate": ("percent", "year_end_forecast", "current_appropriation"),
}
MEASURES: Final = (*POSTED, *DERIVED, "year_end_forecast")
RATES: Final = ("commitment_rate", "expenditure_rate", "forecast_rate")
AMBIGUOUS: Final = "urn:dure:problem:ambiguous-id"
EXPLAINERS: Final = (Role.ADMINISTRATOR, Role.BUDGET_OFFICER)
NOTES: Final = ("explain", "reopen", "assign")

blueprint = flask.Blueprint("audit", __name__)


@blueprint.get("/execution")
@requires(*FIGURE_READERS)
def execution() -> str:
    """Budget execution (기금집행 현황) on both bases."""
    report = execution_report(ask, _as_of())
    chart = execution_chart(report["rows"], [called(row, "line_name") for row in report["rows"]])
    return flask.render_template("execution.html", report=report, chart=chart, formats=FORMATS, **_figures())


@blueprint.get("/execution.<format_>")
@requires(*FIGURE_READERS)
def download(format_: str) -> flask.Response:
    """The ledger's own file, passed through."""
    if format_ not in FORMATS:
        flask.abort(404)
    reply = services().call("ledger", "GET", f"/execution.{format_}", query={"as_of": _as_of()})
    if not reply.ok:
        raise Refused(reply)
    kept = {name: reply.headers[name] for name in ("Content-Type", "Content-Disposition") if name in reply.headers}
    return flask.Response(reply.content, headers=kept)


@blueprint.get("/execution/<line_id>/<measure>")
@requires(*FIGURE_READERS)
def figure(line_id: str, measure: str) -> Any:
    """How one figure comes about: its entries, or the figures it is computed of."""
    report = execution_report(ask, _as_of())
    row = next((row for row in report["rows"] if row["line_id"] == line_id), None)
    if row is None or measure not in MEASURES:
        flask.abort(404)
    if measure == "year_end_forecast":  # recorded as it is, not posted: its events are the line's
        return flask.redirect(url_for("audit.trace", id_=line_id, kind="budget_line"), 303)
    entries = None
    if measure in POSTED:
        query = {"budget_line_id": line_id, "measure": measure, "as_of": report["as_of"]}
        entries = ask_all("ledger", "/entries", **query)
    return flask.render_template(
        "figure.html", report=report, row=row, measure=measure, entries=entries, rule=DERIVED.get(measure), **_figures()
    )


@blueprint.get("/execution-total/<measure>")
@requires(*FIGURE_READERS)
def total(measure: str) -> str:
    """A total and the lines it is the sum of."""
    if measure not in MEASURES:
        flask.abort(404)
    report = execution_report(ask, _as_of())
    return flask.render_template("total.html", report=report, measure=measure, **_figures())


@blueprint.get("/trace/<id_>")
@requires(*FIGURE_READERS)
def trace(id_: str) -> Any:
    """The events behind an id, with all they say, and the entries they became."""
    reply = services().call("ledger", "GET", f"/trace/{segment(id_)}", query={"kind": request.args.get("kind")})
    if not reply.ok and reply.is_problem and reply.body["type"] == AMBIGUOUS:
        kinds = reply.body["kinds"].split(", ")
        return flask.render_template("trace_which.html", id_=id_, kinds=kinds), reply.status
    if not reply.ok:
        raise Refused(reply)
    return flask.render_template("trace.html", trace=reply.body, facts=tracing.facts)


@blueprint.get("/reconciliation")
@requires(*RECONCILERS)
def reconciliation() -> str:
    return flask.render_template("reconciliation.html", **_reconciliation())


@blueprint.post("/reconciliation/<difference>/<action>")
@requires(*EXPLAINERS)
def note(difference: str, action: str) -> Any:
    """Explain a difference, withdraw the explanation, or name who looks after it; all of it stays on record."""
    if action not in NOTES:
        flask.abort(404)
    path = f"/differences/{segment(difference)}/notes"
    reply = submit("ledger", path, {"action": action, "reason": field("reason"), "owner": field("owner")})
    if not reply.ok:
        return refused_page(reply, "reconciliation.html", **_reconciliation())
    place = url_for("audit.reconciliation", as_of=_as_of(), _anchor=f"f-{difference}")
    return done(place, f"reconciliation.{action}.done")


@blueprint.post("/reconciliation/retakes")
@requires(Role.ADMINISTRATOR)
def retake() -> Any:
    """Take in once more what could not be taken in before."""
    reply = submit("ledger", "/retakes", {})
    if not reply.ok:
        return refused_page(reply, "reconciliation.html", **_reconciliation())
    message = "reconciliation.retaken" if reply.body["items"] else "reconciliation.retaken_none"
    return done(url_for("audit.reconciliation", as_of=_as_of()), message)


@blueprint.get("/goods")
@requires(*OVERSIGHT_ROLES)
def goods() -> str:
    return flask.render_template("goods.html", report=ask("ledger", "/goods", as_of=_as_of()))


@blueprint.get("/people")
@requires(*OVERSIGHT_ROLES)
def people() -> str:
    return flask.render_template("people.html", report=ask("ledger", "/people", as_of=_as_of()))


def _figures() -> dict[str, Any]:
    return {"posted": POSTED, "rates": RATES}


def _reconciliation() -> dict[str, Any]:
    """The report, with the age in days of everything that could not be taken in."""
    report, account = ask("ledger", "/reconciliation", as_of=_as_of()), visitor.account()
    keeps_accounts = account is not None and account.has_any((Role.ADMINISTRATOR,))
    execution = ask("ledger", "/execution", as_of=report["as_of"])
    now = services().clock.now()
    for finding in report["findings"]:
        found_at = finding.get("found_at")
        finding["days"] = (now - parse_utc(found_at)).days if found_at else None
    return {
        "report": report,
        "line_names": {row["line_id"]: called(row, "line_name") for row in execution["rows"]},
        "sentence": finding_sentence,
        "owners": active_accounts() if keeps_accounts else None,
        "has_open_breaks": any(one["is_open"] and "break_kind" in one for one in report["findings"]),
        "may_explain": account is not None and account.has_any(EXPLAINERS),
    }


def _as_of() -> str | None:
    """The date asked for. Raises BadRequest for what is no date."""
    asked = request.args.get("as_of")
    if not asked:
        return None
    try:
        return date.fromisoformat(asked).isoformat()
    except ValueError:
        flask.abort(400)
