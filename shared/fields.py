"""marshmallow fields with the house's limits: whole won, whole units, plain text, ids, dates."""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Final

import marshmallow as ma
from marshmallow import validate

from shared.text import UNIQUE_IDENTIFIERS, has_invisible, is_plain, unique_identifier

LARGEST_WON: Final = 10**15  # a thousand trillion won: above the budget of any local government
LARGEST_QUANTITY: Final = 10**12
ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
NOT_AN_ID: Final = "Must be 1 to 64 letters, digits, '.', '_' or '-'."
REGION_ID_PATTERN: Final = r"^(?:[0-9]{10}|group-[A-Za-z0-9._-]{1,58})$"
NOT_A_REGION_ID: Final = (
    "Must be an administrative code of 10 digits, or for a group of regions 'group-' and 1 to 58 letters, digits, "
    "'.', '_' or '-'."
)
# The volunteers' form is public, so it is said in both languages.
NEVER_TAKEN: Final = "{korean}는 받지 않습니다. No {kind} is ever taken, and something here looks like one."
LETTERS_OF_A_SYLLABLE: Final = 3  # at most, in decomposed Hangul
NUMBER: Final = re.compile(r"[\d.,+-]*\d[\d.,+-]*")
CURRENCY: Final = re.compile(
    r"[십백천만억조]*(?:원화?|달러|유로|엔화?|위안화?|krw|usd|eur|jpy|cny|us\$|[₩$€¥])"
    r"|(?:thousand|million|billion)?won|dollars?|euros?|yen|yuan",
    re.IGNORECASE,
)


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


def check_identifies_nobody(field: ma.fields.Field[Any], text: str) -> None:
    """The number itself is not repeated: errors end up in logs."""
    if kind := unique_identifier(text):
        raise field.make_error("unique_identifier", kind=kind, korean=UNIQUE_IDENTIFIERS[kind])


class Text(ma.fields.String):
    """A line of text every database can keep: composed Hangul, nothing unseen or broken, not blank, no number that
    identifies a person.
    """

    default_error_messages = {
        "blank": "Must not be blank.",
        "long": "Longer than {longest} characters.",
        "unprintable": "Contains a control character or a broken character.",
        "invisible": "Contains an invisible character, such as a space without width or a turn of direction.",
        "unique_identifier": NEVER_TAKEN,
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
        if len(text) <= self.longest * LETTERS_OF_A_SYLLABLE:  # composing a very long text would take minutes
            text = unicodedata.normalize("NFC", text)
        if len(text) > self.longest:  # as it was sent, with the blanks around it
            raise self.make_error("long", longest=self.longest)
        if not text.strip():
            raise self.make_error("blank")
        if not is_plain(text, allowed_controls=self.allowed_controls):
            raise self.make_error("unprintable")
        if has_invisible(text):
            raise self.make_error("invisible")
        check_identifies_nobody(self, text)
        return text.strip()


class Unit(Text):
    """What goods are counted in: 동, 개, kg. Never money, which is another kind of thing."""

    default_error_messages = {
        "number": "A unit is a word such as 개 or kg, not a number.",
        "currency": "Money is no unit of goods: it is counted in won and spent from a fund.",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(20, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        unit = super()._deserialize(value, attr, data, **options)
        bare = "".join(unicodedata.normalize("NFKC", unit).split())
        if NUMBER.fullmatch(bare):
            raise self.make_error("number")
        if CURRENCY.fullmatch(bare):
            raise self.make_error("currency")
        return unit


class Identifier(ma.fields.String):
    """An opaque id or a code chosen by the caller: 1 to 64 letters, digits, dots, hyphens, underscores."""

    pattern: ClassVar = ID_PATTERN
    default_error_messages = {"form": NOT_AN_ID, "unique_identifier": NEVER_TAKEN}

    def __init__(self, **options: Any) -> None:
        options["metadata"] = {"pattern": self.pattern} | options.get("metadata", {})
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **options)
        if not re.fullmatch(self.pattern, text):  # all of it: `$` alone also matches before a line break at the end
            raise self.make_error("form")
        check_identifies_nobody(self, text)
        return text


class RegionId(Identifier):
    """A region by its administrative code (행정표준코드), or a group of regions by a code chosen here."""

    pattern: ClassVar = REGION_ID_PATTERN
    default_error_messages = {"form": NOT_A_REGION_ID}


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
