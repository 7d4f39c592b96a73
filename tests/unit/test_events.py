"""The envelope: one canonical form, and nothing unreadable gets through."""

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import (
    LONGEST_EVENT_BYTES,
    Counted,
    Event,
    Id,
    MalformedEvent,
    Moment,
    Name,
    Part,
    Payload,
    Quantity,
    Won,
    canonical_json,
    json_schema,
    read_data,
    written,
)
from tests.support import fact

EVENT = fact("disbursement.payment_made.v1", {"amount_won": 3_700_000_000, "region_id": "4700000000"})


class Paid(Payload, frozen=True, kw_only=True):
    """A payment
    was made.
    """

    TYPE = "t.paid.v1"
    payment_id: Id
    amount_won: Won
    note: Name | None
    days: list[date]
    at: Moment | None = None


PAID = Paid(payment_id="p1", amount_won=5, note=None, days=[date(2025, 4, 11)])


def test_an_event_survives_the_wire() -> None:
    assert Event.from_bytes(EVENT.to_bytes()).to_bytes() == EVENT.to_bytes()


def test_the_bytes_of_an_event_do_not_depend_on_the_order_of_its_fields() -> None:
    assert canonical_json({"b": 1, "a": {"d": 2, "c": 3}}) == b'{"a":{"c":3,"d":2},"b":1}'


def test_an_event_says_who_did_it_for_which_body() -> None:
    body = json.loads(EVENT.to_bytes())
    assert (body["account"], body["actingbody"]) == ("x", "city")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", "x" * 65),
        ("id", 5),
        ("subject", "a\x00b"),
        ("subject", "a\nb"),
        ("account", None),
        ("actingbody", ""),
        ("time", "2025-04-07T00:00:00"),
        ("effectivedate", "2025-02-30"),
        ("aggregateversion", "1"),
        ("aggregateversion", True),
        ("aggregateversion", 0),
        ("data", []),
        ("data", None),
        ("specversion", "0.3"),
        ("datacontenttype", "text/plain"),
    ],
)
def test_an_event_with_a_bad_attribute_is_malformed(field: str, value: Any) -> None:
    body = json.loads(EVENT.to_bytes()) | {field: value}
    with pytest.raises(MalformedEvent):
        Event.from_bytes(json.dumps(body).encode())


@pytest.mark.parametrize("field", sorted(json.loads(EVENT.to_bytes())))
def test_an_event_without_an_attribute_is_malformed(field: str) -> None:
    body = json.loads(EVENT.to_bytes())
    del body[field]
    with pytest.raises(MalformedEvent):
        Event.from_bytes(json.dumps(body).encode())


def test_an_event_above_the_limit_is_malformed() -> None:
    with pytest.raises(MalformedEvent, match="bytes"):
        Event.from_bytes(fact("t.x.v1", {"note": "x" * LONGEST_EVENT_BYTES}).to_bytes())


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedEvent):
        Event.from_bytes(raw)


@pytest.mark.parametrize(
    "data",
    [
        {"amount_won": 1.5},
        {"amount_won": "5"},
        {"amount_won": 10**15 + 1},
        {"amount_won": 10**400},
        {"payment_id": "with blank"},
        {"payment_id": "line\n"},
        {"note": "x" * 201},
        {"note": "tab\tinside"},
        {"days": "2025-04-11"},
        {"at": "2025-04-11T00:00:00"},
    ],
    ids=lambda data: str(data)[:40],
)
def test_a_payload_is_read_strictly_and_within_limits(data: dict[str, Any]) -> None:
    whole = json.loads(canonical_json(PAID)) | data
    with pytest.raises(MalformedEvent):
        read_data(Paid, json.dumps(whole).encode())


def test_a_reader_ignores_what_it_does_not_know() -> None:
    whole = json.loads(canonical_json(PAID)) | {"colour": "blue"}
    assert read_data(Paid, json.dumps(whole).encode()) == PAID


def test_what_no_reader_would_accept_is_never_written() -> None:
    with pytest.raises(MalformedEvent, match="amount_won"):
        written(msgspec.structs.replace(PAID, amount_won=1.5))
    with pytest.raises(MalformedEvent, match="payment_id"):
        written(msgspec.structs.replace(PAID, payment_id="안동"))


@pytest.mark.parametrize(
    ("data", "amount"),
    [
        ({"amount_won": 5, "quantity": 7}, 5),
        ({"quantity": 7}, 7),
        ({"lines": [{"quantity": 2}, {"quantity": 3}]}, 5),
        ({"name": "x"}, 0),
    ],
)
def test_the_control_amount_is_the_amount_the_quantity_or_the_sum_of_lines(data: dict[str, Any], amount: int) -> None:
    assert fact("t.x.v1", data).payload(Counted).control_amount == amount


def test_a_payload_describes_itself_as_json_schema() -> None:
    class Shipped(Payload, frozen=True, kw_only=True):
        """Goods left."""

        TYPE = "t.shipped.v1"
        lines: list["ShippedLine"]

    schema = json_schema(Paid)
    assert (schema["title"], schema["description"]) == ("t.paid.v1", "A payment was made.")
    assert schema["properties"]["amount_won"] == {"type": "integer", "minimum": -(10**15), "maximum": 10**15}
    assert schema["properties"]["note"]["anyOf"][1] == {"type": "null"}
    assert schema["properties"]["days"]["items"] == {"type": "string", "format": "date"}
    assert schema["required"] == ["payment_id", "amount_won", "note", "days"]
    assert json_schema(Shipped)["$defs"]["ShippedLine"]["properties"].keys() == {"quantity"}


class ShippedLine(Part, frozen=True, kw_only=True):
    quantity: Quantity
