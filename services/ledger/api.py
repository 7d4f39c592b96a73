"""HTTP of the ledger: reading only, for the facts themselves come as events."""

from typing import Any, Final

import flask
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger import reconciliation, reports, schemas, store, verification
from services.ledger.domain import Measure
from services.ledger.exports import FORMATS, file_name, render
from services.ledger.reports import Horizon
from services.ledger.trace import trace
from shared.auth import Role
from shared.clock import seoul_date
from shared.fields import PageQuery, page_of
from shared.http import Blueprint, authenticate, current_service
from shared.problems import ProblemKind
from shared.refusals import Refusal
from shared.rows import page

PROBLEMS: Final[dict[type[Refusal], ProblemKind]] = {}
AUDIT: Final = {Role.AUDITOR, Role.ADMINISTRATOR}

blueprint = Blueprint("ledger", __name__, description="Journal, reports and reconciliation (장부)")


def horizon(arguments: dict[str, Any]) -> Horizon:
    today = seoul_date(current_service().clock.now())
    return Horizon(arguments.get("as_of") or today, arguments.get("known_at"))


@blueprint.query("/execution", takes=schemas.ReportQuery, returns=schemas.ExecutionReport)
def execution(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Budget execution (기금집행 현황) on both bases: commitments and payments."""
    return reports.execution(tx, horizon(arguments))


@blueprint.query("/entries", takes=schemas.EntriesQuery, returns=schemas.FigureEntries)
def entries(tx: Connection, arguments: dict[str, Any]) -> Any:
    """The entries that add up to one figure of the execution report."""
    return reports.entries_of_figure(
        tx,
        horizon(arguments),
        arguments["budget_line_id"],
        Measure(arguments["measure"]),
        limit=arguments["limit"],
        after=arguments["after"],
    )


@blueprint.query("/trace/<id:id_>", returns=schemas.Trace)
def show_trace(tx: Connection, _arguments: dict[str, Any], id_: str) -> Any:
    """The events and entries behind an id."""
    return trace(tx, id_)


@blueprint.query("/goods", takes=schemas.ReportQuery, returns=schemas.GoodsReport, public=True)
def goods(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Relief goods by item and by unit."""
    return reports.goods(tx, horizon(arguments))


@blueprint.query("/people", takes=schemas.ReportQuery, returns=schemas.PeopleReport, public=True)
def people(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Volunteers by task; counts only."""
    return reports.people(tx, horizon(arguments))


@blueprint.query("/reconciliation", takes=schemas.DayQuery, returns=schemas.Reconciliation)
def reconcile(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Figures against disasters and limits, with every difference by name."""
    return reconciliation.reconcile(tx, horizon(arguments).as_of)


@blueprint.query("/breaks", takes=PageQuery, returns=page_of(schemas.Break), roles=AUDIT)
def breaks(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Events that could not be taken in, each with its reason."""
    table = store.inbox.breaks
    columns = sa.select(table, table.c.id.label("number"))
    return page(tx, columns, table.c.id, **arguments)


@blueprint.query("/verification", returns=schemas.Verification, roles=AUDIT)
def verify(tx: Connection, _arguments: dict[str, Any]) -> Any:
    """Recompute the hash chain from its first entry."""
    return verification.verify(tx)


downloads = flask.Blueprint("downloads", __name__)


@downloads.get("/execution.<format_>")
def download_execution(format_: str) -> flask.Response:
    """The execution report as a file: json, csv, xlsx or hwpx."""
    authenticate(None)
    if format_ not in FORMATS:
        flask.abort(404, f"There is no format {format_}; choose one of {', '.join(FORMATS)}.")
    arguments = Blueprint.ARGUMENTS_PARSER.parse(schemas.ReportQuery(), location="query", unknown="raise")
    with current_service().database.read() as tx:
        report = reports.execution(tx, horizon(arguments))
    response = flask.Response(render(report, format_), content_type=FORMATS[format_].media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(report, format_)}"'
    return response
