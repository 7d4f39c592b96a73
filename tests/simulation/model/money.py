"""Money in the model: appropriations, documents with their duties, commitments, payments and reversals."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from tests.simulation.model.core import Asked, Book, Refused, known, need

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
CONTENT: Final = ("budget_line_id", "amount_won", "disaster_id")


@dataclass
class Line:
    fund: str
    fiscal_year: int
    name: str
    version: int = 1
    appropriated: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    committed: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    paid: int = 0

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
    line: str
    amount: int
    disaster: str | None
    last_day: date
    state: str = "proposed"
    version: int = 1
    committed: int = 0
    paid: int = 0
    steps: list[tuple[str, str]] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "version": self.version,
            "amount_won": self.amount,
            "committed_won": self.committed,
            "paid_won": self.paid,
            "steps": [{"step": step, "account": account} for step, account in self.steps],
            "payments": [payment.told() for payment in self.payments],
        }


class Money:
    def __init__(self, book: Book) -> None:
        self.book = book
        self.funds: dict[str, str] = {}
        self.lines: dict[str, Line] = {}
        self.documents: dict[str, Document] = {}
        self.payments: dict[str, Payment] = {}
        self.appropriations: set[str] = set()

    def open_fund(self, asked: Asked) -> dict[str, Any]:
        id_ = asked.body["id"]
        need(id_ not in self.funds, 409, "already-exists", id=id_)
        self.funds[id_] = asked.body["name"]
        self.book.tell("disbursement.fund_opened", id_, 1, asked, asked.today, fund_id=id_)
        return {"id": id_}

    def open_line(self, asked: Asked) -> dict[str, Any]:
        body, id_ = asked.body, asked.body["id"]
        known(self.funds, body["fund_id"])
        need(id_ not in self.lines, 409, "already-exists", id=id_)
        self.lines[id_] = Line(body["fund_id"], body["fiscal_year"], body["name"])
        year = {"fiscal_year": body["fiscal_year"]}
        self.book.tell("disbursement.budget_line_opened", id_, 1, asked, asked.today, budget_line_id=id_, **year)
        return {"id": id_, "current_appropriation": 0, "committed": 0, "paid": 0, "version": 1}

    def appropriate(self, asked: Asked) -> dict[str, Any]:
        body, on = asked.body, asked.day()
        kind, amount = body["kind"], body["amount_won"]
        decided = body.get("decided_on")
        rests = "authority_reference" in body and decided is not None and date.fromisoformat(decided) <= on
        need(rests or kind == "original_appropriation", 422, "authority-missing")
        line = known(self.lines, asked.target)
        signed = -amount if kind == "supplementary_reduction" else amount
        left = line.left_from(on)
        need(left + signed >= 0, 409, "reduction-below-commitments", requested_won=amount, available_won=left)
        need(body["id"] not in self.appropriations, 409, "already-exists", id=body["id"])
        self.appropriations.add(body["id"])
        line.appropriated[on] += signed
        line.version += 1
        data = {"appropriation_id": body["id"], "budget_line_id": asked.target, "kind": kind, "amount_won": signed}
        self.book.tell("disbursement.appropriation_changed", asked.target, line.version, asked, on, **data)
        return self._line_told(line)

    def forecast(self, asked: Asked) -> dict[str, Any]:
        on = asked.day()
        line = known(self.lines, asked.target)
        line.version += 1
        told = {"budget_line_id": asked.target, "year_end_forecast_won": asked.body["year_end_forecast_won"]}
        self.book.tell("disbursement.year_end_forecast_recorded", asked.target, line.version, asked, on, **told)
        return told

    def propose(self, asked: Asked) -> dict[str, Any]:
        body, on, id_ = asked.body, asked.day(), asked.body["id"]
        known(self.lines, body["budget_line_id"])
        need(id_ not in self.documents, 409, "already-exists", id=id_)
        document = Document(body["budget_line_id"], body["amount_won"], body.get("disaster_id"), on)
        document.steps.append(("propose", asked.account))
        self.documents[id_] = document
        self._tell_proposal(asked, id_, document, on)
        return document.told()

    def revise(self, asked: Asked) -> dict[str, Any]:
        document, on = self._step(asked, "revise", asked.target)
        if "budget_line_id" in asked.body:
            known(self.lines, asked.body["budget_line_id"])
            document.line = asked.body["budget_line_id"]
        document.amount = asked.body.get("amount_won", document.amount)
        document.disaster = asked.body.get("disaster_id", document.disaster)
        self._advance(asked, document, "revise", on)
        self._tell_proposal(asked, asked.target, document, on)
        return document.told()

    def decide(self, asked: Asked, step: str) -> dict[str, Any]:
        document, on = self._step(asked, step, asked.target)
        self._advance(asked, document, step, on)
        data = {"spending_id": asked.target, "decision": step, "decided_by": asked.account}
        self.book.tell("disbursement.spending_decided", asked.target, document.version, asked, on, **data)
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
        self._tell_money("spending_committed", asked, asked.target, on, amount)
        return document.told()

    def release(self, asked: Asked) -> dict[str, Any]:
        document, on = self._step(asked, "release", asked.target)
        amount, unpaid = asked.body["amount_won"], document.committed - document.paid
        need(amount <= unpaid, 409, "over-release", requested_won=amount, unpaid_won=unpaid)
        self._change_line(document, on, committed=-amount, paid=0)
        document.state = "paid" if amount == unpaid else document.state
        document.committed -= amount
        self._advance(asked, document, "release", on)
        self._tell_money("commitment_released", asked, asked.target, on, amount)
        return document.told()

    def pay(self, asked: Asked) -> dict[str, Any]:
        document, on = self._step(asked, "pay", asked.target)
        amount, unpaid, id_ = asked.body["amount_won"], document.committed - document.paid, asked.body["id"]
        need(amount <= unpaid, 409, "overpayment", requested_won=amount, unpaid_won=unpaid)
        need(id_ not in self.payments, 409, "already-exists", id=id_)
        self.payments[id_] = Payment(asked.target, amount)
        document.payments.append(self.payments[id_])
        self._change_line(document, on, committed=0, paid=amount)
        document.state = "paid" if amount == unpaid else document.state
        document.paid += amount
        self._advance(asked, document, "pay", on)
        self._tell_money("payment_made", asked, asked.target, on, amount, payment_id=id_)
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
        link = {"reverses_payment_id": asked.target}
        self._tell_money("payment_reversed", asked, payment.document, on, amount, **link)
        return document.told()

    def _step(self, asked: Asked, step: str, id_: str) -> tuple[Document, date]:
        """The document, if this person may take this step on it now. Raises Refused."""
        on = asked.day()
        document = known(self.documents, id_)
        asked.check_version(document.version)
        need(document.state in POSSIBLE_IN[step], 409, "wrong-state", state=document.state)
        for earlier, account in document.steps:
            if account == asked.account and not GROUPS[earlier] & GROUPS[step]:
                raise Refused(403, "touched-before", account=account, earlier_step=earlier)
        need(on >= document.last_day, 422, "dates-out-of-order", previous_date=document.last_day.isoformat())
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

    def _line_told(self, line: Line) -> dict[str, Any]:
        appropriated, committed, paid, version = line.counters()
        return {"current_appropriation": appropriated, "committed": committed, "paid": paid, "version": version}

    def _tell_proposal(self, asked: Asked, id_: str, document: Document, on: date) -> None:
        content = dict(zip(CONTENT, (document.line, document.amount, document.disaster), strict=True))
        self.book.tell("disbursement.spending_proposed", id_, document.version, asked, on, spending_id=id_, **content)

    def _tell_money(self, event: str, asked: Asked, id_: str, on: date, amount: int, **more: Any) -> None:
        document = self.documents[id_]
        data = {"spending_id": id_, "budget_line_id": document.line, "amount_won": amount, **more}
        told = {**data, "disaster_id": document.disaster}
        self.book.tell(f"disbursement.{event}", id_, document.version, asked, on, **told)
