"""Reports from the balances, or from what they were when asked what was known at an earlier moment."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger.domain import GOODS, MEASURES, PERSON, WON, Account, Kind, Measure
from services.ledger.names import Named, entry_name, names_of
from services.ledger.postings import Knowledge
from services.ledger.store import balance_history, balances, forecasts, inbox, journal_lines
from shared.clock import format_utc
from shared.money import rate


@dataclass(frozen=True)
class Horizon:
    """What a report looks at: facts in effect by `as_of`, and of these what the ledger knew, if it is asked."""

    as_of: date
    known: Knowledge | None = None


def execution(tx: Connection, horizon: Horizon) -> dict[str, Any]:
    """Budget execution (집행현황) of the fiscal year of `as_of`: amounts in won, rates as half-up text."""
    sums = _sums(tx, horizon, balances.c.commodity == WON)
    expected = _forecasts(tx, horizon)
    funds = {fund.id: fund for fund in names_of(tx, Kind.FUND, horizon.as_of, horizon.known)}
    rows = []
    for line in names_of(tx, Kind.LINE, horizon.as_of, horizon.known):
        if line.attributes["fiscal_year"] != horizon.as_of.year:
            continue
        figures = {measure.value: _figure(sums.get(line.id, {}), measure) for measure in Measure}
        fund = funds.get(line.attributes["fund_id"])
        rows.append(
            {
                "fund_id": line.attributes["fund_id"],
                "fund_name": fund.name if fund else line.attributes["fund_id"],
                "fund_english_name": fund.english_name if fund else None,
                "fiscal_year": line.attributes["fiscal_year"],
                "line_id": line.id,
                "line_name": line.name,
                "line_english_name": line.english_name,
                **_with_rates(figures, expected.get(line.id)),
            }
        )
    totals = {measure.value: sum(row[measure.value] for row in rows) for measure in Measure}
    known = [row["year_end_forecast"] for row in rows]
    total_forecast = sum(known) if known and None not in known else None
    return {
        "report": "execution",
        "as_of": horizon.as_of.isoformat(),
        "known_at": format_utc(horizon.known.known_at) if horizon.known else None,
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
    """The entries that add up to one figure of the execution report by date, with the sum over all of them, in won.

    `after` entries are passed over.
    """
    sign, accounts = MEASURES[measure]
    events, effect = inbox.events, sa.func.sum(journal_lines.c.amount) * sign
    known = [horizon.known.covers(events.c.number)] if horizon.known else []
    found = (
        sa.select(events, effect.label("amount"))
        .join(journal_lines, journal_lines.c.number == events.c.number)
        .where(
            journal_lines.c.object_id == line_id,
            journal_lines.c.account.in_([account.value for account in accounts]),
            events.c.effective_date <= horizon.as_of,
            *known,
        )
        .group_by(events.c.number)
        .having(effect != 0)
    ).subquery()
    total = tx.execute(sa.select(sa.func.coalesce(sa.func.sum(found.c.amount), 0))).scalar_one()
    ordered = sa.select(found).order_by(found.c.effective_date, found.c.number).offset(after).limit(limit + 1)
    rows = [{**row, "name": entry_name(row["number"])} for row in tx.execute(ordered).mappings()]
    return {"items": rows[:limit], "next": after + limit if len(rows) > limit else None, "sum": int(total)}


def goods(tx: Connection, horizon: Horizon) -> dict[str, Any]:
    """Relief goods by item, and by unit: quantities of unlike units are never added."""
    items = names_of(tx, Kind.ITEM, horizon.as_of, horizon.known)
    sums = _sums(tx, horizon, balances.c.commodity.startswith(GOODS, autoescape=True))
    units: dict[str, int] = {}
    rows = []
    for item in sorted(items, key=_in_order_of_recording):
        unit = item.attributes["unit"]
        accounts = sums.get(item.id, {})
        dispatched = accounts.get(Account.GOODS_IN_TRANSIT, 0) + accounts.get(Account.GOODS_DELIVERED, 0)
        rows.append(
            {
                "item_id": item.id,
                "item_name": item.name,
                "item_english_name": item.english_name,
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
    sums = _sums(tx, horizon, balances.c.commodity == PERSON)
    rows = []
    for task in names_of(tx, Kind.TASK, horizon.as_of, horizon.known):
        accounts = sums.get(task.id, {})
        attended = accounts.get(Account.PEOPLE_ATTENDED, 0)
        rows.append(
            {
                "task_id": task.id,
                "title": task.name,
                "english_title": task.english_name,
                "kind": task.attributes["kind"],
                "applied": -accounts.get(Account.PEOPLE_SOURCE, 0),
                "confirmed": accounts.get(Account.PEOPLE_CONFIRMED, 0) + attended,
                "attended": attended,
            }
        )
    confirmed = sum(row["confirmed"] for row in rows)
    return {"as_of": horizon.as_of.isoformat(), "items": rows, "confirmed": confirmed}


def _in_order_of_recording(item: Named) -> tuple[Any, ...]:
    return item.recorded_at, item.id


def _figure(accounts: dict[Account, int], measure: Measure) -> int:
    sign, members = MEASURES[measure]
    return sign * sum(accounts.get(account, 0) for account in members)


def _sums(tx: Connection, horizon: Horizon, commodity: sa.ColumnElement[bool]) -> dict[str, dict[Account, int]]:
    """Balance per object and account of the commodities asked for."""
    amount: sa.ColumnElement[int] = balances.c.amount
    if horizon.known:
        # Most balances have not changed since; of the others the newest state by then is looked up by its key.
        before = (
            sa.select(balance_history.c.amount)
            .where(balance_history.c.balance == balances.c.id, balance_history.c.posting <= horizon.known.posting)
            .order_by(balance_history.c.posting.desc())
            .limit(1)
            .scalar_subquery()
        )
        amount = sa.case((balances.c.posting <= horizon.known.posting, balances.c.amount), else_=before)
    rows = tx.execute(
        sa.select(balances.c.object_id, balances.c.account, sa.func.coalesce(sa.func.sum(amount), 0))
        .where(commodity, balances.c.effective_date <= horizon.as_of)
        .group_by(balances.c.object_id, balances.c.account)
    )
    sums: dict[str, dict[Account, int]] = {}
    for object_id, account, total in rows:
        sums.setdefault(object_id, {})[Account(account)] = int(total)
    return sums


def _forecasts(tx: Connection, horizon: Horizon) -> dict[str, int]:
    """The newest forecast of each line: the latest in effect, and of these the latest recorded."""
    query = sa.select(forecasts).where(forecasts.c.effective_date <= horizon.as_of)
    if horizon.known:
        query = query.where(horizon.known.covers(forecasts.c.number))
    # Forecasts of one line are links of one chain, so their numbers are in the order of recording.
    ordered = query.order_by(forecasts.c.effective_date, forecasts.c.number)
    return {row.budget_line_id: row.year_end_forecast_won for row in tx.execute(ordered)}
