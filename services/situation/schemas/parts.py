"""Parts that many schemas share."""

from enum import StrEnum
from typing import Any, Final

from marshmallow import fields, validate

from shared.dating import is_late
from shared.fields import Day, Identifier, Moment, RegionId, Schema, Text

WHEN: Final = "the day it took effect in Korea; today if left out"
OWN_CODE: Final = "a code of your own; chosen by the system if left out"
MOST_REGIONS: Final = 300  # more than there are cities, counties and districts


def day(**options: Any) -> Day:
    return Day(metadata={"description": WHEN}, **options)


def own_code() -> Identifier:
    return Identifier(metadata={"description": OWN_CODE})


def one_of(choices: type[StrEnum], **options: Any) -> fields.String:
    """A word of a fixed vocabulary."""
    words = [choice.value for choice in choices]
    return fields.String(validate=[validate.OneOf(words)], **options)


def new_name(longest: int = 200) -> Text:
    return Text(longest, required=True)


def new_english_name() -> Text:
    return Text(200, load_default=None, allow_none=True)


def why() -> Text:
    return Text(1000, required=True, multiline=True)


def some_regions(**options: Any) -> fields.List[str]:
    return fields.List(RegionId(), validate=[validate.Length(max=MOST_REGIONS)], **options)


class Late(fields.Boolean):
    """Whether what stands beside it was recorded on a later day than it took effect."""

    _CHECK_ATTRIBUTE = False

    def __init__(self) -> None:
        super().__init__(dump_only=True, metadata={"description": " ".join((type(self).__doc__ or "").split())})

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> bool:
        return is_late(obj["effective_date"], obj["recorded_at"])


class Recorded(Schema):
    """The two dates of a fact."""

    effective_date = Day()
    recorded_at = Moment()
    late = Late()


class NewName(Schema):
    name = new_name()
    english_name = new_english_name()
    effective_date = day()
