"""Money in the model: appropriations, documents with their duties, commitments, payments and reversals."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from tests.simulation.model.core import Asked, Book, Refused, day_in, in_order, known, need, need_new
from tests.simulation.model.situation import named

# Whose work a step is; one person does the work of one group on a document. Rejecting is work of two groups.
GROUPS: Final = {
    "propose": {"drafting"},
    "revise": {"drafting"},
    "review": {"reviewing"},
    "approve": {"approving"},
    "reject": {"reviewing", "approving"},
    "commit": {"committing"},
    "release": {"committing"},
    "pay": {"paying"},
    "reverse": {"paying"},
}
POSSIBLE_IN: Final = {
    "revise": {"proposed", "reviewed", "approved", "rejected"},
    "review": {"proposed"},
    "approve": {"reviewed"},
    "reject": {"proposed", "reviewed"},
    "commit": {"approved"},
    "release": {"committed"},
    "pay": {"committed"},
    "reverse": {"committed", "paid"},
}
LEADS_TO: Final = {
    "revise": "proposed",
    "review": "reviewed",
    "approve": "approved",
    "reject": "rejected",
    "commit": "committed",
}
MOVES_MONEY: Final = {"commit", "release", "pay", "reverse"}
WHAT_FOR: Final = {"disaster_id", "relief_stage", "region_id", "party_id"}


@dataclass
class Fund:
    body: str
    named_on: date
    version: int = 1


@dataclass
class Line:
    fund: str
    body: str
    fiscal_year: int
    named_on: date
    version: int = 1
    appropriated: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    committed: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    paid: int = 0
    has_original: bool = False

    def total(self, amounts: dict[date, int]) -> int:
        return sum(amounts.values())

    def left_on(self, day: date) -> int:
        return sum(amount for on, amount in self.appropriated.items() if on <= day) - sum(
            amount for on, amount in self.committed.items() if on <= day
        )

    def left_from(self, day: date) -> int:
        """The least that is left on this day or any later one."""
        later = {on for on in (*self.appropriated, *self.committed) if on > day}
        return min(self.left_on(on) for on in (day, *later))

    def counters(self) -> tuple[int, int, int, int]:
        return self.total(self.appropriated), self.total(self.committed), self.paid, self.version

    def told(self) -> dict[str, Any]:
        appropriated, committed, paid, version = self.counters()
        amounts = {"current_appropriation": appropriated, "committed": committed, "paid": paid}
        return {**amounts, "body_id": self.body, "version": version}

    def check_year(self, on: date) -> None:
        need(on.year == self.fiscal_year, 409, "other-fiscal-year", fiscal_year=self.fiscal_year)


@dataclass
class Payment:
    document: str
    amount: int
    reverses: str | None = None
    reversed: int = 0

    def told(self) -> dict[str, Any]:
        return {"amount_won": self.amount, "reverses_payment_id": self.reverses, "reversed_won": self.reversed}


@dataclass
class Document:
    body: str
    line: str
    amount: int
    what_for: dict[str, str | None]  # by WHAT_FOR
    last_day: date
    state: str = "proposed"
    version: int = 1
    committed: int = 0
    paid: int = 0
    steps: list[tuple[str, str]] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)

    @property
    def disaster(self) -> str | None:
        return self.what_for["disaster_id"]

    def told(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "version": self.version,
            "body_id": self.body,
            "amount_won": self.amount,
            "committed_won": self.committed,
            "paid_won": self.paid,
            **self.what_for,
            "steps": [{"step": step, "account": account} for step, account in self.steps],
            "payments": [payment.told() for payment in self.payments],
        }


class Money:
    def __init__(self, book: Book) -> None:
        self.book = book
        self.funds: dict[str, Fund] = {}
        self.lines: dict[str, Line] = {}
        self.documents: dict[str, Document] = {}
        self.payments: dict[str, Payment] = {}
        self.appropriations: set[str] = set()

    def open_fund(self, asked: Asked) -> dict[str, Any]:
        body, on, id_ = asked.act_for(), asked.day(), asked.body["id"]
        need_new(self.funds, id_)
        self.funds[id_] = Fund(body, on)
        self._tell("fund_opened", asked, id_, 1, on, fund_id=id_, **named(asked.body))
        return {"id": id_, "body_id": body, "version": 1}

    def rename_fund(self, asked: Asked) -> dict[str, Any]:
        fund = known(self.funds, asked.target)
        asked.act_for(fund.body)
        self._rename("fund_renamed", asked, fund, fund_id=asked.target)
        return {**named(asked.body), "version": fund.version}

    def open_line(self, asked: Asked) -> dict[str, Any]:
        on, body, id_ = asked.day(), asked.body, asked.body["id"]
        fund = known(self.funds, body["fund_id"])
        asked.act_for(fund.body)
        need_new(self.lines, id_)
        self.lines[id_] = Line(body["fund_id"], fund.body, body["fiscal_year"], on)
        told = {"budget_line_id": id_, "fund_id": body["fund_id"], "fiscal_year": body["fiscal_year"]}
        self._tell("budget_line_opened", asked, id_, 1, on, **told, **named(body))
        return self.lines[id_].told()

    def rename_line(self, asked: Asked) -> dict[str, Any]:
        line = known(self.lines, asked.target)
        asked.act_for(line.body)
        self._rename("budget_line_renamed", asked, line, budget_line_id=asked.target)
        return {**line.told(), **named(asked.body)}

    def appropriate(self, asked: Asked) -> dict[str, Any]:
        on, body, line = asked.day(), asked.body, known(self.lines, asked.target)
        kind, amount, decided = body["kind"], body["amount_won"], day_in(body, "decided_on")
        asked.act_for(line.body)
        line.check_year(on)
        rests = "authority_reference" in body and decided is not None and decided <= min(on, asked.today)
        need(rests or kind == "original_appropriation", 422, "authority-missing")
        signed = -amount if kind == "supplementary_reduction" else amount
        left = line.left_from(on)
        need(left + signed >= 0, 409, "reduction-below-commitments", requested_won=amount, available_won=left)
        need(not (kind == "original_appropriation" and line.has_original), 409, "original-exists")
        need_new(self.appropriations, body["id"])
        self.appropriations.add(body["id"])
        line.has_original |= kind == "original_appropriation"
        line.appropriated[on] += signed
        line.version += 1
        data = {"appropriation_id": body["id"], "kind": kind, "amount_won": signed, **self._of_line(asked.target)}
        self._tell("appropriation_changed", asked, asked.target, line.version, on, **data)
        return line.told()

    def forecast(self, asked: Asked) -> dict[str, Any]:
        on, line = asked.day(), known(self.lines, asked.target)
        asked.act_for(line.body)
        line.check_year(on)
        line.version += 1
        told = {"budget_line_id": asked.target, "year_end_forecast_won": asked.body["year_end_forecast_won"]}
        self._tell("year_end_forecast_recorded", asked, asked.target, line.version, on, **told)
        return told

    def propose(self, asked: Asked) -> dict[str, Any]:
        on, body, id_ = asked.day(), asked.body, asked.body["id"]
        line = known(self.lines, body["budget_line_id"])
        asked.act_for(line.body, body.get("disaster_id"))
        need_new(self.documents, id_)
        what_for = {name: body.get(name) for name in WHAT_FOR}
        document = Document(line.body, body["budget_line_id"], body["amount_won"], what_for, on)
        document.steps.append(("propose", asked.account))
        self.documents[id_] = document
        self._tell_document("spending_proposed", asked, id_, on, document.amount)
        return document.told()

    def revise(self, asked: Asked) -> dict[str, Any]:
        document, on = self._step(asked, "revise", asked.target)
        line = asked.body.get("budget_line_id", document.line)
        need(known(self.lines, line).body == document.body, 403, "other-body", body_id=self.lines[line].body)
        what_for = {name: asked.body.get(name, document.what_for[name]) for name in WHAT_FOR}
        asked.act_for(document.body, what_for["disaster_id"])
        document.line, document.what_for = line, what_for
        document.amount = asked.body.get("amount_won", document.amount)
        self._advance(asked, document, "revise", on)
        self._tell_document("spending_proposed", asked, asked.target, on, document.amount)
        return document.told()

    def decide(self, asked: Asked, step: str) -> dict[str, Any]:
        document, on = self._step(asked, step, asked.target)
        self._advance(asked, document, step, on)
        data = {"spending_id": asked.target, "decision": step, "decided_by": asked.account}
        self._tell("spending_decided", asked, asked.target, document.version, on, **data)
        return document.told()

    def commit(self, asked: Asked) -> dict[str, Any]:
        document, on = self._step(asked, "commit", asked.target)
        line, amount = self.lines[document.line], document.amount
        left = line.left_from(on)
        facts = {"requested_won": amount, "available_won": left, "short_by_won": amount - left}
        need(amount <= left, 409, "over-commitment", **facts)
        line.committed[on] += amount
        line.version += 1
        document.committed = amount
        self._advance(asked, document, "commit", on)
        self._tell_document("spending_committed", asked, asked.target, on, amount)
        return document.told()

    def release(self, asked: Asked) -> dict[str, Any]:
        document, on = self._step(asked, "release", asked.target)
        amount, unpaid = asked.body["amount_won"], document.committed - document.paid
        need(amount <= unpaid, 409, "over-release", requested_won=amount, unpaid_won=unpaid)
        self._change_line(document, on, committed=-amount, paid=0)
        document.state = "paid" if amount == unpaid else document.state
        document.committed -= amount
        self._advance(asked, document, "release", on)
        self._tell_document("commitment_released", asked, asked.target, on, amount)
        return document.told()

    def pay(self, asked: Asked) -> dict[str, Any]:
        document, on = self._step(asked, "pay", asked.target)
        amount, unpaid, id_ = asked.body["amount_won"], document.committed - document.paid, asked.body["id"]
        need(amount <= unpaid, 409, "overpayment", requested_won=amount, unpaid_won=unpaid)
        need_new(self.payments, id_)
        self.payments[id_] = Payment(asked.target, amount)
        document.payments.append(self.payments[id_])
        self._change_line(document, on, committed=0, paid=amount)
        document.state = "paid" if amount == unpaid else document.state
        document.paid += amount
        self._advance(asked, document, "pay", on)
        self._tell_document("payment_made", asked, asked.target, on, amount, payment_id=id_)
        return document.told()

    def reverse(self, asked: Asked) -> dict[str, Any]:
        asked.day()
        payment = known(self.payments, asked.target)
        document, on = self._step(asked, "reverse", payment.document)
        amount, standing = asked.body["amount_won"], payment.amount - payment.reversed
        need(amount <= standing, 409, "over-reversal", requested_won=amount, reversible_won=standing)
        payment.reversed += amount
        document.payments.append(Payment(payment.document, -amount, asked.target))
        self._change_line(document, on, committed=-amount, paid=-amount)
        document.paid -= amount
        document.committed -= amount
        self._advance(asked, document, "reverse", on)
        self._tell_document("payment_reversed", asked, payment.document, on, amount, reverses_payment_id=asked.target)
        return document.told()

    def _step(self, asked: Asked, step: str, id_: str) -> tuple[Document, date]:
        """The document, if this person may take this step on it now. Raises Refused."""
        on = asked.day()
        document = known(self.documents, id_)
        asked.act_for(document.body, document.disaster)
        asked.check_version(document)
        need(document.state in POSSIBLE_IN[step], 409, "wrong-state", state=document.state)
        for earlier, account in document.steps:
            if account == asked.account and not GROUPS[earlier] & GROUPS[step]:
                raise Refused(403, "touched-before", account=account, earlier_step=earlier)
        in_order(on, document.last_day)
        if step in MOVES_MONEY:
            self.lines[document.line].check_year(on)
        return document, on

    def _advance(self, asked: Asked, document: Document, step: str, on: date) -> None:
        document.state = LEADS_TO.get(step, document.state)
        document.version += 1
        document.last_day = on
        document.steps.append((step, asked.account))

    def _change_line(self, document: Document, on: date, *, committed: int, paid: int) -> None:
        line = self.lines[document.line]
        line.committed[on] += committed
        line.paid += paid
        line.version += 1

    def _rename(self, event: str, asked: Asked, thing: Fund | Line, **told: Any) -> None:
        asked.check_version(thing)
        on = asked.day() if "effective_date" in asked.body else max(asked.today, thing.named_on)
        in_order(on, thing.named_on)
        thing.named_on = on
        thing.version += 1
        self._tell(event, asked, asked.target, thing.version, on, **told, **named(asked.body))

    def _of_line(self, id_: str) -> dict[str, Any]:
        line = self.lines[id_]
        return {"budget_line_id": id_, "fund_id": line.fund, "fiscal_year": line.fiscal_year}

    def _tell_document(self, event: str, asked: Asked, id_: str, on: date, amount: int, **more: Any) -> None:
        document = self.documents[id_]
        data = {"spending_id": id_, "amount_won": amount, **self._of_line(document.line), **document.what_for, **more}
        self._tell(event, asked, id_, document.version, on, **data)

    def _tell(self, event: str, asked: Asked, id_: str, version: int, on: date, **data: Any) -> None:
        self.book.tell(f"disbursement.{event}", id_, version, asked, on, **data)
