"""What the ledger API takes and gives. Amounts are whole won, rates are text with one decimal."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from services.ledger.domain import Kind
from shared.fields import Day, Identifier, Moment, Schema, Text


class ReportQuery(Schema):
    as_of = Day(metadata={"description": "facts in effect by this day in Korea; today if left out"})
    known_at = Moment(metadata={"description": "only what was recorded by this moment"})


class SkipQuery(Schema):
    limit = fields.Integer(load_default=1000, validate=[validate.Range(min=1, max=10_000)])
    after = fields.Integer(
        load_default=0,
        validate=[validate.Range(min=0, max=2**53)],
        metadata={"description": "how many rows to pass over: `next` of the page before"},
    )


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
    fund_id = Identifier()
    fund_name = fields.String()
    fund_english_name = fields.String(allow_none=True)
    fiscal_year = fields.Integer()
    line_id = Identifier()
    line_name = fields.String()
    line_english_name = fields.String(allow_none=True)


class ExecutionRow(Figures, LineOfReport):
    """One budget line; what it is called comes before its figures."""


class ExecutionReport(Schema):
    report = fields.String()
    as_of = fields.String()
    known_at = fields.String(allow_none=True)
    unit = fields.String()
    rows = fields.List(fields.Nested(ExecutionRow))
    totals = fields.Nested(Figures)


class EntriesQuery(SkipQuery):
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
    fund_id = fields.String()
    fiscal_year = fields.Integer()
    region_id = fields.String()
    party_id = fields.String()
    relief_stage = fields.String()
    amount = fields.Integer(metadata={"description": "positive is debit, negative is credit"})


class EntrySummary(Schema):
    number = fields.Integer()
    name = fields.String(metadata={"description": "the service that told the fact, the partition, its place there"})
    event_id = fields.String()
    event_type = fields.String()
    subject = fields.String()
    account = fields.String()
    body_id = fields.String()
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


class TraceQuery(Schema):
    kind = fields.String(validate=[validate.OneOf(["event", "entry", *(kind.value for kind in Kind)])])


class TracedEvent(Schema):
    id = fields.String()
    type = fields.String()
    time = Moment()
    effective_date = Day()
    subject = fields.String()
    subject_kind = fields.String()
    account = fields.String()
    body_id = fields.String()
    correlation_id = fields.String()
    aggregate_version = fields.Integer()
    data = fields.Dict(keys=fields.String())
    topic = fields.String()
    partition = fields.Integer()
    offset = fields.Integer()


class Trace(Schema):
    id = fields.String()
    kind = fields.String()
    events = fields.List(fields.Nested(TracedEvent))
    entries = fields.List(fields.Nested(Entry))
    truncated = fields.Boolean()


class GoodsItem(Schema):
    item_id = fields.String()
    item_name = fields.String()
    item_english_name = fields.String(allow_none=True)
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
    title = fields.String()
    english_title = fields.String(allow_none=True)
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


class Count(Schema):
    kind = fields.String()
    id = fields.String()
    measure = fields.String()
    amount = fields.Integer()


class Counts(Schema):
    items = fields.List(fields.Nested(Count))
    next = fields.Integer(allow_none=True)


class Break(Schema):
    id = fields.String()
    break_kind = fields.String()
    topic = fields.String()
    partition = fields.Integer()
    offset = fields.Integer()
    event_id = fields.String(allow_none=True)
    reason = fields.String()
    sentence = fields.String()
    english_sentence = fields.String()
    found_at = Moment()
    owner = fields.String(metadata={"description": "the publishing service until somebody is named"})
    is_open = fields.Boolean()
    resolution = fields.String(allow_none=True)
    resolved_by = fields.String(allow_none=True)


class Breaks(Schema):
    items = fields.List(fields.Nested(Break))


class RetakenBreak(Schema):
    break_id = fields.String(attribute="break", data_key="break")
    number = fields.Integer()
    event_id = fields.String()


class Retaken(Schema):
    items = fields.List(fields.Nested(RetakenBreak))


class NewNote(Schema):
    action = fields.String(required=True, validate=[validate.OneOf(["assign", "explain", "reopen"])])
    owner = Identifier(metadata={"description": "the account that looks after it"})
    reason = Text(1000, multiline=True, required=True)

    @validates_schema
    def check_owner(self, data: dict[str, Any], **_: Any) -> None:
        if data["action"] == "assign" and "owner" not in data:
            raise ValidationError("Who looks after it? An assignment names its owner.", "owner")


class Note(Schema):
    number = fields.Integer()
    difference = fields.String()
    action = fields.String()
    owner = fields.String(allow_none=True)
    reason = fields.String()
    account = fields.String()
    recorded_at = Moment()


class Notes(Schema):
    items = fields.List(fields.Nested(Note))


class Chain(Schema):
    chain = fields.String()
    links = fields.Integer()
    head = fields.String()


class Misfit(Schema):
    table = fields.String()
    row = fields.String()
    reason = fields.String()


class Verification(Schema):
    links = fields.Integer()
    chains = fields.List(fields.Nested(Chain))
    valid = fields.Boolean()
    findings = fields.List(fields.Nested(Misfit), metadata={"description": "the first hundred"})
    found = fields.Integer()


class ChainHead(Schema):
    chain = fields.Integer()
    topic = fields.String()
    partition = fields.Integer()
    sequence = fields.Integer()
    hash = fields.String()


class Numbered(Schema):
    number = fields.Integer()
    hash = fields.String()


class Anchor(Schema):
    version = fields.Integer()
    number = fields.Integer()
    made_at = fields.String()
    chains = fields.List(fields.Nested(ChainHead))
    postings = fields.Nested(Numbered)
    notes = fields.Nested(Numbered)


class SignedAnchor(Schema):
    anchor = fields.Nested(Anchor)
    key = fields.String()
    signature = fields.String()
