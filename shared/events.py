"""Events: typed payloads inside a CloudEvents 1.0 envelope, as canonical bytes."""

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Final

from shared.clock import format_utc, parse_utc
from shared.text import is_plain

SPEC_VERSION = "1.0"
LONGEST = {"id": 64, "type": 100, "subject": 64, "source": 200, "correlationid": 64}  # as the columns that keep them
REQUIRED = ("id", "source", "type", "time", "subject", "effectivedate", "correlationid", "aggregateversion", "data")


class MalformedEvent(Exception):
    """The bytes are not an event of Dure; the message says why."""


class Payload:
    """Base of the frozen dataclasses in each service's `events.py`; field names are the field names on the wire."""

    TYPE: ClassVar[str]

    def as_data(self) -> dict[str, Any]:
        return typing.cast(dict[str, Any], _plain(self))


@dataclass(frozen=True, slots=True)
class Event:
    """One fact as it travels. `time` is when it was recorded, `effective_date` when it took effect."""

    id: str
    source: str
    type: str
    time: datetime
    subject: str
    effective_date: date
    correlation_id: str
    causation_id: str | None
    aggregate_version: int
    data: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        return canonical_json(
            {
                "specversion": SPEC_VERSION,
                "datacontenttype": "application/json",
                "id": self.id,
                "source": self.source,
                "type": self.type,
                "time": format_utc(self.time),
                "subject": self.subject,
                "effectivedate": self.effective_date.isoformat(),
                "correlationid": self.correlation_id,
                "causationid": self.causation_id,
                "aggregateversion": self.aggregate_version,
                "data": self.data,
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Event":
        """Raises MalformedEvent."""
        try:
            body = WHOLE_NUMBERS_ONLY.decode(raw.decode())
        except (ValueError, RecursionError) as error:
            raise MalformedEvent(f"not JSON: {error}") from error
        if not isinstance(body, dict):
            raise MalformedEvent("not a JSON object")
        if missing := [name for name in REQUIRED if name not in body]:
            raise MalformedEvent(f"without {', '.join(missing)}")
        if body.get("specversion") != SPEC_VERSION:
            raise MalformedEvent(f"CloudEvents version {body.get('specversion')!r}, expected {SPEC_VERSION!r}")
        for name, longest in LONGEST.items():
            if not isinstance(body[name], str) or not is_plain(body[name]) or not 0 < len(body[name]) <= longest:
                raise MalformedEvent(f"{name} is not a text of 1 to {longest} plain characters")
        if not isinstance(body["data"], dict):
            raise MalformedEvent("data is not an object")
        if type(body["aggregateversion"]) is not int:
            raise MalformedEvent("aggregateversion is not a whole number")
        try:
            return cls(
                id=body["id"],
                source=body["source"],
                type=body["type"],
                time=parse_utc(body["time"]),
                subject=body["subject"],
                effective_date=date.fromisoformat(body["effectivedate"]),
                correlation_id=body["correlationid"],
                causation_id=body.get("causationid"),
                aggregate_version=body["aggregateversion"],
                data=body["data"],
            )
        except (TypeError, ValueError) as error:
            raise MalformedEvent(str(error)) from error


def canonical_json(value: Any) -> bytes:
    """The one way to write a value: sorted keys, no spaces, UTF-8. Refuses floats, which would not be one way."""
    return canonical_json_of_plain(_plain(value))


def canonical_json_of_plain(value: Any) -> bytes:
    """As `canonical_json`, for what is made of texts, whole numbers, lists and dicts already: many times faster."""
    return CANONICAL.encode(value).encode()


def content_hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value.value if isinstance(value, StrEnum) else value
        case float():
            raise TypeError(f"{value!r} is a float: amounts are whole numbers")
        case datetime():
            return format_utc(value)
        case date():
            return value.isoformat()
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} cannot be written as canonical JSON")


def _refuse_float(text: str) -> float:
    raise ValueError(f"{text} is not a whole number")


# Built once: the module's functions `loads` and `dumps` would build them anew for every event.
WHOLE_NUMBERS_ONLY: Final = json.JSONDecoder(parse_float=_refuse_float, parse_constant=_refuse_float)
CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def control_amount(data: Mapping[str, Any]) -> int:
    """What both sides of a topic add up to compare: the amount, the quantity, or the sum of the lines' quantities."""
    for name in ("amount_won", "quantity"):
        if type(data.get(name)) is int:
            return int(data[name])
    lines = data.get("lines")
    if not isinstance(lines, list):
        return 0
    return sum(line["quantity"] for line in lines if isinstance(line, dict) and type(line.get("quantity")) is int)


def json_schema(payload: type[Any]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a payload dataclass. Readers ignore what they do not know, so extra fields pass."""
    hints = typing.get_type_hints(payload)
    names = [field.name for field in dataclasses.fields(payload)]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _type_schema(hints[name]) for name in names},
        "required": names,
    }
    if title := getattr(payload, "TYPE", None):
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": title,
            "description": " ".join((payload.__doc__ or "").split()),
        } | schema
    return schema


def _type_schema(hint: Any) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return {"anyOf": [_type_schema(inner), {"type": "null"}]}
    if origin in (list, tuple):
        return {"type": "array", "items": _type_schema(arguments[0])}
    if dataclasses.is_dataclass(hint):
        return json_schema(typing.cast("type[Any]", hint))
    return dict(SIMPLE_TYPES[hint])


SIMPLE_TYPES: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
}
