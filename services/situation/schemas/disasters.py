"""Disasters, bodies, contacts and the log on the wire."""

from marshmallow import fields

from services.situation.domain.disasters import BasisKind, BodyKind, Duty, Stage
from services.situation.schemas.parts import (
    Recorded,
    day,
    new_english_name,
    new_name,
    one_of,
    own_code,
    some_regions,
    why,
)
from shared.fields import Day, Identifier, PageQuery, RegionId, Schema, Text


class Basis(Schema):
    """All three or none."""

    basis_kind = one_of(BasisKind, load_default=None, allow_none=True)
    basis_reference = Text(200, load_default=None, allow_none=True, metadata={"description": "the document"})
    basis_date = Day(load_default=None, allow_none=True, metadata={"description": "the day of the document"})


class DisasterFacts(Schema):
    kind = Text(40, required=True, metadata={"description": "for example wildfire"})
    began_on = Day(required=True)


class NewDisaster(DisasterFacts, Basis):
    id = own_code()
    name = new_name()
    english_name = new_english_name()
    region_ids = some_regions(load_default=list, metadata={"description": "affected regions or groups of them"})
    effective_date = day()


class DisasterCorrection(DisasterFacts):
    reason = why()


class NewBasis(Basis):
    effective_date = day()


class NewRegions(Schema):
    region_ids = some_regions(required=True, metadata={"description": "every affected region or group of them"})
    effective_date = day()


class NewStage(Schema):
    stage = one_of(Stage, required=True)
    note = Text(1000, multiline=True, metadata={"description": "public, like the stage"})
    effective_date = day()


class StageCorrection(Schema):
    stage = one_of(Stage, required=True)
    reason = why()


class StageReached(Recorded):
    stage = one_of(Stage)
    note = fields.String(allow_none=True, metadata={"description": "of a correction, its reason"})
    is_correction = fields.Boolean()


class DisasterSummary(Recorded):
    number = fields.Integer()
    id = Identifier()
    name = fields.String()
    english_name = fields.String(allow_none=True)
    named_on = Day()
    kind = fields.String()
    began_on = Day()
    region_ids = fields.List(RegionId())
    regions_effective_date = Day()
    basis_kind = one_of(BasisKind, allow_none=True)
    basis_reference = fields.String(allow_none=True)
    basis_date = Day(allow_none=True)
    stage = one_of(Stage)
    stage_effective_date = Day()
    version = fields.Integer()


class TaskForceMember(Recorded):
    body_id = Identifier()
    name = fields.String()
    english_name = fields.String(allow_none=True)
    kind = one_of(BodyKind)
    first_day = Day()
    last_day = Day(allow_none=True)


class Disaster(DisasterSummary):
    stages = fields.List(fields.Nested(StageReached))
    bodies = fields.List(fields.Nested(TaskForceMember))


class NewMember(Schema):
    body_id = Identifier(required=True)
    first_day = day()
    last_day = Day(load_default=None, allow_none=True)


class LastDay(Schema):
    last_day = Day(metadata={"description": "today if left out"})


class BodyFacts(Schema):
    kind = one_of(BodyKind, required=True)
    region_id = RegionId(load_default=None, allow_none=True)


class NewBody(BodyFacts):
    id = own_code()
    name = new_name()
    english_name = new_english_name()
    effective_date = day()


class BodyCorrection(BodyFacts):
    reason = why()


class Body(Recorded):
    number = fields.Integer()
    id = Identifier()
    name = fields.String()
    english_name = fields.String(allow_none=True)
    named_on = Day()
    kind = one_of(BodyKind)
    region_id = RegionId(allow_none=True)
    version = fields.Integer()


class NewContact(Schema):
    id = own_code()
    body_id = Identifier(required=True)
    duty = one_of(Duty, required=True)
    section = Text(100, required=True)
    name = new_name(100)
    phone = Text(40, required=True, metadata={"description": "an office number"})
    first_day = day()
    last_day = Day(load_default=None, allow_none=True)


class Contact(Recorded):
    number = fields.Integer()
    id = Identifier()
    body_id = Identifier()
    duty = one_of(Duty)
    section = fields.String()
    name = fields.String()
    phone = fields.String()
    first_day = Day()
    last_day = Day(allow_none=True)
    version = fields.Integer()


class ContactQuery(PageQuery):
    body_id = Identifier()
    duty = one_of(Duty)
    on = Day(metadata={"description": "who is responsible on this day"})


class NewLogEntry(Schema):
    id = own_code()
    disaster_id = Identifier(required=True)
    text = Text(4000, multiline=True, required=True)
    corrects_id = Identifier(metadata={"description": "the entry that this one corrects"})
    effective_date = day()


class LogEntry(Recorded):
    number = fields.Integer()
    id = Identifier()
    disaster_id = Identifier()
    body_id = Identifier(metadata={"description": "whose entry it is"})
    text = fields.String()
    corrects_id = Identifier(allow_none=True)
    recorded_by = fields.String()


class LogQuery(PageQuery):
    disaster_id = Identifier()
    first_day = Day(metadata={"description": "entries that took effect on this day or later"})
    last_day = Day(metadata={"description": "entries that took effect on this day or earlier"})
