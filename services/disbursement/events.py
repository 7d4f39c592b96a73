"""Events published on `relief.disbursement.v1`. Amounts are whole won."""

from dataclasses import dataclass
from datetime import date

from shared.events import Payload


@dataclass(frozen=True)
class FundOpened(Payload):
    """A fund or account was opened."""

    TYPE = "disbursement.fund_opened.v1"
    fund_id: str
    name: str
    fund_type: str


@dataclass(frozen=True)
class BudgetLineOpened(Payload):
    """A budget line was opened; it has no appropriation yet."""

    TYPE = "disbursement.budget_line_opened.v1"
    budget_line_id: str
    fund_id: str
    fund_name: str
    fiscal_year: int
    name: str
    policy_program: str
    unit_program: str | None
    detail_program: str | None


@dataclass(frozen=True)
class AppropriationChanged(Payload):
    """The current appropriation (예산현액) of a line changed; `amount_won` is negative for a reduction."""

    TYPE = "disbursement.appropriation_changed.v1"
    appropriation_id: str
    budget_line_id: str
    kind: str
    amount_won: int
    authority_reference: str | None
    decided_on: date | None


@dataclass(frozen=True)
class YearEndForecastRecorded(Payload):
    """The cumulative expenditure expected by the year's end (연말 집행예상액)."""

    TYPE = "disbursement.year_end_forecast_recorded.v1"
    budget_line_id: str
    year_end_forecast_won: int


@dataclass(frozen=True)
class SpendingProposed(Payload):
    """A spending proposal (품의) was written or revised; `content_hash` names exactly what it says."""

    TYPE = "disbursement.spending_proposed.v1"
    spending_id: str
    budget_line_id: str
    amount_won: int
    disaster_id: str | None
    relief_stage: str | None
    region: str | None
    content_hash: str


@dataclass(frozen=True)
class SpendingDecided(Payload):
    """A proposal was reviewed, approved or rejected; the decision binds to `content_hash`."""

    TYPE = "disbursement.spending_decided.v1"
    spending_id: str
    decision: str
    content_hash: str
    decided_by: str


@dataclass(frozen=True)
class SpendingCommitted(Payload):
    """A commitment (원인행위) took money of a budget line."""

    TYPE = "disbursement.spending_committed.v1"
    spending_id: str
    budget_line_id: str
    amount_won: int
    disaster_id: str | None
    relief_stage: str | None
    region: str | None
    content_hash: str


@dataclass(frozen=True)
class CommitmentReleased(Payload):
    """An unpaid part of a commitment was given back to its line."""

    TYPE = "disbursement.commitment_released.v1"
    spending_id: str
    budget_line_id: str
    amount_won: int
    disaster_id: str | None
    reason: str


@dataclass(frozen=True)
class PaymentMade(Payload):
    """A payment (지출) was made on a commitment."""

    TYPE = "disbursement.payment_made.v1"
    payment_id: str
    spending_id: str
    budget_line_id: str
    amount_won: int
    disaster_id: str | None
    relief_stage: str | None
    region: str | None


@dataclass(frozen=True)
class PaymentReversed(Payload):
    """Money came back to the same line (여입); linked to the payment it reverses."""

    TYPE = "disbursement.payment_reversed.v1"
    payment_id: str
    reverses_payment_id: str
    spending_id: str
    budget_line_id: str
    amount_won: int
    disaster_id: str | None
    reason: str


PUBLISHED = (
    FundOpened,
    BudgetLineOpened,
    AppropriationChanged,
    YearEndForecastRecorded,
    SpendingProposed,
    SpendingDecided,
    SpendingCommitted,
    CommitmentReleased,
    PaymentMade,
    PaymentReversed,
)
