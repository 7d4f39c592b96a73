"""HTTP of the ledger. The facts themselves come as events; what is changed here is what people say of differences."""

from typing import Any, Final

import flask
from sqlalchemy.engine import Connection

from services.ledger import anchors, differences, operations, postings, reconciliation, reports, schemas, verification
from services.ledger.differences import Action
from services.ledger.domain import AmbiguousId, KnownAtInFuture, Measure, NothingToExplain
from services.ledger.exports import FORMATS, file_name, render
from services.ledger.permissions import PERMISSIONS
from services.ledger.reports import Horizon
from services.ledger.trace import trace
from shared.changes import Change
from shared.clock import seoul_date
from shared.http import Blueprint, authenticate, current_service
from shared.problems import ProblemKind, RequestProblem
from shared.refusals import Refusal

PROBLEMS: Final[dict[type[Refusal], ProblemKind]] = {
    KnownAtInFuture: ProblemKind("known-at-in-future", 422, "Not known yet"),
    AmbiguousId: ProblemKind("ambiguous-id", 409, "Several things have this id"),
    NothingToExplain: ProblemKind("nothing-to-explain", 409, "Nothing to withdraw"),
}

blueprint = Blueprint(
    "ledger", __name__, description="Journal, reports and reconciliation (장부)", permissions=PERMISSIONS
)


def horizon(tx: Connection, arguments: dict[str, Any]) -> Horizon:
    """What a report looks at. Raises KnownAtInFuture."""
    service = current_service()
    now = service.clock.now()
    as_of, known_at = arguments.get("as_of") or seoul_date(now), arguments.get("known_at")
    return Horizon(as_of, postings.knowledge(tx, known_at) if known_at else None)


def seal(arguments: dict[str, Any]) -> None:
    """Before a report says what was known at a moment, nothing may be posted for that moment any more."""
    service = current_service()
    if known_at := arguments.get("known_at"):
        postings.seal(service.database, known_at, service.clock.now())


