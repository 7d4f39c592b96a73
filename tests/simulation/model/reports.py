"""What the ledger must report: plain sums over what it took in, without accounts or journal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from tests.simulation.model.core import Fact
from tests.simulation.model.ledger import Ledger

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
# Goods that arrived; the second kind is one the ledger learns to read only later.
ARRIVALS: Final = {"inventory.stock_received.v1", "inventory.stock_found.v1"}
PEOPLE: Final = {
    "dispatch.volunteer_applied.v1",
    "dispatch.sign_up_confirmed.v1",
    "dispatch.sign_up_declined.v1",
    "dispatch.sign_up_cancelled.v1",
    "dispatch.attendance_recorded.v1",
}
FIGURES: Final = ("original_appropriation", "current_appropriation", "committed", "expended")
QUANTITIES: Final = ("received", "reserved", "dispatched", "delivered")
NAMED: Final = {
    "fund": ("disbursement.fund_opened.v1", "disbursement.fund_renamed.v1"),
    "budget_line": ("disbursement.budget_line_opened.v1", "disbursement.budget_line_renamed.v1"),
    "item": ("inventory.item_registered.v1", "inventory.item_renamed.v1"),
    "task": ("dispatch.task_opened.v1", "dispatch.task_renamed.v1"),
    "disaster": ("situation.disaster_opened.v1", "situation.disaster_renamed.v1"),
    "body": ("situation.body_registered.v1", "situation.body_renamed.v1"),
    "region": ("situation.region_registered.v1", "situation.region_renamed.v1"),
}


@dataclass(frozen=True)
class Horizon:
    """Facts in effect by `as_of`, and of these what the ledger knew by `known_at`."""

    as_of: date
    known_at: datetime | None = None


@dataclass(frozen=True)
class Reporter:
    """What can be said of the facts within a horizon."""

    ledger: Ledger
    horizon: Horizon

    def known(self) -> Iterator[Fact]:
        moment = self.horizon.known_at
        return (entry.fact for entry in self.ledger.entries if moment is None or entry.posted_at <= moment)

    def seen(self) -> Iterator[Fact]:
        return (fact for fact in self.known() if fact.effective <= self.horizon.as_of)

    def named(self, kind: str) -> dict[str, tuple[Fact, Fact]]:
        """The things of a kind that are known: the fact that began each, and the one that names it on the day."""
        begins, renames = NAMED[kind]
        told: dict[str, list[Fact]] = {}
        for fact in self.known():
            if fact.type in (begins, renames):
                told.setdefault(fact.subject, []).append(fact)
        return {id_: (facts[0], self._in_effect(facts)) for id_, facts in told.items()}

    def _in_effect(self, facts: list[Fact]) -> Fact:
        """The name with the latest day; of two of one day the later told. The first, where none holds yet."""
        holding = facts[0]
        begun = [fact for fact in facts if fact.effective <= self.horizon.as_of]
        for number, fact in enumerate(begun):
            if number == 0 or fact.effective >= holding.effective:
                holding = fact
        return holding

    def execution(self) -> dict[str, dict[str, Any]]:
        """The rows of the execution report by line."""
        rows: dict[str, dict[str, Any]] = {}
        funds = self.named("fund")
        for id_, (line, name) in self.named("budget_line").items():
            if line.data["fiscal_year"] == self.horizon.as_of.year:
                fund_id = line.data["fund_id"]
                fund = funds[fund_id][1].data if fund_id in funds else {"name": fund_id, "english_name": None}
                rows[id_] = {
                    "fund_id": fund_id,
                    "fund_name": fund["name"],
                    "fund_english_name": fund["english_name"],
                    "line_name": name.data["name"],
                    "line_english_name": name.data["english_name"],
                    **dict.fromkeys(FIGURES, 0),
                    "year_end_forecast": None,
                }
        seen = list(self.seen())
        for fact in seen:
            row = rows.get(fact.data.get("budget_line_id", ""))
            if row is None:
                continue
            for figure, sign in MONEY.get(fact.type, {}).items():
                row[figure] += sign * fact.data["amount_won"]
            if fact.data.get("kind") == "original_appropriation":
                row["original_appropriation"] += fact.data["amount_won"]
        forecasts = [fact for fact in seen if fact.type == "disbursement.year_end_forecast_recorded.v1"]
        for fact in sorted(forecasts, key=lambda fact: fact.effective):
            if fact.subject in rows:
                rows[fact.subject]["year_end_forecast"] = fact.data["year_end_forecast_won"]
        return rows

    def goods(self) -> dict[str, dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = {}
        for id_, (item, name) in self.named("item").items():
            told = {"item_name": name.data["name"], "item_english_name": name.data["english_name"]}
            rows[id_] = {**told, "unit": item.data["unit"], **dict.fromkeys(QUANTITIES, 0)}
        for fact in self.seen():
            if fact.type in ARRIVALS and fact.data["item_id"] in rows:
                rows[fact.data["item_id"]]["received"] += fact.data["quantity"]
            for line in fact.data.get("lines", []):
                for figure, sign in GOODS[fact.type].items():
                    if line["item_id"] in rows:
                        rows[line["item_id"]][figure] += sign * line["quantity"]
        return rows

    def people(self) -> dict[str, dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = {}
        for id_, (task, name) in self.named("task").items():
            told = {"title": name.data["title"], "english_title": name.data["english_title"]}
            rows[id_] = {**told, "kind": task.data["kind"], **dict.fromkeys(("applied", "confirmed", "attended"), 0)}
        for fact in self.seen():
            row = rows.get(fact.data.get("task_id", ""))
            if row is None:
                continue
            row["applied"] += fact.type == "dispatch.volunteer_applied.v1"
            row["confirmed"] += fact.type == "dispatch.sign_up_confirmed.v1"
            row["confirmed"] -= fact.data.get("was_confirmed") is True
            row["attended"] += fact.type == "dispatch.attendance_recorded.v1"
        return rows

    def expended_by_disaster(self) -> dict[str, dict[str, int]]:
        """Payments less reversals of each line by the disaster they belong to; `""` is none."""
        sums: dict[str, dict[str, int]] = {}
        for fact in self.seen():
            if sign := MONEY.get(fact.type, {}).get("expended"):
                line = sums.setdefault(fact.data["budget_line_id"], {})
                disaster = fact.data["disaster_id"] or ""
                line[disaster] = line.get(disaster, 0) + sign * fact.data["amount_won"]
        return {id_: {name: amount for name, amount in line.items() if amount} for id_, line in sums.items()}

    def unregistered(self) -> set[tuple[str, str, str, str]]:
        """What money, goods and people name that nobody registered: its kind and id, and what names it."""
        registered = {kind: set(self.named(kind)) for kind in NAMED}
        found = set()
        for fact in self.seen():
            for counted, object_id in counted_by(fact):
                for name, kind in (("disaster_id", "disaster"), ("region_id", "region"), ("party_id", "body")):
                    id_ = None if fact.type in ARRIVALS else fact.data.get(name)
                    if id_ and id_ not in registered[kind]:
                        found.add((kind, id_, counted, object_id))
        return found


def counted_by(fact: Fact) -> Iterator[tuple[str, str]]:
    """The lines, items and tasks whose amounts a fact changes."""
    if fact.type in MONEY:
        yield "budget_line", fact.data["budget_line_id"]
    if fact.type in GOODS:
        yield from {("item", line["item_id"]) for line in fact.data["lines"]}
    if fact.type in PEOPLE:
        yield "task", fact.data["task_id"]
