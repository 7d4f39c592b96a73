"""marshmallow fields with the house's limits: whole won, whole units, plain text, ids, dates."""

from datetime import UTC, date, datetime
from typing import Any, Final

import marshmallow as ma
from marshmallow import validate

from shared.text import is_plain

LARGEST_WON: Final = 10**15  # a thousand trillion won: above the budget of any local government
LARGEST_QUANTITY: Final = 10**12
ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
NOT_AN_ID: Final = "Must be 1 to 64 letters, digits, '.', '_' or '-'."


class Schema(ma.Schema):
    """Base of every schema: an unknown field is an error, and fields keep their order."""

    class Meta:
        unknown = ma.RAISE


class WholeNumber(ma.fields.Integer):
    """A JSON whole number within limits. Refuses 1.5, 1.0, "1" and true alike."""

    default_error_messages = {"not_whole": "Must be a whole number, without fraction or quotes."}

    def __init__(self, *, low: int, high: int, **options: Any) -> None:
        super().__init__(strict=True, validate=[validate.Range(min=low, max=high)], **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if type(value) is not int:
            raise self.make_error("not_whole")
        return value


def won(*, low: int = 1, **options: Any) -> WholeNumber:
    """An amount in won; positive unless `low` says otherwise."""
    return WholeNumber(low=low, high=LARGEST_WON, **options)


def quantity(*, low: int = 1, **options: Any) -> WholeNumber:
    """A quantity in whole units of its item."""
    return WholeNumber(low=low, high=LARGEST_QUANTITY, **options)


class Text(ma.fields.String):
    """A line of text every database can keep: no control characters, no broken surrogates, not blank."""

    default_error_messages = {
        "blank": "Must not be blank.",
        "long": "Longer than {longest} characters.",
        "unprintable": "Contains a control character or a broken character.",
    }

    def __init__(self, longest: int = 200, *, multiline: bool = False, **options: Any) -> None:
        self.longest = longest
        self.allowed_controls = "\n\t" if multiline else ""
        # For readers of the OpenAPI document; what is checked is below, with a sentence of its own.
        allowed = r"\n\t" if multiline else ""
        plain = rf"[{allowed}\x20-\x7e\xa0-\uffff]"
        options["metadata"] = {"pattern": rf"^{plain}*\S{plain}*$"} | options.get("metadata", {})
        super().__init__(validate=[validate.Length(min=1, max=longest)], **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if len(text) > self.longest:  # as it was sent, with the blanks around it
            raise self.make_error("long", longest=self.longest)
        if not text.strip():
            raise self.make_error("blank")
        if not is_plain(text, allowed_controls=self.allowed_controls):
            raise self.make_error("unprintable")
        return text.strip()


class Identifier(ma.fields.String):
    """An opaque id or a code chosen by the caller: 1 to 64 letters, digits, dots, hyphens, underscores."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Regexp(ID_PATTERN, error=NOT_AN_ID), check_is_one_line], **options)


def check_is_one_line(text: str) -> None:
    """`$` also matches before a line break at the end, and no such id could be asked for in a path."""
    if text.endswith("\n"):
        raise ma.ValidationError(NOT_AN_ID)


class Day(ma.fields.Date):
    """A calendar date, YYYY-MM-DD and nothing else."""

    default_error_messages = {"invalid": "Not a valid date: write YYYY-MM-DD."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> date:
        if not isinstance(value, str) or len(value) != 10 or value[4] != "-" or value[7] != "-":
            raise self.make_error("invalid", input=value, obj_type="date")
        return super()._deserialize(value, attr, data, **options)


class Moment(ma.fields.AwareDateTime):
    """RFC 3339 with a time zone; kept and shown in UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        moment: datetime = super()._deserialize(value, attr, data, **options)
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from error


class Empty(Schema):
    """No fields at all."""


class PageQuery(Schema):
    limit = ma.fields.Integer(
        load_default=100, validate=[validate.Range(min=1, max=1000)], metadata={"description": "how many items at most"}
    )
    after = ma.fields.Integer(
        load_default=0,
        validate=[validate.Range(min=0, max=2**62)],
        metadata={"description": "`next` of the page before"},
    )


def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of one page of `item`."""
    page: type[Schema] = Schema.from_dict(  # type: ignore[assignment]  # it derives from the class it is called on
        {
            "items": ma.fields.List(ma.fields.Nested(item), required=True),
            "next": ma.fields.Integer(allow_none=True, metadata={"description": "give as `after` for the next page"}),
        },
        name=f"{item.__name__}Page",
    )
    return page
