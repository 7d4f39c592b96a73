"""Use cases of the budget: funds, lines, appropriations, forecasts."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.disbursement import domain, events, store
from services.disbursement.domain import AppropriationKind
from shared.changes import Change, new_id
from shared.refusals import check_date_order
from shared.rows import add, get, insert_new, update


def open_fund(
    change: Change,
    *,
    name: str,
    fund_type: str,
    english_name: str | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Open a fund or account of the acting body."""
    fund_id, body_id, on = id or new_id(), change.act_for(), change.effective_date(effective_date)
    described: dict[str, Any] = {"name": name, "english_name": english_name, "fund_type": fund_type}
    owned = {"body_id": body_id, "named_on": on, "version": 1}
    fund = insert_new(change.tx, store.funds, "fund", id=fund_id, **owned, **described)
    change.record(
        events.FundOpened(fund_id=fund_id, **described), subject=fund_id, version=fund.version, effective_date=on
    )
    return fund._asdict()


def rename_fund(
    change: Change, fund_id: str, *, name: str, english_name: str | None = None, effective_date: date | None = None
) -> dict[str, Any]:
    """Give a fund or account another name from a day on."""
    fund = get(change.tx, store.funds, "fund", fund_id, lock=True)
    change.act_for(fund.body_id)
    fund = _rename(change, store.funds, fund, effective_date, name=name, english_name=english_name)
    change.record(
        events.FundRenamed(fund_id=fund_id, name=name, english_name=english_name),
        subject=fund_id,
        version=fund.version,
        effective_date=fund.named_on,
    )
    return fund._asdict()


def open_budget_line(
    change: Change,
    *,
    fund_id: str,
    fiscal_year: int,
    name: str,
    policy_program: str,
    english_name: str | None = None,
    unit_program: str | None = None,
    detail_program: str | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Open a line of a fund; it belongs to the fund's body."""
    line_id, on = id or new_id(), change.effective_date(effective_date)
    fund = get(change.tx, store.funds, "fund", fund_id)
    change.act_for(fund.body_id)
    described: dict[str, Any] = {
        "fund_id": fund_id,
        "fiscal_year": fiscal_year,
        "name": name,
        "english_name": english_name,
        "policy_program": policy_program,
        "unit_program": unit_program,
        "detail_program": detail_program,
    }
    counters = {"current_appropriation": 0, "committed": 0, "paid": 0, "version": 1}
    insert_new(change.tx, store.budget_lines, "budget line", id=line_id, named_on=on, **described, **counters)
    change.record(
        events.BudgetLineOpened(budget_line_id=line_id, fund_name=fund.name, **described),
        subject=line_id,
        version=1,
        effective_date=on,
    )
    return line_view(store.line_with_fund(change.tx, line_id)._asdict())


def rename_budget_line(
    change: Change, line_id: str, *, name: str, english_name: str | None = None, effective_date: date | None = None
) -> dict[str, Any]:
    """Give a budget line another name from a day on."""
    line = store.line_with_fund(change.tx, line_id, lock=True)
    change.act_for(line.body_id)
    renamed = _rename(change, store.budget_lines, line, effective_date, name=name, english_name=english_name)
    change.record(
        events.BudgetLineRenamed(budget_line_id=line_id, name=name, english_name=english_name),
        subject=line_id,
        version=renamed.version,
        effective_date=renamed.named_on,
    )
    return line_view(line._asdict() | renamed._asdict())


def _rename(change: Change, table: sa.Table, row: sa.Row[Any], asked: date | None, **names: str | None) -> sa.Row[Any]:
    """The row with its new name, which holds from the day asked for; else from today, or the old one's own first day.

    The table keeps the newest name, so an older one cannot be put behind it. Raises DatesOutOfOrder.
    """
    change.check_version(row.version)
    on = change.effective_date(asked) if asked else max(change.today, row.named_on)
    check_date_order(on, row.named_on)
    return update(change.tx, table, row, named_on=on, **names)


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
    tx, on, signed = change.tx, change.effective_date(effective_date), domain.signed_amount(kind, amount_won)
    line = store.line_with_fund(tx, line_id)
    change.act_for(line.body_id)
    domain.check_own_year(line.name, line.fiscal_year, on)
    domain.check_authority(kind, authority_reference, decided_on, min(on, change.today))
    allowed = store.change_appropriation(tx, line_id, signed)  # also locks the line for the looks at what it has
    balance = store.lowest_balance_from(tx, line_id, on)
    if not allowed or balance + signed < 0:
        raise domain.ReductionBelowCommitments(line_name=line.name, requested_won=amount_won, available_won=balance)
    if kind is AppropriationKind.ORIGINAL and (first := store.original_of(tx, line_id)):
        raise domain.OriginalExists(
            line_name=line.name, amount_won=first.amount_won, effective_date=first.effective_date
        )
    store.add_to_day(tx, line_id, on, appropriated=signed)
    told: dict[str, Any] = {
        "budget_line_id": line_id,
        "kind": kind.value,
        "amount_won": signed,
        "authority_reference": authority_reference,
        "decided_on": decided_on,
    }
    row = insert_new(tx, store.appropriations, "appropriation", id=id or new_id(), **_recorded(change, on), **told)
    line = store.line_with_fund(tx, line_id)
    change.record(
        events.AppropriationChanged(
            appropriation_id=row.id, fund_id=line.fund_id, fiscal_year=line.fiscal_year, **told
        ),
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
    line = store.line_with_fund(change.tx, line_id, lock=True)
    change.act_for(line.body_id)
    domain.check_own_year(line.name, line.fiscal_year, on)
    told: dict[str, Any] = {"budget_line_id": line_id, "year_end_forecast_won": year_end_forecast_won}
    forecast = add(change.tx, store.forecasts, **_recorded(change, on), **told)
    store.count_change(change.tx, line_id)
    change.record(
        events.YearEndForecastRecorded(fund_id=line.fund_id, fiscal_year=line.fiscal_year, **told),
        subject=line_id,
        version=line.version + 1,
        effective_date=on,
    )
    return forecast._asdict()


def _recorded(change: Change, on: date) -> dict[str, Any]:
    return {"effective_date": on, "recorded_at": change.now, "recorded_by": change.actor.id}


def line_view(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line with its balances; uncommitted and unpaid are kept apart because reports use either."""
    return {
        **line,
        "uncommitted_balance": line["current_appropriation"] - line["committed"],
        "unpaid_balance": line["current_appropriation"] - line["paid"],
    }
