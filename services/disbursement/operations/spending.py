"""Use cases of a spending document, from its proposal (품의) to its payment (지출) and what comes back."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.disbursement import domain, events, store
from services.disbursement.authorities import who_may_decide
from services.disbursement.domain import Content, PastStep, State, Step
from shared.changes import Change, new_id
from shared.events import Payload
from shared.refusals import OtherBody, check_date_order, next_state
from shared.rows import add, get, insert_new, update
from shared.seals import resealed


class Document(NamedTuple):
    """A spending document and the steps taken on it, as the open transaction sees them."""

    spending: sa.Row[Any]
    steps: list[sa.Row[Any]]


def propose(
    change: Change, *, id: str | None = None, effective_date: date | None = None, **content: Any
) -> dict[str, Any]:
    """Write a spending proposal (품의): it takes no money yet."""
    on, written = change.effective_date(effective_date), content_of(content)
    line = store.line_with_fund(change.tx, written.budget_line_id)
    spending = insert_new(
        change.tx,
        store.spendings,
        "spending proposal",
        id=id or new_id(),
        body_id=change.act_for(line.body_id, written.disaster_id),
        **_of_line(line),
        **vars(written),
        state=State.PROPOSED.value,
        content_hash=written.digest(),
        committed_won=0,
        paid_won=0,
        last_effective_date=on,
        version=1,
    )
    document = Document(spending, [_add_step(change, spending, Step.PROPOSE, on)])
    return _tell(change, document, on, events.SpendingProposed(**_money(spending, content_hash=spending.content_hash)))


def revise(change: Change, spending_id: str, *, effective_date: date | None = None, **content: Any) -> dict[str, Any]:
    """Change what a proposal says. Every earlier review and approval loses its force."""
    on = change.effective_date(effective_date)
    document = _held(change, spending_id, Step.REVISE, on)
    spending = document.spending
    written = content_of(spending._asdict() | content)
    moved: dict[str, Any] = {}
    if written.budget_line_id != spending.budget_line_id:
        line = store.line_with_fund(change.tx, written.budget_line_id)
        if line.body_id != spending.body_id:
            raise OtherBody(body_id=line.body_id, account=change.actor.id, held=spending.body_id)
        moved = _of_line(line)
    change.act_for(spending.body_id, written.disaster_id)  # the other disaster must be the account's as well
    hashes = {"content_hash": written.digest(), "approved_hash": None}
    document = _advance(change, document, Step.REVISE, on, **hashes, **moved, **vars(written))
    spending = document.spending
    return _tell(change, document, on, events.SpendingProposed(**_money(spending, content_hash=spending.content_hash)))


def decide(
    change: Change,
    spending_id: str,
    step: Step,
    *,
    effective_date: date | None = None,
    comment: str | None = None,
) -> dict[str, Any]:
    """Review, approve or reject a proposal; the decision binds to the hash of what the document says."""
    on = change.effective_date(effective_date)
    document = _held(change, spending_id, step, on)
    spending = document.spending
    approved = {"approved_hash": spending.content_hash} if step is Step.APPROVE else {}
    document = _advance(change, document, step, on, comment=comment, **approved)
    decided = events.SpendingDecided(
        spending_id=spending_id,
        budget_line_id=spending.budget_line_id,
        decision=step.value,
        content_hash=spending.content_hash,
        decided_by=change.actor.id,
    )
    return _tell(change, document, on, decided)


def commit(
    change: Change, spending_id: str, *, effective_date: date | None = None, comment: str | None = None
) -> dict[str, Any]:
    """Commit (원인행위) an approved proposal: takes its amount of the line, or is refused with the shortfall."""
    on = change.effective_date(effective_date)
    document = _held(change, spending_id, Step.COMMIT, on)
    spending = document.spending
    if spending.approved_hash != spending.content_hash:
        raise domain.ApprovalVoid
    _take(change, spending.budget_line_id, spending.amount_won, on)
    document = _advance(change, document, Step.COMMIT, on, comment=comment, committed_won=spending.amount_won)
    return _tell(change, document, on, events.SpendingCommitted(**_money(spending, content_hash=spending.content_hash)))


def release(
    change: Change, spending_id: str, *, amount_won: int, reason: str, effective_date: date | None = None
) -> dict[str, Any]:
    """Give an unpaid part of a commitment back to its line."""
    on = change.effective_date(effective_date)
    document = _held(change, spending_id, Step.RELEASE, on)
    spending = document.spending
    unpaid_won = spending.committed_won - spending.paid_won
    if amount_won > unpaid_won:
        raise domain.OverRelease(requested_won=amount_won, unpaid_won=unpaid_won)
    store.add_paid(change.tx, spending.budget_line_id, 0, -amount_won)
    store.add_to_day(change.tx, spending.budget_line_id, on, committed=-amount_won)
    after = {"state": State.PAID.value} if amount_won == unpaid_won else {}
    committed_won = spending.committed_won - amount_won
    document = _advance(change, document, Step.RELEASE, on, comment=reason, committed_won=committed_won, **after)
    released = events.CommitmentReleased(**_money(spending, amount_won=amount_won, reason=reason))
    return _tell(change, document, on, released)


def pay(
    change: Change, spending_id: str, *, amount_won: int, effective_date: date | None = None, id: str | None = None
) -> dict[str, Any]:
    """Pay (지출) on a commitment, at most what is unpaid of it."""
    on = change.effective_date(effective_date)
    document = _held(change, spending_id, Step.PAY, on)
    spending = document.spending
    unpaid_won = spending.committed_won - spending.paid_won
    if amount_won > unpaid_won:
        raise domain.Overpayment(requested_won=amount_won, unpaid_won=unpaid_won)
    payment_id = id or new_id()
    _add_payment(change, payment_id, spending_id, amount_won, on)
    store.add_paid(change.tx, spending.budget_line_id, amount_won, 0)
    after = {"state": State.PAID.value} if amount_won == unpaid_won else {}
    document = _advance(change, document, Step.PAY, on, paid_won=spending.paid_won + amount_won, **after)
    paid = events.PaymentMade(**_money(spending, amount_won=amount_won, payment_id=payment_id))
    return _tell(change, document, on, paid)


def reverse_payment(
    change: Change,
    payment_id: str,
    *,
    amount_won: int,
    reason: str,
    effective_date: date | None = None,
) -> dict[str, Any]:
    """Record money that came back (여입): a linked reversal that restores the line's balance."""
    on = change.effective_date(effective_date)
    spending_id = get(change.tx, store.payments, "payment", payment_id).spending_id
    document = _held(change, spending_id, Step.REVERSE, on)
    spending = document.spending
    payment = get(change.tx, store.payments, "payment", payment_id)  # read again: the document is locked only now
    reversible_won = max(payment.amount_won, 0) - payment.reversed_won
    if amount_won > reversible_won:
        raise domain.OverReversal(requested_won=amount_won, reversible_won=reversible_won)
    reversal_id = new_id()
    _add_payment(change, reversal_id, spending.id, -amount_won, on, reverses_payment_id=payment_id, reason=reason)
    change.tx.execute(
        sa.update(store.payments)
        .where(store.payments.c.id == payment_id)
        .values(resealed(change.tx, store.payments, payment, reversed_won=payment.reversed_won + amount_won))
    )
    store.add_paid(change.tx, spending.budget_line_id, -amount_won, -amount_won)
    store.add_to_day(change.tx, spending.budget_line_id, on, committed=-amount_won)
    document = _advance(
        change,
        document,
        Step.REVERSE,
        on,
        comment=reason,
        paid_won=spending.paid_won - amount_won,
        committed_won=spending.committed_won - amount_won,
    )
    told = {"payment_id": reversal_id, "reverses_payment_id": payment_id, "amount_won": amount_won, "reason": reason}
    return _tell(change, document, on, events.PaymentReversed(**_money(spending, **told)))