@blueprint.query("/execution", takes=schemas.ReportQuery, returns=schemas.ExecutionReport, before=seal)
def execution(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Budget execution (기금집행 현황) on both bases: commitments and payments."""
    return reports.execution(tx, horizon(tx, arguments))


@blueprint.query("/entries", takes=schemas.EntriesQuery, returns=schemas.FigureEntries, before=seal)
def entries(tx: Connection, arguments: dict[str, Any]) -> Any:
    """The entries that add up to one figure of the execution report, by date."""
    return reports.entries_of_figure(
        tx,
        horizon(tx, arguments),
        arguments["budget_line_id"],
        Measure(arguments["measure"]),
        limit=arguments["limit"],
        after=arguments["after"],
    )


@blueprint.query("/trace/<id:id_>", takes=schemas.TraceQuery, returns=schemas.Trace)
def show_trace(tx: Connection, arguments: dict[str, Any], id_: str) -> Any:
    """The events and entries behind an id."""
    return trace(tx, id_, arguments.get("kind"))


@blueprint.query("/goods", takes=schemas.ReportQuery, returns=schemas.GoodsReport, before=seal)
def goods(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Relief goods by item and by unit."""
    return reports.goods(tx, horizon(tx, arguments))


@blueprint.query("/people", takes=schemas.ReportQuery, returns=schemas.PeopleReport, before=seal)
def people(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Volunteers by task; counts only."""
    return reports.people(tx, horizon(tx, arguments))


@blueprint.query("/reconciliation", takes=schemas.DayQuery, returns=schemas.Reconciliation)
def reconcile(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Figures against disasters and limits, with every difference by name."""
    return reconciliation.reconcile(tx, horizon(tx, arguments).as_of)


@blueprint.query("/counts", takes=schemas.SkipQuery, returns=schemas.Counts)
def list_counts(tx: Connection, arguments: dict[str, Any]) -> Any:
    """What the ledger counts of each line, lot and shift, to be compared with what its owner counts."""
    return reconciliation.counts_page(tx, **arguments)


@blueprint.query("/breaks", returns=schemas.Breaks)
def breaks(tx: Connection, _arguments: dict[str, Any]) -> Any:
    """Events that could not be taken in, each with its reason, its owner and what became of it."""
    return {"items": differences.breaks(tx)}


@blueprint.change("/retakes", returns=schemas.Retaken, status=200)
def retake(change: Change, _body: dict[str, Any]) -> Any:
    """Try once more to take in what could not be taken in before."""
    service = current_service()
    inbox = operations.inbox_of(service.database, service.clock)
    return {"items": operations.retake(change.tx, inbox, account=change.actor.id, now=change.now)}


@blueprint.query("/differences/<id:difference>/notes", returns=schemas.Notes)
def list_notes(tx: Connection, _arguments: dict[str, Any], difference: str) -> Any:
    """What was said of a finding or a break."""
    return {"items": differences.notes_of(tx, difference)}


@blueprint.change("/differences/<id:difference>/notes", takes=schemas.NewNote, returns=schemas.Note)
def add_note(change: Change, body: dict[str, Any], difference: str) -> Any:
    """Name who looks after a difference, explain it, or withdraw an explanation."""
    said = {"owner": body.get("owner"), "reason": body["reason"], "account": change.actor.id, "now": change.now}
    return differences.add_note(change.tx, difference, Action(body["action"]), **said)


@blueprint.query("/verification", returns=schemas.Verification)
def verify(tx: Connection, _arguments: dict[str, Any]) -> Any:
    """Recompute everything from its first link: chains, postings, notes, anchors, guards and projections."""
    return verification.verify(tx, current_service().settings.anchor_key, operations.chains(tx))


@blueprint.query("/anchors/newest", returns=schemas.SignedAnchor)
def newest_anchor(tx: Connection, _arguments: dict[str, Any]) -> Any:
    """The newest anchor, to be kept elsewhere."""
    return anchors.newest(tx, current_service().settings.anchor_key)


@blueprint.change("/anchors", returns=schemas.SignedAnchor)
def make_anchor(change: Change, _body: dict[str, Any]) -> Any:
    """Sign where every chain stands now."""
    return anchors.make(change.tx, current_service().settings.anchor_key, change.now, operations.chains(change.tx))


# What takes or gives a file is no JSON of the API's document.
files = flask.Blueprint("files", __name__)


@files.post("/anchor-checks")
def check_anchor() -> dict[str, Any]:
    """Verify, and compare with an anchor that was kept elsewhere: the request's body as it was handed out."""
    authenticate(CHECK_ANCHOR.permission)
    service = current_service()
    key = service.settings.anchor_key
    try:
        anchor = anchors.read(flask.request.get_data(), key)
    except anchors.BadAnchor as error:
        raise RequestProblem("bad-anchor", 422, "Not an anchor of this ledger", str(error)) from error
    with service.database.read() as tx:
        return verification.verify(tx, key, operations.chains(tx), anchor)


CHECK_ANCHOR: Final = blueprint.allow(check_anchor, "POST", "/anchor-checks")


@files.get("/execution.<format_>")
def download_execution(format_: str) -> flask.Response:
    """The execution report as a file: json, csv, xlsx or hwpx."""
    authenticate(DOWNLOAD.permission)
    if format_ not in FORMATS:
        flask.abort(404, f"There is no format {format_}; choose one of {', '.join(FORMATS)}.")
    arguments = Blueprint.ARGUMENTS_PARSER.parse(schemas.ReportQuery(), location="query", unknown="raise")
    seal(arguments)
    with current_service().database.read() as tx:
        report = reports.execution(tx, horizon(tx, arguments))
    response = flask.Response(render(report, format_), content_type=FORMATS[format_].media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(report, format_)}"'
    return response


DOWNLOAD: Final = blueprint.allow(download_execution, "GET", "/execution.<format_>")
