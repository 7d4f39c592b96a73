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
from shared.refusals import check_date_order, next_state
from shared.rows import add, get, insert_new, update


class Document(NamedTuple):
    """A spending document and the steps taken on it, as the open transaction sees them."""

    spending: sa.Row[Any]
    steps: list[sa.Row[Any]]


def propose(
    change: Change, *, id: str | None = None, effective_date: date | None = None, **content: Any
) -> dict[str, Any]:
    """Write a spending proposal (품의): it takes no money yet."""
    on = change.effective_date(effective_date)
    get(change.tx, store.budget_lines, "budget line", content["budget_line_id"])
    spending_id, written = id or new_id(), content_of(content)
    spending = insert_new(
        change.tx,
        store.spendings,
        "spending proposal",
        id=spending_id,
        **vars(written),
        state=State.PROPOSED.value,
        content_hash=written.digest(),
        committed_won=0,
        paid_won=0,
        last_effective_date=on,
        version=1,
    )
    document = Document(spending, [_add_step(change, spending, Step.PROPOSE, on)])
    _record_proposal(change, document, written, on)
    return view(change.tx, document)


def revise(change: Change, spending_id: str, *, effective_date: date | None = None, **content: Any) -> dict[str, Any]:
    """Change what a proposal says. Every earlier review and approval loses its force."""
    on = change.effective_date(effective_date)
    document = _held(change, spending_id, Step.REVISE, on)
    if line_id := content.get("budget_line_id"):
        get(change.tx, store.budget_lines, "budget line", line_id)
    written = content_of(document.spending._asdict() | content)
    hashes = {"content_hash": written.digest(), "approved_hash": None}
    document = _advance(change, document, Step.REVISE, on, **hashes, **vars(written))
    _record_proposal(change, document, written, on)
    return view(change.tx, document)


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
    change.record(
        events.SpendingDecided(
            spending_id=spending_id,
            decision=step.value,
            content_hash=spending.content_hash,
            decided_by=change.actor.id,
        ),
        subject=spending_id,
        version=document.spending.version,
        effective_date=on,
    )
    return view(change.tx, document)


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
    change.record(
        events.SpendingCommitted(
            spending_id=spending_id,
            budget_line_id=spending.budget_line_id,
            amount_won=spending.amount_won,
            disaster_id=spending.disaster_id,
            relief_stage=spending.relief_stage,
            region=spending.region,
            content_hash=spending.content_hash,
        ),
        subject=spending_id,
        version=document.spending.version,
        effective_date=on,
    )
    return view(change.tx, document)


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
    change.record(
        events.CommitmentReleased(
            spending_id=spending_id,
            budget_line_id=spending.budget_line_id,
            amount_won=amount_won,
            disaster_id=spending.disaster_id,
            reason=reason,
        ),
        subject=spending_id,
        version=document.spending.version,
        effective_date=on,
    )
    return view(change.tx, document)


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
    change.record(
        events.PaymentMade(
            payment_id=payment_id,
            spending_id=spending_id,
            budget_line_id=spending.budget_line_id,
            amount_won=amount_won,
            disaster_id=spending.disaster_id,
            relief_stage=spending.relief_stage,
            region=spending.region,
        ),
        subject=spending_id,
        version=document.spending.version,
        effective_date=on,
    )
    return view(change.tx, document)


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
        .values(reversed_won=payment.reversed_won + amount_won)
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
    change.record(
        events.PaymentReversed(
            payment_id=reversal_id,
            reverses_payment_id=payment_id,
            spending_id=spending.id,
            budget_line_id=spending.budget_line_id,
            amount_won=amount_won,
            disaster_id=spending.disaster_id,
            reason=reason,
        ),
        subject=spending.id,
        version=document.spending.version,
        effective_date=on,
    )
    return view(change.tx, document)


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
    change.check_version(spending.version)
    next_state(domain.TRANSITIONS, State(spending.state), step)
    steps = store.steps_of(change.tx, spending_id)
    domain.check_untouched([PastStep(Step(row.step), row.account) for row in steps], step, change.actor.id)
    check_date_order(on, spending.last_effective_date)
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


def _record_proposal(change: Change, document: Document, written: Content, on: date) -> None:
    spending = document.spending
    change.record(
        events.SpendingProposed(
            spending_id=spending.id,
            budget_line_id=written.budget_line_id,
            amount_won=written.amount_won,
            disaster_id=written.disaster_id,
            relief_stage=written.relief_stage,
            region=written.region,
            content_hash=spending.content_hash,
        ),
        subject=spending.id,
        version=spending.version,
        effective_date=on,
    )
