"""Use cases of the budget: funds, lines, appropriations, forecasts."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.disbursement import domain, events, store
from services.disbursement.domain import AppropriationKind
from shared.changes import Change, new_id
from shared.rows import add, get, insert_new


def open_fund(change: Change, *, name: str, fund_type: str, id: str | None = None) -> dict[str, Any]:
    fund_id = id or new_id()
    fund = insert_new(change.tx, store.funds, "fund", id=fund_id, name=name, fund_type=fund_type)
    change.record(
        events.FundOpened(fund_id=fund_id, name=name, fund_type=fund_type),
        subject=fund_id,
        version=1,
        effective_date=change.today,
    )
    return fund._asdict()


def open_budget_line(
    change: Change,
    *,
    fund_id: str,
    fiscal_year: int,
    name: str,
    policy_program: str,
    unit_program: str | None = None,
    detail_program: str | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    line_id = id or new_id()
    fund = get(change.tx, store.funds, "fund", fund_id)
    described: dict[str, Any] = {
        "fund_id": fund_id,
        "fiscal_year": fiscal_year,
        "name": name,
        "policy_program": policy_program,
        "unit_program": unit_program,
        "detail_program": detail_program,
    }
    counters = {"current_appropriation": 0, "committed": 0, "paid": 0, "version": 1}
    insert_new(change.tx, store.budget_lines, "budget line", id=line_id, **described, **counters)
    change.record(
        events.BudgetLineOpened(budget_line_id=line_id, fund_name=fund.name, **described),
        subject=line_id,
        version=1,
        effective_date=change.today,
    )
    return line_view(store.line_with_fund(change.tx, line_id)._asdict())


def change_appropriation(
    change: Change,
    line_id: str,
    *,
    kind: AppropriationKind,
    amount_won: int,
    effective_date: date | None = None,
    authority_reference: str | None = None,
    decided_on: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Record an appropriation event. A reduction never falls below what is committed on any date."""
    tx, on = change.tx, change.effective_date(effective_date)
    domain.check_authority(kind, on, authority_reference, decided_on)
    line = store.line_with_fund(tx, line_id)
    signed = domain.signed_amount(kind, amount_won)
    allowed = store.change_appropriation(tx, line_id, signed)
    balance = store.lowest_balance_from(tx, line_id, on)
    if not allowed or balance + signed < 0:
        raise domain.ReductionBelowCommitments(line_name=line.name, requested_won=amount_won, available_won=balance)
    store.add_to_day(tx, line_id, on, appropriated=signed)
    row: dict[str, Any] = {
        "id": id or new_id(),
        "budget_line_id": line_id,
        "kind": kind.value,
        "amount_won": signed,
        "authority_reference": authority_reference,
        "decided_on": decided_on,
    }
    insert_new(
        tx,
        store.appropriations,
        "appropriation",
        effective_date=on,
        recorded_at=change.now,
        recorded_by=change.actor.id,
        **row,
    )
    line = store.line_with_fund(tx, line_id)
    change.record(
        events.AppropriationChanged(appropriation_id=row.pop("id"), **row),
        subject=line_id,
        version=line.version,
        effective_date=on,
    )
    return line_view(line._asdict())


def record_forecast(
    change: Change, line_id: str, *, year_end_forecast_won: int, effective_date: date | None = None
) -> dict[str, Any]:
    """Record the cumulative year-end forecast (연말 집행예상액) of a line, in won."""
    on = change.effective_date(effective_date)
    line = get(change.tx, store.budget_lines, "budget line", line_id, lock=True)
    row: dict[str, Any] = {"budget_line_id": line_id, "year_end_forecast_won": year_end_forecast_won}
    recorded = {"effective_date": on, "recorded_at": change.now, "recorded_by": change.actor.id}
    forecast = add(change.tx, store.forecasts, **recorded, **row)
    store.count_change(change.tx, line_id)
    change.record(events.YearEndForecastRecorded(**row), subject=line_id, version=line.version + 1, effective_date=on)
    return forecast._asdict()


def line_view(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line with its balances; uncommitted and unpaid are kept apart because reports use either."""
    return {
        **line,
        "uncommitted_balance": line["current_appropriation"] - line["committed"],
        "unpaid_balance": line["current_appropriation"] - line["paid"],
    }
