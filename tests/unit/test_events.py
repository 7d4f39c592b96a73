"""The envelope: one canonical form, and nothing unreadable gets through."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import Event, MalformedEvent, Payload, canonical_json, control_amount, json_schema

EVENT = Event(
    id="e1",
    source="/dure/disbursement",
    type="disbursement.payment_made.v1",
    time=datetime(2025, 4, 7, 1, 2, 3, 4, tzinfo=UTC),
    subject="s1",
    effective_date=date(2025, 4, 7),
    correlation_id="c1",
    causation_id=None,
    aggregate_version=5,
    data={"amount_won": 3_700_000_000, "region": "경상북도"},
)


def test_an_event_survives_the_wire() -> None:
    assert Event.from_bytes(EVENT.to_bytes()) == EVENT


def test_the_bytes_of_an_event_do_not_depend_on_the_order_of_its_fields() -> None:
    assert canonical_json({"b": 1, "a": {"d": 2, "c": 3}}) == b'{"a":{"c":3,"d":2},"b":1}'


def test_a_float_is_refused_on_both_sides() -> None:
    with pytest.raises(TypeError, match="float"):
        canonical_json({"amount_won": 1.5})
    with pytest.raises(MalformedEvent, match="whole number"):
        Event.from_bytes(EVENT.to_bytes().replace(b"3700000000", b"3.7e9"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", "x" * 65),
        ("id", 5),
        ("subject", "a\x00b"),
        ("time", "2025-04-07T00:00:00"),
        ("effectivedate", "2025-02-30"),
        ("aggregateversion", "1"),
        ("aggregateversion", True),
        ("data", []),
        ("specversion", "0.3"),
    ],
)
def test_an_event_with_a_bad_attribute_is_malformed(field: str, value: Any) -> None:
    body = json.loads(EVENT.to_bytes()) | {field: value}
    with pytest.raises(MalformedEvent):
        Event.from_bytes(json.dumps(body).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedEvent):
        Event.from_bytes(raw)


def test_the_control_amount_is_the_amount_the_quantity_or_the_sum_of_lines() -> None:
    assert control_amount({"amount_won": 5, "quantity": 7}) == 5
    assert control_amount({"quantity": 7}) == 7
    assert control_amount({"lines": [{"quantity": 2}, {"quantity": 3}]}) == 5
    assert control_amount({"lines": "none", "name": "x"}) == 0


def test_a_payload_describes_itself_as_json_schema() -> None:
    @dataclass(frozen=True)
    class Paid(Payload):
        """A payment was made."""

        TYPE = "t.paid.v1"
        amount_won: int
        note: str | None
        days: list[date]

    schema = json_schema(Paid)
    assert schema["title"] == "t.paid.v1"
    assert schema["properties"]["amount_won"] == {"type": "integer"}
    assert schema["properties"]["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert schema["properties"]["days"]["items"] == {"type": "string", "format": "date"}
    assert schema["required"] == ["amount_won", "note", "days"]
