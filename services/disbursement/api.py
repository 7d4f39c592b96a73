"""HTTP of disbursement, and how its refusals read on the wire."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.disbursement import domain, schemas, store
from services.disbursement.domain import AppropriationKind, Step
from services.disbursement.operations import budget, spending
from services.disbursement.permissions import DATING, PERMISSIONS
from shared.changes import Change
from shared.fields import PageQuery, page_of
from shared.http import Blueprint
from shared.problems import ProblemKind
from shared.refusals import Refusal
from shared.rows import get, page

PROBLEMS: Final[dict[type[Refusal], ProblemKind]] = {
    domain.OverCommitment: ProblemKind("over-commitment", 409, "Above the current appropriation"),
    domain.ReductionBelowCommitments: ProblemKind("reduction-below-commitments", 409, "Below what is committed"),
    domain.Overpayment: ProblemKind("overpayment", 409, "Above the commitment"),
    domain.OverReversal: ProblemKind("over-reversal", 409, "Above the payment"),
    domain.OverRelease: ProblemKind("over-release", 409, "Above the unpaid commitment"),
    domain.TouchedBefore: ProblemKind("touched-before", 403, "Same person, second duty"),
    domain.ApprovalVoid: ProblemKind("approval-void", 409, "Approval has lost its force"),
    domain.AuthorityMissing: ProblemKind("authority-missing", 422, "No decision behind the appropriation"),
    domain.OriginalExists: ProblemKind("original-exists", 409, "Second original appropriation"),
    domain.OtherFiscalYear: ProblemKind("other-fiscal-year", 409, "Another fiscal year"),
}
blueprint = Blueprint(
    "disbursement",
    __name__,
    description="Funds, budget lines and spending (기금 집행)",
    permissions=PERMISSIONS,
    dating=DATING,
)


@blueprint.change("/funds", takes=schemas.NewFund, returns=schemas.Fund)
def open_fund(change: Change, body: dict[str, Any]) -> Any:
    """Open a fund or account."""
    return budget.open_fund(change, **body)


@blueprint.query("/funds", takes=PageQuery, returns=page_of(schemas.Fund))
def list_funds(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Funds and accounts."""
    return page(tx, sa.select(store.funds), store.funds.c.number, **arguments)


@blueprint.query("/funds/<id:fund_id>", returns=schemas.Fund)
def show_fund(tx: Connection, _arguments: dict[str, Any], fund_id: str) -> Any:
    """One fund or account."""
    return get(tx, store.funds, "fund", fund_id)._asdict()


@blueprint.change("/funds/<id:fund_id>/names", takes=schemas.NewName, returns=schemas.Fund, edits=True)
def rename_fund(change: Change, body: dict[str, Any], fund_id: str) -> Any:
    """Give a fund or account another name from a day on."""
    return budget.rename_fund(change, fund_id, **body)


@blueprint.change("/budget-lines", takes=schemas.NewBudgetLine, returns=schemas.BudgetLine)
def open_budget_line(change: Change, body: dict[str, Any]) -> Any:
    """Open a budget line; its appropriation starts at zero."""
    return budget.open_budget_line(change, **body)


