"""What the ledger API takes and gives. Amounts are whole won, rates are text with one decimal."""

from marshmallow import fields, validate

from shared.fields import Day, Identifier, Moment, PageQuery, Schema


class ReportQuery(Schema):
    as_of = Day(metadata={"description": "facts in effect by this day in Korea; today if left out"})
    known_at = Moment(metadata={"description": "only what was recorded by this moment"})


class DayQuery(Schema):
    as_of = Day(metadata={"description": "facts in effect by this day in Korea; today if left out"})


class Figures(Schema):
    original_appropriation = fields.Integer()
    current_appropriation = fields.Integer(metadata={"description": "예산현액"})
    committed = fields.Integer(metadata={"description": "원인행위액"})
    expended = fields.Integer(metadata={"description": "지출액"})
    uncommitted_balance = fields.Integer()
    unpaid_balance = fields.Integer()
    commitment_rate = fields.String(allow_none=True)
    expenditure_rate = fields.String(allow_none=True)
    year_end_forecast = fields.Integer(allow_none=True, metadata={"description": "cumulative"})
    remaining = fields.Integer(allow_none=True, metadata={"description": "forecast less expended"})
    forecast_rate = fields.String(allow_none=True)


class LineOfReport(Schema):
    fund_name = fields.String()
    fiscal_year = fields.Integer()
    line_id = Identifier()
    line_name = fields.String()


class ExecutionRow(Figures, LineOfReport):
    """One budget line; what it is called comes before its figures."""


class ExecutionReport(Schema):
    report = fields.String()
    as_of = fields.String()
    known_at = fields.String(allow_none=True)
    unit = fields.String()
    rows = fields.List(fields.Nested(ExecutionRow))
    totals = fields.Nested(Figures)


class EntriesQuery(PageQuery):
    budget_line_id = Identifier(required=True)
    measure = fields.String(
        required=True,
        validate=[validate.OneOf(["original_appropriation", "current_appropriation", "committed", "expended"])],
    )
    as_of = Day()
    known_at = Moment()


class Line(Schema):
    account = fields.String()
    commodity = fields.String()
    object_id = fields.String()
    disaster_id = fields.String()
    amount = fields.Integer(metadata={"description": "positive is debit, negative is credit"})


class EntrySummary(Schema):
    number = fields.Integer()
    event_id = fields.String()
    event_type = fields.String()
    subject = fields.String()
    chain = fields.String()
    sequence = fields.Integer()
    effective_date = Day()
    recorded_at = Moment()
    hash = fields.String()


class FigureEntry(EntrySummary):
    amount = fields.Integer(metadata={"description": "what the entry adds to the figure"})


class FigureEntries(Schema):
    items = fields.List(fields.Nested(FigureEntry))
    next = fields.Integer(allow_none=True)
    sum = fields.Integer()


class Entry(EntrySummary):
    lines = fields.List(fields.Nested(Line))


class TracedEvent(Schema):
    id = fields.String()
    type = fields.String()
    time = fields.String()
    effective_date = fields.String()
    subject = fields.String()
    correlation_id = fields.String()
    aggregate_version = fields.Integer()
    data = fields.Dict(keys=fields.String())
    topic = fields.String()
    partition = fields.Integer()
    offset = fields.Integer()


class Trace(Schema):
    id = fields.String()
    events = fields.List(fields.Nested(TracedEvent))
    entries = fields.List(fields.Nested(Entry))
    truncated = fields.Boolean()


class GoodsItem(Schema):
    item_id = fields.String()
    item_name = fields.String()
    unit = fields.String()
    received = fields.Integer()
    reserved = fields.Integer()
    dispatched = fields.Integer()
    delivered = fields.Integer()


class GoodsUnit(Schema):
    unit = fields.String()
    dispatched = fields.Integer()


class GoodsReport(Schema):
    as_of = fields.String()
    items = fields.List(fields.Nested(GoodsItem))
    units = fields.List(fields.Nested(GoodsUnit))


class TaskPeople(Schema):
    task_id = fields.String()
    kind = fields.String()
    applied = fields.Integer()
    confirmed = fields.Integer()
    attended = fields.Integer()


class PeopleReport(Schema):
    as_of = fields.String()
    items = fields.List(fields.Nested(TaskPeople))
    confirmed = fields.Integer()


class DisasterAmount(Schema):
    disaster_id = fields.String()
    disaster_name = fields.String(allow_none=True)
    amount = fields.Integer()


class UnattributedDocument(Schema):
    spending_id = fields.String()
    amount = fields.Integer()
    effective_date = fields.String()


class Unattributed(Schema):
    amount = fields.Integer()
    documents = fields.List(fields.Nested(UnattributedDocument))


class ReconciledLine(Schema):
    line_id = fields.String()
    line_name = fields.String(allow_none=True)
    expended = fields.Integer()
    by_disaster = fields.List(fields.Nested(DisasterAmount))
    unattributed = fields.Nested(Unattributed)


class Reconciliation(Schema):
    as_of = fields.String()
    unit = fields.String()
    lines = fields.List(fields.Nested(ReconciledLine))
    findings = fields.List(fields.Dict(keys=fields.String()))


class Break(Schema):
    number = fields.Integer(attribute="id")
    kind = fields.String()
    topic = fields.String()
    partition = fields.Integer()
    offset = fields.Integer()
    event_id = fields.String(allow_none=True)
    reason = fields.String()
    found_at = Moment()


class Chain(Schema):
    chain = fields.String()
    entries = fields.Integer()
    head = fields.String()


class FirstBroken(Schema):
    chain = fields.String(allow_none=True)
    sequence = fields.Integer(allow_none=True)
    event_id = fields.String(allow_none=True)
    reason = fields.String()


class Verification(Schema):
    entries = fields.Integer()
    chains = fields.List(fields.Nested(Chain))
    valid = fields.Boolean()
    first_broken = fields.Nested(FirstBroken, allow_none=True)
