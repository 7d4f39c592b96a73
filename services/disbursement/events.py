"""Events published on `relief.disbursement.v1`. Amounts are whole won."""

from datetime import date

from shared.events import Code, Digest, Id, Name, Note, Payload, Won, Year


class FundOpened(Payload, frozen=True, kw_only=True):
    """A fund or account was opened; it belongs to the acting body."""

    TYPE = "disbursement.fund_opened.v1"
    fund_id: Id
    name: Name
    english_name: Name | None
    fund_type: Code


class FundRenamed(Payload, frozen=True, kw_only=True):
    """A fund or account has another name from this day on."""

    TYPE = "disbursement.fund_renamed.v1"
    fund_id: Id
    name: Name
    english_name: Name | None


class BudgetLineOpened(Payload, frozen=True, kw_only=True):
    """A budget line was opened; it has no appropriation yet."""

    TYPE = "disbursement.budget_line_opened.v1"
    budget_line_id: Id
    fund_id: Id
    fund_name: Name
    fiscal_year: Year
    name: Name
    english_name: Name | None
    policy_program: Name
    unit_program: Name | None
    detail_program: Name | None


class BudgetLineRenamed(Payload, frozen=True, kw_only=True):
    """A budget line has another name from this day on."""

    TYPE = "disbursement.budget_line_renamed.v1"
    budget_line_id: Id
    name: Name
    english_name: Name | None


class AppropriationChanged(Payload, frozen=True, kw_only=True):
    """The current appropriation (예산현액) of a line changed; `amount_won` is negative for a reduction."""

    TYPE = "disbursement.appropriation_changed.v1"
    appropriation_id: Id
    budget_line_id: Id
    fund_id: Id
    fiscal_year: Year
    kind: Code
    amount_won: Won
    authority_reference: Name | None
    decided_on: date | None


class YearEndForecastRecorded(Payload, frozen=True, kw_only=True):
    """The cumulative expenditure expected by the year's end (연말 집행예상액)."""

    TYPE = "disbursement.year_end_forecast_recorded.v1"
    budget_line_id: Id
    fund_id: Id
    fiscal_year: Year
    year_end_forecast_won: Won


class SpendingDecided(Payload, frozen=True, kw_only=True):
    """A proposal was reviewed, approved or rejected; the decision binds to `content_hash`."""

    TYPE = "disbursement.spending_decided.v1"
    spending_id: Id
    budget_line_id: Id
    decision: Code
    content_hash: Digest
    decided_by: Id


class Money(Payload, frozen=True, kw_only=True):
    """Base of what is told of a document's money: from which line, fund and year, where it goes and what for."""

    spending_id: Id
    budget_line_id: Id
    fund_id: Id
    fiscal_year: Year
    amount_won: Won
    disaster_id: Id | None
    relief_stage: Code | None
    region_id: Id | None
    party_id: Id | None


class SpendingProposed(Money, frozen=True, kw_only=True):
    """A spending proposal (품의) was written or revised; `content_hash` names exactly what it says."""

    TYPE = "disbursement.spending_proposed.v1"
    content_hash: Digest


class SpendingCommitted(Money, frozen=True, kw_only=True):
    """A commitment (원인행위) took money of a budget line."""

    TYPE = "disbursement.spending_committed.v1"
    content_hash: Digest


class CommitmentReleased(Money, frozen=True, kw_only=True):
    """An unpaid part of a commitment was given back to its line."""

    TYPE = "disbursement.commitment_released.v1"
    reason: Note


class PaymentMade(Money, frozen=True, kw_only=True):
    """A payment (지출) was made on a commitment."""

    TYPE = "disbursement.payment_made.v1"
    payment_id: Id


class PaymentReversed(Money, frozen=True, kw_only=True):
    """Money came back to the same line (여입); linked to the payment it reverses."""

    TYPE = "disbursement.payment_reversed.v1"
    payment_id: Id
    reverses_payment_id: Id
    reason: Note


PUBLISHED = (
    FundOpened,
    FundRenamed,
    BudgetLineOpened,
    BudgetLineRenamed,
    AppropriationChanged,
    YearEndForecastRecorded,
    SpendingProposed,
    SpendingDecided,
    SpendingCommitted,
    CommitmentReleased,
    PaymentMade,
    PaymentReversed,
)
