"""Events: typed payloads inside a CloudEvents 1.0 envelope, as canonical bytes.

Payloads and envelope are msgspec structs: what is checked when an event is read, its JSON Schema and its bytes come
from one definition. Readers ignore fields they do not know.
"""

import builtins
import functools
import hashlib
import json
from collections.abc import Hashable
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from shared.text import is_plain

END: Final = r"\Z"  # `$` would let a line break pass in Python; elsewhere it is what ends a pattern

PLAIN: Final = r"[^\x00-\x1f\x7f-\x9f]*"
LARGEST_WON: Final = 10**15  # a thousand trillion won: above the budget of any local government
LARGEST_QUANTITY: Final = 10**12
LONGEST_EVENT_BYTES: Final = 1_000_000

Id = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}{END}", max_length=64)]
Code = Annotated[str, Meta(pattern=rf"^{PLAIN}{END}", min_length=1, max_length=64)]  # a word of a fixed vocabulary
Name = Annotated[str, Meta(pattern=rf"^{PLAIN}{END}", min_length=1, max_length=200)]
Unit = Annotated[str, Meta(pattern=rf"^{PLAIN}{END}", min_length=1, max_length=20)]
Note = Annotated[str, Meta(max_length=4000)]
Digest = Annotated[str, Meta(pattern=rf"^[0-9a-f]{{64}}{END}")]
Won = Annotated[int, Meta(ge=-LARGEST_WON, le=LARGEST_WON)]
Quantity = Annotated[int, Meta(ge=-LARGEST_QUANTITY, le=LARGEST_QUANTITY)]
Year = Annotated[int, Meta(ge=1900, le=2200)]
Moment = Annotated[datetime, Meta(tz=True)]
Key = Annotated[str, Meta(min_length=1, max_length=64)]  # of the envelope, whose texts are looked at in one go
EventType = Annotated[str, Meta(min_length=1, max_length=100)]

T = TypeVar("T")


class MalformedEvent(Exception):
    """The bytes are not an event of Dure; the message says why."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what payloads are made of; field names are the field names on the wire."""


class Payload(Part, frozen=True, kw_only=True):
    """Base of the structs in each service's `events.py`."""

    TYPE: ClassVar[str]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One fact as it travels: `account` did it for the body `body_id`.

    `time` is when it was recorded, `effective_date` when it took effect.
    """

    specversion: Literal["1.0"]
    datacontenttype: Literal["application/json"]
    id: Key
    source: Key
    type: EventType
    time: Moment
    subject: Key
    effective_date: date = msgspec.field(name="effectivedate")
    account: Key
    body_id: Key = msgspec.field(name="actingbody")
    correlation_id: Key = msgspec.field(name="correlationid")
    causation_id: Key | None = msgspec.field(name="causationid")
    aggregate_version: Annotated[int, Meta(ge=1, le=2**53)] = msgspec.field(name="aggregateversion")
    data: msgspec.Raw

    @classmethod
    def of(cls, **attributes: Any) -> "Event":
        """An event of the one form there is."""
        return cls(specversion="1.0", datacontenttype="application/json", **attributes)

    def to_bytes(self) -> bytes:
        return canonical_json(self)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Event":
        """Raises MalformedEvent. What `data` says is read by whoever knows the type: see `Event.payload`."""
        if len(raw) > LONGEST_EVENT_BYTES:
            raise MalformedEvent(f"{len(raw):,} bytes, more than {LONGEST_EVENT_BYTES:,}")
        event = _decoded(ENVELOPE, raw)
        texts = f"{event.id}{event.source}{event.type}{event.subject}{event.account}{event.body_id}"
        if not is_plain(f"{texts}{event.correlation_id}{event.causation_id}"):
            raise MalformedEvent("an attribute contains a control character or a broken character")
        if bytes(memoryview(event.data)[:1]) != b"{":
            raise MalformedEvent("data is not an object")
        return event

    def payload(self, kind: "builtins.type[T]") -> T:
        """`data` read strictly as `kind`. Raises MalformedEvent."""
        return read_data(kind, self.data)


def canonical_json(value: Any) -> bytes:
    """The one way to write a value: sorted keys, no spaces, UTF-8."""
    return CANONICAL.encode(value)


def content_hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def written(payload: Payload) -> msgspec.Raw:
    """The canonical bytes of a payload, read back once: what no reader would accept is never sent.

    Raises MalformedEvent.
    """
    data = msgspec.Raw(canonical_json(payload))
    read_data(type(payload), data)
    return data


def read_data(kind: type[T], data: bytes | msgspec.Raw) -> T:
    """Raises MalformedEvent."""
    decoder: msgspec.json.Decoder[T] = decoder_of(kind)  # type: ignore[arg-type]  # a type is hashable
    return _decoded(decoder, data)


class CountedLine(Part, frozen=True, kw_only=True):
    quantity: int = 0


class Counted(Part, frozen=True, kw_only=True):
    """Whatever a payload has to count."""

    amount_won: int | None = None
    quantity: int | None = None
    lines: tuple[CountedLine, ...] = ()

    @property
    def control_amount(self) -> int:
        """What both sides of a topic add up to compare: the amount, the quantity, or the lines' quantities."""
        if self.amount_won is not None:
            return self.amount_won
        if self.quantity is not None:
            return self.quantity
        return sum(line.quantity for line in self.lines)


def json_schema(payload: type[Payload]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a payload. Readers ignore what they do not know, so extra fields pass."""
    (reference,), components = msgspec.json.schema_components([payload], ref_template="#/$defs/{name}")
    parts = dict(components)
    whole = parts.pop(reference["$ref"].rpartition("/")[2])
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **whole,
        "title": payload.TYPE,
        "description": " ".join((payload.__doc__ or "").split()),
        **({"$defs": parts} if parts else {}),
    }
    portable: dict[str, Any] = json.loads(json.dumps(schema).replace(json.dumps(END)[1:-1], "$"))
    return portable


def _decoded(decoder: "msgspec.json.Decoder[T]", raw: bytes | msgspec.Raw) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise MalformedEvent(str(error)) from error


@functools.cache
def decoder_of(kind: Hashable) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(kind)


# Built once: a coder of its own for every event would cost more than its work.
CANONICAL: Final = msgspec.json.Encoder(order="sorted")
ENVELOPE: Final = msgspec.json.Decoder(Event)
