"""What the disbursement API takes and gives."""

from typing import Any

from marshmallow import fields, validate

from services.disbursement.domain import AppropriationKind, FundType, State
from shared.dating import is_late
from shared.fields import Day, Identifier, Moment, PageQuery, RegionId, Schema, Text, WholeNumber, won

RELIEF_STAGES = ("suppression", "recovery", "livelihood")  # 산불진화, 복구, 생계
WHEN = "the day it takes effect in Korea; today unless dating.json allows another one"


def day(**options: Any) -> Day:
    return Day(metadata={"description": WHEN}, **options)


class Recorded(Schema):
    """Base of a fact with its two dates and who recorded it."""

    effective_date = Day()
    recorded_at = Moment()
    late = fields.Function(
        lambda fact: is_late(fact["effective_date"], fact["recorded_at"]),
        metadata={"type": "boolean", "description": "recorded on a later day than it took effect"},
    )


class NewName(Schema):
    """A name from a day on; without `english_name` there is none any more."""

    name = Text(200, required=True)
    english_name = Text(200, allow_none=True)
    effective_date = day()


class NewFund(NewName):
    id = Identifier(metadata={"description": "a code of your own; chosen by the system if left out"})
    fund_type = fields.String(required=True, validate=[validate.OneOf([kind.value for kind in FundType])])


class Fund(Schema):
    id = Identifier()
    body_id = Identifier(metadata={"description": "whose fund it is"})
    name = fields.String()
    english_name = fields.String(allow_none=True)
    fund_type = fields.String()
    version = fields.Integer()


class NewBudgetLine(NewName):
    id = Identifier()
    fund_id = Identifier(required=True)
    fiscal_year = WholeNumber(low=2000, high=2100, required=True)
    policy_program = Text(200, required=True)
    unit_program = Text(200, allow_none=True)
    detail_program = Text(200, allow_none=True)


class BudgetLine(Schema):
    id = Identifier()
    fund_id = Identifier()
    fund_name = fields.String()
    fund_type = fields.String()
    body_id = Identifier(metadata={"description": "whose fund it is"})
    fiscal_year = fields.Integer()
    name = fields.String()
    english_name = fields.String(allow_none=True)
    policy_program = fields.String()
    unit_program = fields.String(allow_none=True)
    detail_program = fields.String(allow_none=True)
    current_appropriation = fields.Integer(metadata={"description": "예산현액, won, with what was recorded in advance"})
    committed = fields.Integer(metadata={"description": "원인행위액, won"})
    paid = fields.Integer(metadata={"description": "지출액, won"})
    uncommitted_balance = fields.Integer()
    unpaid_balance = fields.Integer()
    version = fields.Integer()


class Balance(Schema):
    """What a line stands at, for the ledger to compare with."""

    budget_line_id = Identifier()
    current_appropriation = fields.Integer()
    committed = fields.Integer()
    paid = fields.Integer()


class NewAppropriation(Schema):
    id = Identifier()
    kind = fields.String(required=True, validate=[validate.OneOf([kind.value for kind in AppropriationKind])])
    amount_won = won(required=True, metadata={"description": "positive also for a reduction"})
    effective_date = day()
    authority_reference = Text(200, metadata={"description": "the decision it rests on, for example the council's"})
    decided_on = Day()


class Appropriation(Recorded):
    number = fields.Integer()
    id = Identifier()
    budget_line_id = Identifier()
    kind = fields.String()
    amount_won = fields.Integer(metadata={"description": "negative for a reduction"})
    authority_reference = fields.String(allow_none=True)
    decided_on = Day(allow_none=True)
    recorded_by = fields.String()


class NewForecast(Schema):
    year_end_forecast_won = won(low=0, required=True, metadata={"description": "cumulative for the whole year"})
    effective_date = day()


class Forecast(Recorded):
    budget_line_id = Identifier()
    year_end_forecast_won = fields.Integer()


class SpendingContent(Schema):
    """Base of what a proposal says."""

    purpose = Text(500)
    payee = Text(200, metadata={"description": "an organisation; no personal data"})
    disaster_id = Identifier(allow_none=True)
    relief_stage = fields.String(allow_none=True, validate=[validate.OneOf(RELIEF_STAGES)])
    region_id = RegionId(allow_none=True)
    party_id = Identifier(allow_none=True, metadata={"description": "the body or agency the money goes to"})
    effective_date = day()


class NewSpending(SpendingContent):
    id = Identifier()
    budget_line_id = Identifier(required=True)
    amount_won = won(required=True)
    purpose = Text(500, required=True)
    payee = Text(200, required=True, metadata={"description": "an organisation; no personal data"})


class SpendingRevision(SpendingContent):
    budget_line_id = Identifier()
    amount_won = won()


class Decision(Schema):
    comment = Text(1000, multiline=True)
    effective_date = day()


class NewPayment(Schema):
    id = Identifier()
    amount_won = won(required=True)
    effective_date = day()


class Amendment(Schema):
    """An amount given back, with its reason."""

    amount_won = won(required=True)
    reason = Text(1000, multiline=True, required=True)
    effective_date = day()


class StepTaken(Recorded):
    step = fields.String()
    account = fields.String()
    content_hash = fields.String()
    comment = fields.String(allow_none=True)


class Payment(Recorded):
    id = Identifier()
    amount_won = fields.Integer(metadata={"description": "negative for a reversal"})
    reverses_payment_id = Identifier(allow_none=True)
    reversed_won = fields.Integer()
    reason = fields.String(allow_none=True)
    recorded_by = fields.String()


class SpendingSummary(Schema):
    number = fields.Integer()
    id = Identifier()
    body_id = Identifier(metadata={"description": "whose document it is, and whose fund"})
    budget_line_id = Identifier()
    fund_id = Identifier()
    fiscal_year = fields.Integer()
    amount_won = fields.Integer()
    purpose = fields.String()
    payee = fields.String()
    disaster_id = Identifier(allow_none=True)
    relief_stage = fields.String(allow_none=True)
    region_id = RegionId(allow_none=True)
    party_id = Identifier(allow_none=True)
    state = fields.String(validate=[validate.OneOf([state.value for state in State])])
    content_hash = fields.String()
    committed_won = fields.Integer()
    paid_won = fields.Integer()
    last_effective_date = Day()
    version = fields.Integer()


class Spending(SpendingSummary):
    steps = fields.List(fields.Nested(StepTaken))
    payments = fields.List(fields.Nested(Payment))


class SpendingQuery(PageQuery):
    state = fields.String(validate=[validate.OneOf([state.value for state in State])])
    body_id = Identifier()
    budget_line_id = Identifier()
    disaster_id = Identifier()
