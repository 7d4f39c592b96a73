"""What the situation API takes and gives."""

import unicodedata
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields, validate

from services.situation.domain import BodyKind, Duty, SiteKind, Stage
from shared.auth import Role
from shared.fields import Day, Identifier, Moment, PageQuery, Schema, Text

WHEN = "the day it took effect in Korea; today unless the import role gives an earlier one"
OWN_CODE = "a code of your own; chosen by the system if left out"
LONGEST_PASSWORD = 200


def day(**options: Any) -> Day:
    return Day(metadata={"description": WHEN}, **options)


def own_code() -> Identifier:
    return Identifier(metadata={"description": OWN_CODE})


def one_of(choices: type[StrEnum], **options: Any) -> fields.String:
    return fields.String(validate=[validate.OneOf([choice.value for choice in choices])], **options)


class Password(fields.String):
    """Kept exactly as typed, spaces included; composed Hangul, so that every keyboard means the same password."""

    def __init__(self, *, shortest: int, **options: Any) -> None:
        limits: list[Callable[[str], Any]] = [validate.Length(min=shortest, max=LONGEST_PASSWORD), check_is_text]
        super().__init__(validate=limits, load_only=True, required=True, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        return unicodedata.normalize("NFC", super()._deserialize(value, attr, data, **options))


def check_is_text(text: str) -> None:
    """JSON can carry halves of characters, which no hash accepts."""
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise ValidationError("Contains a broken character.")


class Credentials(Schema):
    account = Identifier(required=True)
    password = Password(shortest=1)


class Token(Schema):
    token = fields.String(metadata={"description": "send as `Authorization: Bearer …`"})
    account = Identifier()
    display_name = fields.String()
    roles = fields.List(one_of(Role))
    body_id = Identifier(allow_none=True)
    expires_at = Moment()


class NewAccount(Schema):
    id = Identifier(required=True, metadata={"description": "what is typed to sign in; the only name events carry"})
    display_name = Text(100, required=True)
    password = Password(shortest=10)
    roles = fields.List(one_of(Role), required=True, validate=[validate.Length(min=1, max=len(Role))])
    body_id = Identifier(allow_none=True)


class Account(Schema):
    number = fields.Integer()
    id = Identifier()
    display_name = fields.String()
    roles = fields.List(one_of(Role))
    body_id = Identifier(allow_none=True)
    recorded_at = Moment()


class NewDisaster(Schema):
    id = own_code()
    name = Text(200, required=True)
    kind = Text(40, required=True, metadata={"description": "for example wildfire"})
    began_on = Day(required=True)
    effective_date = day()


class DisasterSummary(Schema):
    number = fields.Integer()
    id = Identifier()
    name = fields.String()
    kind = fields.String()
    began_on = Day()
    stage = one_of(Stage)
    stage_effective_date = Day()
    effective_date = Day()
    version = fields.Integer()


class NewStage(Schema):
    stage = one_of(Stage, required=True)
    note = Text(1000, multiline=True, metadata={"description": "public, like the stage"})
    effective_date = day()


class StageReached(Schema):
    stage = one_of(Stage)
    note = fields.String(allow_none=True)
    effective_date = Day()
    recorded_at = Moment()


class Disaster(DisasterSummary):
    stages = fields.List(fields.Nested(StageReached))


class NewBody(Schema):
    id = own_code()
    name = Text(200, required=True)
    kind = one_of(BodyKind, required=True)
    disaster_id = Identifier(required=True)


class Body(Schema):
    number = fields.Integer()
    id = Identifier()
    name = fields.String()
    kind = one_of(BodyKind)
    disaster_id = Identifier()


class BodyQuery(PageQuery):
    disaster_id = Identifier()


class NewRegion(Schema):
    id = own_code()
    name = Text(100, required=True)
    province = Text(100, required=True)


class Region(Schema):
    number = fields.Integer()
    id = Identifier()
    name = fields.String()
    province = fields.String()


class NewSite(Schema):
    id = own_code()
    region_id = Identifier(required=True)
    name = Text(200, required=True)
    kind = one_of(SiteKind, required=True)


class Site(Schema):
    number = fields.Integer()
    id = Identifier()
    region_id = Identifier()
    name = fields.String()
    kind = one_of(SiteKind)


class SiteQuery(PageQuery):
    region_id = Identifier()


class NewContact(Schema):
    id = own_code()
    body_id = Identifier(required=True)
    duty = one_of(Duty, required=True)
    section = Text(100, required=True)
    name = Text(100, required=True)
    phone = Text(40, required=True, metadata={"description": "an office number"})


class Contact(Schema):
    number = fields.Integer()
    id = Identifier()
    body_id = Identifier()
    duty = one_of(Duty)
    section = fields.String()
    name = fields.String()
    phone = fields.String()


class ContactQuery(PageQuery):
    body_id = Identifier()


class NewLogEntry(Schema):
    id = own_code()
    disaster_id = Identifier(required=True)
    text = Text(4000, multiline=True, required=True)
    effective_date = day()


class LogEntry(Schema):
    number = fields.Integer()
    id = Identifier()
    disaster_id = Identifier()
    text = fields.String()
    effective_date = Day()
    recorded_at = Moment()
    recorded_by = fields.String()


class LogQuery(PageQuery):
    disaster_id = Identifier()
    first_day = Day(metadata={"description": "entries that took effect on this day or later"})
    last_day = Day(metadata={"description": "entries that took effect on this day or earlier"})
