"""Reports from the balances, or from the journal when asked what was known at an earlier moment."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger.domain import MEASURES, PERSON, WON, Account, Measure
from services.ledger.store import balances, forecasts, journal_entries, journal_lines, names
from shared.clock import format_utc
from shared.money import rate
from shared.rows import page


@dataclass(frozen=True)
class Horizon:
    """What a report looks at: facts in effect by `as_of`, and of these what was recorded by `known_at` (UTC)."""

    as_of: date
    known_at: datetime | None = None


def execution(tx: Connection, horizon: Horizon) -> dict[str, Any]:
    """Budget execution (집행현황) of the fiscal year of `as_of`: amounts in won, rates as half-up text."""
    sums = _sums(tx, horizon, WON)
    expected = _forecasts(tx, horizon)
    rows = []
    for line in _names(tx, horizon, "budget_line"):
        if line.attributes["fiscal_year"] != horizon.as_of.year:
            continue
        figures = {measure.value: _figure(sums.get(line.id, {}), measure) for measure in Measure}
        rows.append(
            {
                "fund_name": line.attributes["fund_name"],
                "fiscal_year": line.attributes["fiscal_year"],
                "line_id": line.id,
                "line_name": line.name,
                **_with_rates(figures, expected.get(line.id)),
            }
        )
    totals = {measure.value: sum(row[measure.value] for row in rows) for measure in Measure}
    known = [row["year_end_forecast"] for row in rows]
    total_forecast = sum(known) if known and None not in known else None
    return {
        "report": "execution",
        "as_of": horizon.as_of.isoformat(),
        "known_at": format_utc(horizon.known_at) if horizon.known_at else None,
        "unit": "won",
        "rows": rows,
        "totals": _with_rates(totals, total_forecast),
    }


def _with_rates(figures: dict[str, int], forecast: int | None) -> dict[str, Any]:
    """Derived figures of one row. The forecast is cumulative; what remains of it is derived, never stored."""
    current, committed, expended = figures["current_appropriation"], figures["committed"], figures["expended"]
    return {
        **figures,
        "uncommitted_balance": current - committed,
        "unpaid_balance": current - expended,
        "commitment_rate": rate(committed, current),
        "expenditure_rate": rate(expended, current),
        "year_end_forecast": forecast,
        "remaining": None if forecast is None else forecast - expended,
        "forecast_rate": None if forecast is None else rate(forecast, current),
    }


def entries_of_figure(
    tx: Connection, horizon: Horizon, line_id: str, measure: Measure, *, limit: int, after: int
) -> dict[str, Any]:
    """The entries that add up to one figure of the execution report, with the sum over all of them, in won."""
    sign, accounts = MEASURES[measure]
    effect = sa.func.sum(journal_lines.c.amount) * sign
    found = (
        sa.select(journal_entries, effect.label("amount"))
        .join(journal_lines, journal_lines.c.event_id == journal_entries.c.event_id)
        .where(
            journal_lines.c.object_id == line_id,
            journal_lines.c.account.in_([account.value for account in accounts]),
            *_within(horizon),
        )
        .group_by(journal_entries.c.number)
        .having(effect != 0)
    ).subquery()
    total = tx.execute(sa.select(sa.func.coalesce(sa.func.sum(found.c.amount), 0))).scalar_one()
    return {**page(tx, sa.select(found), found.c.number, limit=limit, after=after), "sum": int(total)}


def goods(tx: Connection, horizon: Horizon) -> dict[str, Any]:
    """Relief goods by item, and by unit: quantities of unlike units are never added."""
    items = sorted(_names(tx, horizon, "item"), key=lambda item: (item.recorded_at, item.id))
    sums = {unit: _sums(tx, horizon, unit) for unit in {item.attributes["unit"] for item in items}}
    units: dict[str, int] = {}
    rows = []
    for item in items:
        unit = item.attributes["unit"]
        accounts = sums[unit].get(item.id, {})
        dispatched = accounts.get(Account.GOODS_IN_TRANSIT, 0) + accounts.get(Account.GOODS_DELIVERED, 0)
        rows.append(
            {
                "item_id": item.id,
                "item_name": item.name,
                "unit": unit,
                "received": -accounts.get(Account.GOODS_SOURCE, 0),
                "reserved": accounts.get(Account.GOODS_RESERVED, 0),
                "dispatched": dispatched,
                "delivered": accounts.get(Account.GOODS_DELIVERED, 0),
            }
        )
        units[unit] = units.get(unit, 0) + dispatched
    by_unit = [{"unit": unit, "dispatched": quantity} for unit, quantity in units.items()]
    return {"as_of": horizon.as_of.isoformat(), "items": rows, "units": by_unit}


def people(tx: Connection, horizon: Horizon) -> dict[str, Any]:
    """Volunteers by task: applied counts everyone who ever applied, confirmed those who hold a place."""
    sums = _sums(tx, horizon, PERSON)
    rows = []
    for task in _names(tx, horizon, "task"):
        accounts = sums.get(task.id, {})
        attended = accounts.get(Account.PEOPLE_ATTENDED, 0)
        rows.append(
            {
                "task_id": task.id,
                "kind": task.name,
                "applied": -accounts.get(Account.PEOPLE_SOURCE, 0),
                "confirmed": accounts.get(Account.PEOPLE_CONFIRMED, 0) + attended,
                "attended": attended,
            }
        )
    confirmed = sum(row["confirmed"] for row in rows)
    return {"as_of": horizon.as_of.isoformat(), "items": rows, "confirmed": confirmed}


def _within(horizon: Horizon) -> list[sa.ColumnElement[bool]]:
    conditions = [journal_entries.c.effective_date <= horizon.as_of]
    if horizon.known_at:
        conditions.append(journal_entries.c.recorded_at <= horizon.known_at)
    return conditions


def _figure(accounts: dict[Account, int], measure: Measure) -> int:
    sign, members = MEASURES[measure]
    return sign * sum(accounts.get(account, 0) for account in members)


def _sums(tx: Connection, horizon: Horizon, commodity: str) -> dict[str, dict[Account, int]]:
    """Balance per object and account of one commodity."""
    if horizon.known_at is None:
        source: sa.FromClause = balances
        columns, conditions = balances.c, [balances.c.effective_date <= horizon.as_of]
    else:
        source = journal_lines.join(journal_entries, journal_entries.c.event_id == journal_lines.c.event_id)
        columns, conditions = journal_lines.c, _within(horizon)
    rows = tx.execute(
        sa.select(columns.object_id, columns.account, sa.func.sum(columns.amount))
        .select_from(source)
        .where(columns.commodity == commodity, *conditions)
        .group_by(columns.object_id, columns.account)
    )
    sums: dict[str, dict[Account, int]] = {}
    for object_id, account, amount in rows:
        sums.setdefault(object_id, {})[Account(account)] = int(amount)
    return sums


def _names(tx: Connection, horizon: Horizon, kind: str) -> list[sa.Row[Any]]:
    query = sa.select(names).where(names.c.kind == kind)
    if horizon.known_at:
        query = query.where(names.c.recorded_at <= horizon.known_at)
    return list(tx.execute(query.order_by(names.c.name, names.c.id)))


def _forecasts(tx: Connection, horizon: Horizon) -> dict[str, int]:
    """The newest forecast of each line: the latest in effect, and of these the latest recorded."""
    query = sa.select(forecasts).where(forecasts.c.effective_date <= horizon.as_of)
    if horizon.known_at:
        query = query.where(forecasts.c.recorded_at <= horizon.known_at)
    ordered = query.order_by(forecasts.c.effective_date, forecasts.c.recorded_at, forecasts.c.event_id)
    return {row.budget_line_id: row.year_end_forecast_won for row in tx.execute(ordered)}
