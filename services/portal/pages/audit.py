"""The auditor's pages: every figure leads to the entries that make it, and these to their events."""

from datetime import date
from typing import Any, Final

import flask
from flask import request, url_for

from services.portal.calls import Refused, ask, ask_all, segment, services
from services.portal.chart import execution_chart
from services.portal.navigation import MONEY_ROLES, OVERSIGHT_ROLES
from services.portal.reporting import execution_report
from services.portal.visitor import requires

READERS: Final = (*MONEY_ROLES, *OVERSIGHT_ROLES)
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

blueprint = flask.Blueprint("audit", __name__)


@blueprint.get("/execution")
@requires(*READERS)
def execution() -> str:
    """Budget execution (기금집행 현황) on both bases."""
    report = execution_report(ask, _as_of())
    chart = execution_chart(report["rows"])
    return flask.render_template("execution.html", report=report, chart=chart, formats=FORMATS, **_figures())


@blueprint.get("/execution.<format_>")
@requires(*READERS)
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
@requires(*READERS)
def figure(line_id: str, measure: str) -> Any:
    """How one figure comes about: its entries, or the figures it is computed of."""
    report = execution_report(ask, _as_of())
    row = next((row for row in report["rows"] if row["line_id"] == line_id), None)
    if row is None or measure not in MEASURES:
        flask.abort(404)
    if measure == "year_end_forecast":  # recorded as it is, not posted: its events are the line's
        return flask.redirect(url_for("audit.trace", id_=line_id), 303)
    entries = None
    if measure in POSTED:
        query = {"budget_line_id": line_id, "measure": measure, "as_of": report["as_of"]}
        entries = ask_all("ledger", "/entries", **query)
    return flask.render_template(
        "figure.html", report=report, row=row, measure=measure, entries=entries, rule=DERIVED.get(measure), **_figures()
    )


@blueprint.get("/execution-total/<measure>")
@requires(*READERS)
def total(measure: str) -> str:
    """A total and the lines it is the sum of."""
    if measure not in MEASURES:
        flask.abort(404)
    report = execution_report(ask, _as_of())
    return flask.render_template("total.html", report=report, measure=measure, **_figures())


@blueprint.get("/trace/<id_>")
@requires(*READERS)
def trace(id_: str) -> str:
    """The events behind an id, with all they say, and the entries they became."""
    return flask.render_template("trace.html", trace=ask("ledger", f"/trace/{segment(id_)}"))


@blueprint.get("/reconciliation")
@requires(*OVERSIGHT_ROLES)
def reconciliation() -> str:
    return flask.render_template("reconciliation.html", report=ask("ledger", "/reconciliation", as_of=_as_of()))


@blueprint.get("/goods")
@requires(*OVERSIGHT_ROLES)
def goods() -> str:
    return flask.render_template("goods.html", report=ask("ledger", "/goods", as_of=_as_of()))


@blueprint.get("/people")
@requires(*OVERSIGHT_ROLES)
def people() -> str:
    report = ask("ledger", "/people", as_of=_as_of())
    titles = {task["id"]: task["title"] for task in ask_all("dispatch", "/tasks")}
    return flask.render_template("people.html", report=report, titles=titles)


def _figures() -> dict[str, Any]:
    return {"posted": POSTED, "rates": RATES}


def _as_of() -> str | None:
    """The date asked for. Raises BadRequest for what is no date."""
    asked = request.args.get("as_of")
    if not asked:
        return None
    try:
        return date.fromisoformat(asked).isoformat()
    except ValueError:
        flask.abort(400)
