"""inventory over HTTP on both databases: from the receipt of goods to their arrival in the field."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from services.inventory import store
from shared.config import Settings
from tests.integration.inventory import (
    ANDONG,
    AUDITOR,
    COORDINATOR,
    DEPOT,
    IMPORTER,
    UISEONG,
    WILDFIRES,
    Inventory,
    opened,
    request_of,
    shipment,
    slug,
)
from tests.support import FixedClock


@pytest.fixture
def inventory(settings: Settings, clock: FixedClock) -> Iterator[Inventory]:
    with opened(settings, clock) as inventory:
        yield inventory


def test_a_receipt_becomes_a_lot_and_an_event(inventory: Inventory) -> None:
    received = inventory.stock("r1", 100, expires_on="2028-03-01")
    assert (received["on_hand"], received["reserved"], received["available"]) == (100, 0, 100)
    assert (received["unit"], received["expires_on"], received["version"]) == ("개", "2028-03-01", 1)
    ((event, data),) = inventory.told("stock_received")
    assert (event.subject, event.body_id) == ("r1", "city")
    assert data == {
        "receipt_id": "r1",
        "item_id": "kit",
        "item_name": "응급구호세트",
        "unit": "개",
        "lot_id": "r1",
        "depot_id": DEPOT,
        "quantity": 100,
        "expires_on": "2028-03-01",
        "source": "시 비축창고",
    }


def test_what_never_expires_is_shown_without_a_day(inventory: Inventory) -> None:
    assert inventory.stock("r1", 100)["expires_on"] is None
    assert inventory.get("/stock", AUDITOR).json["items"][0]["expires_on"] is None
    assert inventory.ship(1).json["lines"][0]["expires_on"] is None
    assert inventory.told("stock_received")[0][1]["expires_on"] is None


def test_goods_are_reserved_dispatched_and_received_in_parts(inventory: Inventory) -> None:
    inventory.stock("late", 10, expires_on="2028-01-01")
    inventory.stock("soon", 4, expires_on="2026-01-01")

    reserved = inventory.ship(6, id="s", site_id="andong-gymnasium")
    assert (reserved.status_code, reserved.json["state"], reserved.headers["ETag"]) == (201, "reserved", '"1"')
    assert [(line["lot_id"], line["quantity"]) for line in reserved.json["lines"]] == [("soon", 4), ("late", 2)]
    assert (inventory.lot("soon"), inventory.lot("late")) == ((4, 4, 0), (10, 2, 8))

    left = inventory.step("s", "dispatch", 1)
    assert (left.status_code, left.json["state"]) == (200, "dispatched")
    assert (inventory.lot("soon"), inventory.lot("late")) == ((0, 0, 0), (8, 0, 8))

    part = {"lines": [{"item_id": "kit", "quantity": 5}], "note": "1상자 지연"}
    arrived = inventory.step("s", "receipts", 2, part)
    assert (arrived.status_code, arrived.json["state"]) == (201, "partly_received")
    complete = inventory.step("s", "receipts", 3, {"lines": [{"item_id": "kit", "quantity": 1}]})
    assert (complete.json["state"], complete.json["version"]) == ("received", 4)
    assert [line["received_quantity"] for line in complete.json["lines"]] == [4, 2]
    assert [step["step"] for step in complete.json["steps"]] == ["reserve", "dispatch", "receive_part", "receive_rest"]
    assert inventory.get("/shipments/s", AUDITOR).json == complete.json

    received = inventory.told("shipment_received")
    assert [[line["quantity"] for line in data["lines"]] for _, data in received] == [[4, 1], [1]]
    assert [event.aggregate_version for event, _ in received] == [3, 4]


def test_every_event_of_a_shipment_says_where_it_goes_and_of_which_lots(inventory: Inventory) -> None:
    inventory.stock("r1", 10, expires_on="2028-01-01")
    inventory.post("/requests", request_of(4, id="q"), COORDINATOR)
    inventory.ship(4, id="s", site_id="andong-gymnasium", request_id="q", dispatch_now=True)
    inventory.step("s", "receipts", 2, {"lines": [{"item_id": "kit", "quantity": 4}]})
    line = {"item_id": "kit", "item_name": "응급구호세트", "unit": "개", "lot_id": "r1", "expires_on": "2028-01-01"}
    for fact in ("shipment_reserved", "shipment_dispatched", "shipment_received"):
        ((event, data),) = inventory.told(fact)
        assert (event.subject, event.body_id, event.account) == ("s", "city", "x")
        assert data == {
            "shipment_id": "s",
            "depot_id": DEPOT,
            "disaster_id": WILDFIRES,
            "region_id": ANDONG,
            "site_id": "andong-gymnasium",
            "request_id": "q",
            "lines": [line | {"quantity": 4}],
        }


def test_a_shipment_short_of_one_item_takes_nothing_of_the_others(inventory: Inventory) -> None:
    inventory.stock("kits", 10)
    inventory.stock("shelters", 2, "shelter")
    lines = [{"item_id": "kit", "quantity": 10}, {"item_id": "shelter", "quantity": 3}]
    refused = inventory.ship(1, lines=lines)
    assert (refused.status_code, slug(refused)) == (409, "stock-too-low")
    assert {name: refused.json[name] for name in ("item_id", "unit", "requested", "available", "short_by")} == {
        "item_id": "shelter",
        "unit": "동",
        "requested": 3,
        "available": 2,
        "short_by": 1,
    }
    assert (inventory.lot("kits"), inventory.lot("shelters")) == ((10, 0, 10), (2, 0, 2))
    assert inventory.get("/shipments", AUDITOR).json["items"] == []
    assert inventory.told("shipment_reserved") == []


def test_a_depot_that_holds_nothing_ships_nothing(inventory: Inventory) -> None:
    inventory.stock("r1", 10)
    refused = inventory.ship(1, depot_id="south-depot")
    assert (refused.status_code, refused.json["available"]) == (409, 0)


def test_a_cancelled_shipment_gives_everything_back_once(inventory: Inventory) -> None:
    inventory.stock("r1", 10)
    inventory.ship(7, id="s")
    cancelled = inventory.step("s", "cancel", 1, {"reason": "도로 통제"})
    assert (cancelled.status_code, cancelled.json["state"]) == (200, "cancelled")
    again = inventory.step("s", "cancel", 2, {"reason": "도로 통제"})
    assert (again.status_code, slug(again)) == (409, "wrong-state")
    assert inventory.lot("r1") == (10, 0, 10)
    ((_, data),) = inventory.told("shipment_cancelled")
    assert data["lines"][0]["quantity"] == 7


def test_a_dispatched_shipment_cannot_be_cancelled(inventory: Inventory) -> None:
    inventory.stock("r1", 10)
    inventory.ship(7, id="s", dispatch_now=True)
    refused = inventory.step("s", "cancel", 2, {"reason": "오기"})
    assert (refused.status_code, refused.json["state"]) == (409, "dispatched")
    assert inventory.lot("r1") == (3, 0, 3)


def test_receiving_more_than_was_shipped_is_refused_with_the_remainder(inventory: Inventory) -> None:
    inventory.stock("r1", 10)
    inventory.ship(7, id="s", dispatch_now=True)
    for quantity, version, available in ((8, 2, 7), (7, 2, None), (1, 3, 0)):
        answer = inventory.step("s", "receipts", version, {"lines": [{"item_id": "kit", "quantity": quantity}]})
        if available is None:
            assert answer.status_code == 201
        else:
            assert (answer.status_code, slug(answer)) == (409, "more-than-shipped")
            facts = (answer.json["requested"], answer.json["available"], answer.json["unit"])
            assert facts == (quantity, available, "개")
    assert len(inventory.told("shipment_received")) == 1


def test_a_receipt_sent_twice_counts_once(inventory: Inventory) -> None:
    inventory.stock("r1", 10)
    inventory.ship(7, id="s", dispatch_now=True)
    body = {"lines": [{"item_id": "kit", "quantity": 3}]}
    first, second = (inventory.step("s", "receipts", 2, body, key="arrival-1") for _ in range(2))
    assert (first.status_code, first.data) == (second.status_code, second.data)
    assert inventory.get("/shipments/s", AUDITOR).json["lines"][0]["received_quantity"] == 3
    assert len(inventory.told("shipment_received")) == 1


def test_lines_of_one_item_are_added_before_they_are_compared(inventory: Inventory) -> None:
    inventory.stock("r1", 10)
    inventory.ship(7, id="s", dispatch_now=True)
    four = {"item_id": "kit", "quantity": 4}
    refused = inventory.step("s", "receipts", 2, {"lines": [four, four]})
    assert (refused.status_code, refused.json["requested"]) == (409, 8)


def test_a_request_is_filled_by_what_is_dispatched_for_it(inventory: Inventory) -> None:
    inventory.stock("r1", 100)
    opened = inventory.post("/requests", request_of(10, id="q"), COORDINATOR)
    assert (opened.json["state"], opened.json["shipped_quantity"], opened.json["unit"]) == ("open", 0, "개")
    for shipment_id, shipped, state in (("s1", 6, "open"), ("s2", 10, "filled")):
        missing = shipped - opened.json["shipped_quantity"]
        assert inventory.ship(missing, id=shipment_id, request_id="q", dispatch_now=True).status_code == 201
        opened = inventory.get("/requests/q", AUDITOR)
        assert (opened.json["state"], opened.json["shipped_quantity"]) == (state, shipped)
    refused = inventory.ship(1, request_id="q")
    assert (refused.status_code, refused.json["requested"], refused.json["shipped"]) == (409, 10, 10)
    assert [row["id"] for row in inventory.get("/requests?state=filled", AUDITOR).json["items"]] == ["q"]
    ((_, data),) = inventory.told("goods_requested")
    assert data == request_of(10) | {"request_id": "q", "unit": "개"}


def test_a_closed_request_is_not_shipped_for(inventory: Inventory) -> None:
    inventory.stock("r1", 100)
    inventory.post("/requests", request_of(10, id="q"), COORDINATOR)
    closed = inventory.post("/requests/q/close", {"reason": "현지 조달"}, COORDINATOR, version=1)
    assert (closed.status_code, closed.json["state"], closed.json["version"]) == (200, "closed", 2)
    assert (closed.json["closed_on"], closed.json["late"]) == ("2025-04-11", False)
    assert inventory.get("/requests/q", AUDITOR).json == closed.json
    assert inventory.ship(1, request_id="q").json["state"] == "closed"
    assert inventory.lot("r1") == (100, 0, 100)
    ((event, data),) = inventory.told("request_closed")
    where = {name: request_of(10)[name] for name in ("disaster_id", "region_id", "site_id")}
    assert (event.subject, data) == ("q", where | {"request_id": "q"})


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ({"region_id": UISEONG}, "region_id"),
        ({"disaster_id": "flood"}, "disaster_id"),
        ({"lines": [{"item_id": "shelter", "quantity": 1}]}, "item_id"),
    ],
)
def test_a_shipment_answers_the_request_it_names(inventory: Inventory, other: dict[str, Any], differs: str) -> None:
    inventory.stock("r1", 100)
    inventory.post("/requests", request_of(10, id="q"), COORDINATOR)
    refused = inventory.ship(1, request_id="q", **other)
    assert (refused.status_code, refused.json["differs"]) == (422, differs)


@pytest.mark.parametrize("missing", ["region_id", "item_id", "quantity"])
def test_a_request_without_region_item_or_quantity_is_refused(inventory: Inventory, missing: str) -> None:
    asked = request_of(10)
    del asked[missing]
    refused = inventory.post("/requests", asked, COORDINATOR)
    assert refused.status_code == 422
    assert missing in refused.json["detail"]


@pytest.mark.parametrize("region", ["안동시", "andong", "경북 안동", "471700000", "", None])
def test_a_region_is_named_by_its_code_and_never_in_words(inventory: Inventory, region: Any) -> None:
    inventory.stock("r1", 100)
    for path, body in (("/requests", request_of(10)), ("/shipments", shipment(1))):
        refused = inventory.post(path, body | {"region_id": region}, COORDINATOR)
        assert refused.status_code == 422
        assert "region_id" in refused.json["detail"]
    assert inventory.get("/shipments?region_id=안동시", AUDITOR).status_code == 422


def test_a_shipment_may_go_to_a_group_of_regions_and_is_found_by_it(inventory: Inventory) -> None:
    inventory.stock("r1", 10)
    for id_, region in (("all", "group-yeongnam-wildfires-2025"), ("one", ANDONG)):
        assert inventory.ship(1, id=id_, region_id=region).status_code == 201
    found = inventory.get("/shipments?region_id=group-yeongnam-wildfires-2025", AUDITOR).json["items"]
    assert [row["id"] for row in found] == ["all"]


def test_totals_count_what_had_left_by_a_day_and_never_add_unlike_units(inventory: Inventory) -> None:
    inventory.stock("kits", 1_000, effective_date="2025-03-22")
    inventory.stock("shelters", 549, "shelter", effective_date="2025-03-22")
    for quantity, item_id, day, disaster_id in (
        (300, "kit", "2025-03-23", WILDFIRES),
        (549, "shelter", "2025-03-24", WILDFIRES),
        (200, "kit", "2025-03-25", WILDFIRES),
        (50, "kit", "2025-03-25", "other"),
    ):
        body = shipment(quantity, item_id, disaster_id=disaster_id, effective_date=day, dispatch_now=True)
        assert inventory.post("/shipments", body, IMPORTER).status_code == 201
    inventory.ship(100)  # only reserved: has not left

    def units(query: str) -> dict[str, int]:
        found = inventory.get(f"/totals?{query}", AUDITOR).json
        assert set(found) == {"as_of", "items", "units"}
        return {row["unit"]: row["quantity"] for row in found["units"]}

    assert units("as_of=2025-03-22") == {}
    assert units("as_of=2025-03-24") == {"동": 549, "개": 300}
    assert units("as_of=2025-03-25") == {"동": 549, "개": 550}
    assert units(f"disaster_id={WILDFIRES}") == {"동": 549, "개": 500}
    assert inventory.get("/totals").json["as_of"] == "2025-04-11"  # today, and no token: totals are for everybody


def test_an_edit_of_an_older_version_is_refused(inventory: Inventory) -> None:
    inventory.stock("r1", 10)
    inventory.ship(7, id="s", dispatch_now=True)
    refused = inventory.step("s", "receipts", 1, {"lines": [{"item_id": "kit", "quantity": 1}]})
    assert (refused.status_code, refused.json["current"]) == (412, 2)


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "1", True, None])
def test_a_quantity_is_a_positive_whole_number(inventory: Inventory, quantity: Any) -> None:
    inventory.stock("r1", 10)
    assert inventory.ship(quantity).status_code == 422


def test_the_database_itself_refuses_an_overdrawn_lot(inventory: Inventory) -> None:
    inventory.stock("r1", 10)
    with pytest.raises(sa.exc.IntegrityError), inventory.database.write() as tx:
        tx.execute(sa.update(store.lots).values(reserved=11))
    assert inventory.lot("r1") == (10, 0, 10)


def test_a_guard_takes_all_or_nothing(inventory: Inventory) -> None:
    inventory.stock("r1", 10)
    with inventory.database.write() as tx:
        assert store.reserve_of_lot(tx, "r1", 10)
        assert not store.reserve_of_lot(tx, "r1", 1)
        assert not store.issue_from_lot(tx, "r1", 11)
        assert not store.release_to_lot(tx, "r1", 11)
    assert inventory.lot("r1") == (10, 10, 0)


def test_pages_follow_each_other_without_gap(inventory: Inventory) -> None:
    for number in range(5):
        inventory.stock(f"r{number}", 1)
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        found = inventory.get(f"/stock?limit=2&after={after}", AUDITOR).json
        seen += [row["id"] for row in found["items"]]
        after = found["next"]
    assert seen == [f"r{number}" for number in range(5)]