def content_of(values: Mapping[str, Any]) -> Content:
    named: dict[str, Any] = {name: values.get(name) for name in Content.__annotations__}
    return Content(**named)


def show(tx: Connection, spending_id: str) -> dict[str, Any]:
    """A document with its steps and payments. Raises Unknown."""
    spending = get(tx, store.spendings, "spending proposal", spending_id)
    return view(tx, Document(spending, store.steps_of(tx, spending_id)))


def view(tx: Connection, document: Document) -> dict[str, Any]:
    """What is told of a document, its payments included."""
    return {
        **document.spending._asdict(),
        "steps": [step._asdict() for step in document.steps],
        "payments": [payment._asdict() for payment in store.payments_of(tx, document.spending.id)],
    }


def _held(change: Change, spending_id: str, step: Step, on: date) -> Document:
    """The locked document, once this account may take this step on it on this date."""
    spending = get(change.tx, store.spendings, "spending proposal", spending_id, lock=True)
    change.act_for(spending.body_id, spending.disaster_id)
    change.check_version(spending.version)
    next_state(domain.TRANSITIONS, State(spending.state), step)
    steps = store.steps_of(change.tx, spending_id)
    domain.check_untouched([PastStep(Step(row.step), row.account) for row in steps], step, change.actor.id)
    check_date_order(on, spending.last_effective_date)
    if step in domain.MOVES_MONEY and on.year != spending.fiscal_year:
        line = store.line_with_fund(change.tx, spending.budget_line_id)  # only a refusal needs its name
        domain.check_own_year(line.name, line.fiscal_year, on)
    return Document(spending, steps)


