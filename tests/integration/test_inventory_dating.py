"""Yesterday's truck: which days the facts of inventory may name, what is marked late, and what was there that day."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.config import Settings
from tests.integration.inventory import (
    AUDITOR,
    COORDINATOR,
    DEPOT,
    IMPORTER,
    Inventory,
    opened,
    request_of,
    shipment,
    slug,
)
from tests.support import FixedClock

YESTERDAY = {"effective_date": "2025-04-10"}
A_WEEK_AGO = {"effective_date": "2025-04-04"}
RECEIPT = {"item_id": "kit", "depot_id": DEPOT, "quantity": 1, "source": "시 비축창고"}


@pytest.fixture
def inventory(settings: Settings, clock: FixedClock) -> Iterator[Inventory]:
    with opened(settings, clock) as inventory:
        yield inventory


def lateness(shown: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(step["step"], step["late"]) for step in shown["steps"]]


def test_a_truck_that_left_without_signal_is_recorded_on_its_day_and_marked_late(inventory: Inventory) -> None:
    received = inventory.post("/receipts", RECEIPT | {"id": "r1", "quantity": 10} | A_WEEK_AGO, COORDINATOR)
    assert (received.json["effective_date"], received.json["late"]) == ("2025-04-04", True)
    asked = inventory.post("/requests", request_of(5, id="q") | A_WEEK_AGO, COORDINATOR)
    assert (asked.json["effective_date"], asked.json["late"]) == ("2025-04-04", True)
    sent = inventory.ship(5, id="s", request_id="q", **YESTERDAY)
    assert (sent.json["last_effective_date"], sent.json["late"]) == ("2025-04-10", True)
    inventory.step("s", "dispatch", 1, YESTERDAY)
    arrived = inventory.step("s", "receipts", 2, {"lines": [{"item_id": "kit", "quantity": 5}]})
    assert lateness(arrived.json) == [("reserve", True), ("dispatch", True), ("receive_rest", False)]
    assert (arrived.json["last_effective_date"], arrived.json["late"]) == ("2025-04-11", True)
    # The auditor sees the same in every list.
    assert inventory.get("/stock", AUDITOR).json["items"][0]["late"] is True
    assert inventory.get("/requests", AUDITOR).json["items"][0]["late"] is True
    assert inventory.get("/shipments", AUDITOR).json["items"][0]["late"] is True
    assert inventory.get("/shipments/s", AUDITOR).json == arrived.json
    days = [str(inventory.told(fact)[0][0].effective_date) for fact in ("shipment_dispatched", "shipment_received")]
    assert days == ["2025-04-10", "2025-04-11"]
    assert inventory.get("/totals?as_of=2025-04-10").json["units"] == [{"unit": "개", "quantity": 5}]


def test_what_is_recorded_on_its_own_day_is_not_late(inventory: Inventory) -> None:
    received = inventory.post("/receipts", RECEIPT | {"id": "r1"}, COORDINATOR)
    asked = inventory.post("/requests", request_of(1), COORDINATOR)
    sent = inventory.ship(1, dispatch_now=True)
    assert [answer.json["late"] for answer in (received, asked, sent)] == [False, False, False]
    assert lateness(sent.json) == [("reserve", False), ("dispatch", False)]


def test_one_late_step_marks_the_whole_shipment(inventory: Inventory, clock: FixedClock) -> None:
    inventory.stock("r1", 10)
    inventory.ship(1, id="s")
    clock.set(datetime(2025, 4, 13, 3, tzinfo=UTC))
    left = inventory.step("s", "dispatch", 1, {"effective_date": "2025-04-12"})
    assert (left.json["late"], lateness(left.json)) == (True, [("reserve", False), ("dispatch", True)])


def test_a_shipment_may_be_called_off_on_the_day_it_was_called_off(inventory: Inventory, clock: FixedClock) -> None:
    inventory.stock("r1", 10, effective_date="2025-03-22")
    inventory.ship(8, id="s")
    clock.set(datetime(2025, 4, 14, 3, tzinfo=UTC))
    cancelled = inventory.step("s", "cancel", 1, {"reason": "도로 통제", "effective_date": "2025-04-12"})
    assert (cancelled.json["late"], lateness(cancelled.json)) == (True, [("reserve", False), ("cancel", True)])
    # It lay aside on the 11th and was free again on the 12th.
    assert inventory.ship(3, effective_date="2025-04-11").json["available"] == 2
    assert inventory.ship(3, effective_date="2025-04-12").status_code == 201


def test_a_request_that_ended_without_signal_is_closed_on_its_day_and_marked_late(
    inventory: Inventory, clock: FixedClock
) -> None:
    assert inventory.post("/requests", request_of(5, id="q"), COORDINATOR).json["late"] is False
    clock.set(datetime(2025, 4, 14, 3, tzinfo=UTC))
    body = {"reason": "현지 조달", "effective_date": "2025-04-12"}
    closed = inventory.post("/requests/q/close", body, COORDINATOR, version=1)
    assert (closed.json["closed_on"], closed.json["late"]) == ("2025-04-12", True)
    assert str(inventory.told("request_closed")[0][0].effective_date) == "2025-04-12"


@pytest.mark.parametrize("day", ["2025-04-03", "2025-04-12"])
def test_a_day_of_more_than_a_week_ago_or_to_come_is_refused_with_the_days_that_are_allowed(
    inventory: Inventory, clock: FixedClock, day: str
) -> None:
    inventory.stock("r1", 10, effective_date="2025-03-22")
    inventory.post("/shipments", shipment(1, id="s", effective_date="2025-03-23"), IMPORTER)
    inventory.post("/requests", request_of(5, id="q", effective_date="2025-03-23"), IMPORTER)
    on, lines = {"effective_date": day}, [{"item_id": "kit", "quantity": 1}]
    refusals = [
        inventory.post("/receipts", RECEIPT | on, COORDINATOR),
        inventory.post("/requests", request_of(1) | on, COORDINATOR),
        inventory.post("/requests/q/close", on | {"reason": "현지 조달"}, COORDINATOR, version=1),
        inventory.ship(1, **on),
        inventory.step("s", "dispatch", 1, on),
        inventory.step("s", "cancel", 1, on | {"reason": "오기"}),
        inventory.step("s", "receipts", 1, on | {"lines": lines}),
    ]
    for refused in refusals:
        assert (refused.status_code, slug(refused)) == (422, "effective-date-not-allowed")
        assert (refused.json["earliest"], refused.json["latest"]) == ("2025-04-04", "2025-04-11")
        assert "7일" in refused.json["detail"]


def test_an_item_is_registered_on_its_own_day_and_renamed_within_a_month(inventory: Inventory) -> None:
    refused = inventory.post("/items", {"name": "모포", "unit": "장"} | YESTERDAY, COORDINATOR)
    assert (refused.status_code, slug(refused)) == (422, "effective-date-not-allowed")
    old = {"name": "모포", "unit": "장", "id": "blanket", "effective_date": "2020-01-01"}
    assert inventory.post("/items", old, IMPORTER).status_code == 201
    for day, status in (("2025-03-11", 422), ("2025-03-12", 201)):
        name = {"name": "담요", "effective_date": day}
        assert inventory.post("/items/blanket/names", name, COORDINATOR, version=1).status_code == status


def test_an_import_records_what_happened_before_the_system(inventory: Inventory) -> None:
    inventory.stock("r1", 10, effective_date="2025-03-22")
    sent = shipment(10, id="s", effective_date="2025-03-23", dispatch_now=True)
    assert inventory.post("/shipments", sent, IMPORTER).json["late"] is True
    ancient = RECEIPT | {"effective_date": "2009-12-31"}
    refused = inventory.post("/receipts", ancient, IMPORTER)
    assert (refused.status_code, refused.json["earliest"]) == (422, "2010-01-01")


def test_steps_out_of_order_are_refused(inventory: Inventory, clock: FixedClock) -> None:
    inventory.stock("r1", 10)
    inventory.ship(1, id="s")
    clock.set(datetime(2025, 4, 12, 3, tzinfo=UTC))
    refused = inventory.step("s", "dispatch", 1, {"effective_date": "2025-04-10"})
    assert (refused.status_code, slug(refused)) == (422, "dates-out-of-order")


def test_goods_do_not_leave_before_the_day_they_arrived(inventory: Inventory) -> None:
    inventory.stock("r1", 10, effective_date="2025-04-10")
    refused = inventory.ship(1, effective_date="2025-04-09")
    assert (refused.status_code, refused.json["available"]) == (409, 0)
    assert inventory.ship(1, effective_date="2025-04-10").status_code == 201


@pytest.mark.parametrize("role", [COORDINATOR, IMPORTER])
def test_goods_that_were_taken_on_an_earlier_day_cannot_be_shipped_on_it_later(
    inventory: Inventory, clock: FixedClock, role: Any
) -> None:
    inventory.stock("r1", 100, effective_date="2025-03-22")
    for id_, quantity, day in (("first", 60, "2025-04-05"), ("second", 30, "2025-04-07")):
        body = shipment(quantity, id=id_, effective_date=day)
        assert inventory.post("/shipments", body, role).status_code == 201
    give_back = {"reason": "다른 창고에서 출고", "effective_date": "2025-04-09"}
    assert inventory.post("/shipments/first/cancel", give_back, role, version=1).status_code == 200
    assert inventory.lot("r1") == (100, 30, 70)
    # On 7 April 60 and 30 were set aside, so 10 were left, although 70 are today.
    late = shipment(70, effective_date="2025-04-06")
    refused = inventory.post("/shipments", late, role)
    assert (refused.status_code, refused.json["available"], refused.json["short_by"]) == (409, 10, 60)
    assert inventory.post("/shipments", shipment(10, effective_date="2025-04-06"), role).status_code == 201
    assert inventory.ship(60).status_code == 201


def test_of_several_lots_each_gives_what_was_left_of_it_on_that_day(inventory: Inventory) -> None:
    for lot_id, expires_on in (("soon", "2026-01-01"), ("late", "2028-01-01")):
        inventory.stock(lot_id, 10, expires_on=expires_on, effective_date="2025-03-22")
    inventory.ship(8, id="called-off", effective_date="2025-04-07")
    inventory.step("called-off", "cancel", 1, {"reason": "도로 통제"})
    sent = inventory.ship(9, effective_date="2025-04-06")
    assert [(line["lot_id"], line["quantity"]) for line in sent.json["lines"]] == [("soon", 2), ("late", 7)]
    assert inventory.ship(4, effective_date="2025-04-06").json["available"] == 3
    assert inventory.ship(11).status_code == 201