@blueprint.query("/budget-lines", takes=PageQuery, returns=page_of(schemas.BudgetLine))
def list_budget_lines(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Budget lines with their balances."""
    lines = page(tx, store.lines_with_funds(), store.budget_lines.c.number, **arguments)
    return {**lines, "items": [budget.line_view(line) for line in lines["items"]]}


@blueprint.query("/budget-lines/<id:line_id>", returns=schemas.BudgetLine)
def show_budget_line(tx: Connection, _arguments: dict[str, Any], line_id: str) -> Any:
    """One budget line with its balances."""
    return budget.line_view(store.line_with_fund(tx, line_id)._asdict())


@blueprint.change("/budget-lines/<id:line_id>/names", takes=schemas.NewName, returns=schemas.BudgetLine, edits=True)
def rename_budget_line(change: Change, body: dict[str, Any], line_id: str) -> Any:
    """Give a budget line another name from a day on."""
    return budget.rename_budget_line(change, line_id, **body)


@blueprint.change(
    "/budget-lines/<id:line_id>/appropriations", takes=schemas.NewAppropriation, returns=schemas.BudgetLine
)
def change_appropriation(change: Change, body: dict[str, Any], line_id: str) -> Any:
    """Record an appropriation event; the current appropriation (예산현액) is their sum."""
    kind = AppropriationKind(body.pop("kind"))
    return budget.change_appropriation(change, line_id, kind=kind, **body)


@blueprint.query("/budget-lines/<id:line_id>/appropriations", takes=PageQuery, returns=page_of(schemas.Appropriation))
def list_appropriations(tx: Connection, arguments: dict[str, Any], line_id: str) -> Any:
    """The appropriation events of a line."""
    store.line_with_fund(tx, line_id)
    rows = sa.select(store.appropriations).where(store.appropriations.c.budget_line_id == line_id)
    return page(tx, rows, store.appropriations.c.number, **arguments)


@blueprint.change("/budget-lines/<id:line_id>/forecasts", takes=schemas.NewForecast, returns=schemas.Forecast)
def record_forecast(change: Change, body: dict[str, Any], line_id: str) -> Any:
    """Record the cumulative year-end forecast of a line."""
    return budget.record_forecast(change, line_id, **body)


@blueprint.query("/balances", takes=PageQuery, returns=page_of(schemas.Balance))
def list_balances(tx: Connection, arguments: dict[str, Any]) -> Any:
    """What every budget line stands at, for the ledger to compare with."""
    return page(tx, store.balances(), store.budget_lines.c.number, **arguments)


@blueprint.change("/spending-proposals", takes=schemas.NewSpending, returns=schemas.Spending)
def propose_spending(change: Change, body: dict[str, Any]) -> Any:
    """Write a spending proposal (품의)."""
    return spending.propose(change, **body)


@blueprint.query("/spending-proposals", takes=schemas.SpendingQuery, returns=page_of(schemas.SpendingSummary))
def list_spending_proposals(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Documents, oldest first; `state` selects an inbox."""
    query = sa.select(store.spendings)
    for name in ("state", "body_id", "budget_line_id", "disaster_id"):
        if value := arguments.pop(name, None):
            query = query.where(store.spendings.c[name] == value)
    return page(tx, query, store.spendings.c.number, **arguments)


@blueprint.query("/spending-proposals/<id:spending_id>", returns=schemas.Spending)
def show_spending_proposal(tx: Connection, _arguments: dict[str, Any], spending_id: str) -> Any:
    """One document with its steps and payments."""
    return spending.show(tx, spending_id)


@blueprint.change(
    "/spending-proposals/<id:spending_id>",
    takes=schemas.SpendingRevision,
    returns=schemas.Spending,
    method="PATCH",
    status=200,
    edits=True,
)
def revise_spending_proposal(change: Change, body: dict[str, Any], spending_id: str) -> Any:
    """Change what a proposal says; earlier reviews and approvals lose their force."""
    return spending.revise(change, spending_id, **body)


@blueprint.change(
    "/spending-proposals/<id:spending_id>/review",
    takes=schemas.Decision,
    returns=schemas.Spending,
    status=200,
    edits=True,
)
def review_spending_proposal(change: Change, body: dict[str, Any], spending_id: str) -> Any:
    """Review a proposal (검토)."""
    return spending.decide(change, spending_id, Step.REVIEW, **body)


@blueprint.change(
    "/spending-proposals/<id:spending_id>/approve",
    takes=schemas.Decision,
    returns=schemas.Spending,
    status=200,
    edits=True,
)
def approve_spending_proposal(change: Change, body: dict[str, Any], spending_id: str) -> Any:
    """Approve exactly the version that was read (결재)."""
    return spending.decide(change, spending_id, Step.APPROVE, **body)


@blueprint.change(
    "/spending-proposals/<id:spending_id>/reject",
    takes=schemas.Decision,
    returns=schemas.Spending,
    status=200,
    edits=True,
)
def reject_spending_proposal(change: Change, body: dict[str, Any], spending_id: str) -> Any:
    """Reject a proposal (반려); the drafter may revise it."""
    return spending.decide(change, spending_id, Step.REJECT, **body)


@blueprint.change(
    "/spending-proposals/<id:spending_id>/commit",
    takes=schemas.Decision,
    returns=schemas.Spending,
    status=200,
    edits=True,
)
def commit_spending(change: Change, body: dict[str, Any], spending_id: str) -> Any:
    """Commit (원인행위): takes the amount of the budget line, or is refused by how much is missing."""
    return spending.commit(change, spending_id, **body)


@blueprint.change(
    "/spending-proposals/<id:spending_id>/release",
    takes=schemas.Amendment,
    returns=schemas.Spending,
    status=200,
    edits=True,
)
def release_commitment(change: Change, body: dict[str, Any], spending_id: str) -> Any:
    """Give an unpaid part of a commitment back to its line."""
    return spending.release(change, spending_id, **body)


@blueprint.change(
    "/spending-proposals/<id:spending_id>/payments", takes=schemas.NewPayment, returns=schemas.Spending, edits=True
)
def pay_spending(change: Change, body: dict[str, Any], spending_id: str) -> Any:
    """Pay on a commitment (지출)."""
    return spending.pay(change, spending_id, **body)


@blueprint.change("/payments/<id:payment_id>/reversals", takes=schemas.Amendment, returns=schemas.Spending)
def reverse_payment(change: Change, body: dict[str, Any], payment_id: str) -> Any:
    """Record money that came back to the same line (여입), linked to its payment."""
    return spending.reverse_payment(change, payment_id, **body)
