"""What the ledger must report: plain sums over the facts, without accounts or journal."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from tests.simulation.model.core import Book, Fact
from tests.simulation.model.whole import Model

# What each event adds to: the figure and the sign.
MONEY: Final[dict[str, dict[str, int]]] = {
    "disbursement.appropriation_changed.v1": {"current_appropriation": 1},
    "disbursement.spending_committed.v1": {"committed": 1},
    "disbursement.commitment_released.v1": {"committed": -1},
    "disbursement.payment_made.v1": {"expended": 1},
    "disbursement.payment_reversed.v1": {"committed": -1, "expended": -1},
}
GOODS: Final[dict[str, dict[str, int]]] = {
    "inventory.shipment_reserved.v1": {"reserved": 1},
    "inventory.shipment_cancelled.v1": {"reserved": -1},
    "inventory.shipment_dispatched.v1": {"reserved": -1, "dispatched": 1},
    "inventory.shipment_received.v1": {"delivered": 1},
}
FIGURES: Final = ("original_appropriation", "current_appropriation", "committed", "expended")
QUANTITIES: Final = ("received", "reserved", "dispatched", "delivered")


@dataclass(frozen=True)
class Horizon:
    """Facts in effect by `as_of`, and of these what was recorded by `known_at`."""

    as_of: date
    known_at: datetime | None = None

    def sees(self, fact: Fact) -> bool:
        return fact.effective <= self.as_of and self.knows(fact)

    def knows(self, fact: Fact) -> bool:
        return self.known_at is None or fact.recorded <= self.known_at


def named(book: Book, type_: str, horizon: Horizon) -> list[str]:
    """The ids that were given a name by then; names have no effective date."""
    service = type_.partition(".")[0]
    return [fact.subject for fact in book.facts[service] if fact.type == type_ and horizon.knows(fact)]


def execution(model: Model, horizon: Horizon) -> dict[str, dict[str, Any]]:
    """The rows of the execution report by line."""
    rows: dict[str, dict[str, Any]] = {}
    for id_ in named(model.book, "disbursement.budget_line_opened.v1", horizon):
        if model.money.lines[id_].fiscal_year == horizon.as_of.year:
            rows[id_] = {**dict.fromkeys(FIGURES, 0), "year_end_forecast": None}
    seen = [fact for fact in model.book.facts["disbursement"] if horizon.sees(fact)]
    for fact in seen:
        row = rows.get(fact.data.get("budget_line_id", ""))
        if row is None:
            continue
        for figure, sign in MONEY.get(fact.type, {}).items():
            row[figure] += sign * fact.data["amount_won"]
        if fact.data.get("kind") == "original_appropriation":
            row["original_appropriation"] += fact.data["amount_won"]
    forecasts = [fact for fact in seen if fact.type == "disbursement.year_end_forecast_recorded.v1"]
    for fact in sorted(forecasts, key=lambda fact: (fact.effective, fact.recorded)):
        if fact.subject in rows:
            rows[fact.subject]["year_end_forecast"] = fact.data["year_end_forecast_won"]
    return rows


def expended_by_disaster(model: Model, as_of: date) -> dict[str, dict[str, int]]:
    """Payments less reversals of each line by the disaster they belong to; `""` is none."""
    sums: dict[str, dict[str, int]] = {}
    for fact in model.book.facts["disbursement"]:
        sign = MONEY.get(fact.type, {}).get("expended")
        if sign and fact.effective <= as_of:
            line = sums.setdefault(fact.data["budget_line_id"], {})
            disaster = fact.data["disaster_id"] or ""
            line[disaster] = line.get(disaster, 0) + sign * fact.data["amount_won"]
    return {id_: {name: amount for name, amount in line.items() if amount} for id_, line in sums.items()}


def goods(model: Model, horizon: Horizon) -> dict[str, dict[str, int]]:
    rows = {id_: dict.fromkeys(QUANTITIES, 0) for id_ in named(model.book, "inventory.item_registered.v1", horizon)}
    for fact in model.book.facts["inventory"]:
        if not horizon.sees(fact):
            continue
        if fact.type == "inventory.stock_received.v1" and fact.data["item_id"] in rows:
            rows[fact.data["item_id"]]["received"] += fact.data["quantity"]
        for line in fact.data.get("lines", []):
            for figure, sign in GOODS[fact.type].items():
                if line["item_id"] in rows:
                    rows[line["item_id"]][figure] += sign * line["quantity"]
    return rows


def people(model: Model, horizon: Horizon) -> dict[str, dict[str, int]]:
    names = named(model.book, "dispatch.task_opened.v1", horizon)
    rows = {id_: dict.fromkeys(("applied", "confirmed", "attended"), 0) for id_ in names}
    for fact in model.book.facts["dispatch"]:
        row = rows.get(fact.data.get("task_id", ""))
        if row is None or not horizon.sees(fact):
            continue
        row["applied"] += fact.type == "dispatch.volunteer_applied.v1"
        row["confirmed"] += fact.type == "dispatch.sign_up_confirmed.v1"
        row["confirmed"] -= fact.data.get("was_confirmed") is True
        row["attended"] += fact.type == "dispatch.attendance_recorded.v1"
    return rows