def _take(change: Change, line_id: str, amount_won: int, on: date) -> None:
    """Take the amount of the line as of `on` and of every later date, or raise OverCommitment."""
    taken = store.take_from_line(change.tx, line_id, amount_won)  # also locks the line for the look at its dates
    available_won = store.lowest_balance_from(change.tx, line_id, on)
    if not taken or available_won < amount_won:
        line = store.line_with_fund(change.tx, line_id)
        raise domain.OverCommitment(
            line_id=line_id,
            line_name=line.name,
            effective_date=on,
            requested_won=amount_won,
            available_won=available_won,
            short_by_won=amount_won - available_won,
            who_may_decide=who_may_decide(line.fund_type, on),
        )
    store.add_to_day(change.tx, line_id, on, committed=amount_won)


def _advance(
    change: Change, document: Document, step: Step, on: date, *, comment: str | None = None, **values: Any
) -> Document:
    """The document after this step. `values` may name another state than the one the step leads to by itself."""
    state = next_state(domain.TRANSITIONS, State(document.spending.state), step)
    changed = {"state": state.value, "last_effective_date": on, **values}
    spending = update(change.tx, store.spendings, document.spending, **changed)
    return Document(spending, [*document.steps, _add_step(change, spending, step, on, comment)])


def _add_step(change: Change, spending: sa.Row[Any], step: Step, on: date, comment: str | None = None) -> sa.Row[Any]:
    return add(
        change.tx,
        store.steps,
        spending_id=spending.id,
        step=step.value,
        account=change.actor.id,
        content_hash=spending.content_hash,
        comment=comment,
        effective_date=on,
        recorded_at=change.now,
    )


def _add_payment(
    change: Change,
    payment_id: str,
    spending_id: str,
    amount_won: int,
    on: date,
    reverses_payment_id: str | None = None,
    reason: str | None = None,
) -> None:
    insert_new(
        change.tx,
        store.payments,
        "payment",
        id=payment_id,
        spending_id=spending_id,
        amount_won=amount_won,
        reverses_payment_id=reverses_payment_id,
        reversed_won=0,
        reason=reason,
        effective_date=on,
        recorded_at=change.now,
        recorded_by=change.actor.id,
    )


def _of_line(line: sa.Row[Any]) -> dict[str, Any]:
    """What a document keeps of its line."""
    return {"fund_id": line.fund_id, "fiscal_year": line.fiscal_year}


def _money(spending: sa.Row[Any], **told: Any) -> dict[str, Any]:
    """What every event of the document's money says, and what one of them tells beside it or instead."""
    said = {**spending._asdict(), "spending_id": spending.id}
    return {name: said[name] for name in events.Money.__struct_fields__} | told


def _tell(change: Change, document: Document, on: date, payload: Payload) -> dict[str, Any]:
    """Record what happened to the document, and answer with what it is now."""
    spending = document.spending
    change.record(payload, subject=spending.id, version=spending.version, effective_date=on)
    return view(change.tx, document)
