"""inventory over HTTP on both databases: from the receipt of goods to their arrival in the field."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from services.inventory import store
from services.inventory.app import create_app
from shared.auth import Role
from shared.config import Settings
from shared.events import Event
from shared.http import EXTENSION, Service
from tests.support import Caller, FixedClock

COORDINATOR, IMPORTER, AUDITOR = Role.COORDINATOR, Role.IMPORTER, Role.AUDITOR
PARALLEL_REQUESTS, THREADS = 200, 16


@pytest.fixture
def app(settings: Settings, clock: FixedClock) -> Iterator[Flask]:
    app = create_app(settings, clock)
    yield app
    service_of(app).database.close()


@pytest.fixture
def inventory(app: Flask, settings: Settings, clock: FixedClock) -> Caller:
    """Two items and a depot, with nothing in stock."""
    caller = Caller(app, "inventory", settings, clock)
    for item in (
        {"id": "shelter", "name": "이동식 대피소", "unit": "동"},
        {"id": "kit", "name": "응급구호세트", "unit": "개"},
    ):
        assert caller.post("/items", item, COORDINATOR).status_code == 201
    assert caller.post("/depots", {"id": "north", "name": "북부 물류창고"}, COORDINATOR).status_code == 201
    return caller


def service_of(app: Flask) -> Service:
    service: Service = app.extensions[EXTENSION]
    return service


def stock(inventory: Caller, lot_id: str, quantity: int, item_id: str = "kit", **more: Any) -> dict[str, Any]:
    body = {"id": lot_id, "item_id": item_id, "depot_id": "north", "quantity": quantity, "source": "시 비축창고"}
    answer = inventory.post("/receipts", {**body, **more}, COORDINATOR, IMPORTER)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def shipment(quantity: int, item_id: str = "kit", **more: Any) -> dict[str, Any]:
    lines = [{"item_id": item_id, "quantity": quantity}]
    return {"depot_id": "north", "disaster_id": "yeongnam", "region": "안동시", "lines": lines, **more}


def lot(inventory: Caller, lot_id: str) -> tuple[int, int, int]:
    """What the lot has on hand, reserved and available."""
    found = {row["id"]: row for row in inventory.get("/stock", AUDITOR).json["items"]}[lot_id]
    return found["on_hand"], found["reserved"], found["available"]


def published(app: Flask, event_type: str) -> list[Event]:
    with service_of(app).database.read() as tx:
        rows = tx.execute(
            sa.select(store.outbox.c.body).where(store.outbox.c.event_type == event_type).order_by(store.outbox.c.id)
        )
        return [Event.from_bytes(bytes(row.body)) for row in rows]


def test_a_receipt_becomes_a_lot_and_an_event(app: Flask, inventory: Caller) -> None:
    received = stock(inventory, "r1", 100, expires_on="2028-03-01")
    assert (received["on_hand"], received["reserved"], received["available"]) == (100, 0, 100)
    assert (received["unit"], received["expires_on"], received["version"]) == ("개", "2028-03-01", 1)
    (event,) = published(app, "inventory.stock_received.v1")
    assert event.data == {
        "receipt_id": "r1",
        "item_id": "kit",
        "item_name": "응급구호세트",
        "unit": "개",
        "lot_id": "r1",
        "depot_id": "north",
        "quantity": 100,
    }


def test_goods_that_were_taken_on_an_earlier_day_cannot_be_shipped_on_it_later(inventory: Caller) -> None:
    stock(inventory, "r1", 100, effective_date="2025-03-22")
    days = {"first": "2025-03-23", "second": "2025-04-01", "third": "2025-04-05"}
    for id_, quantity in (("first", 60), ("second", 30)):
        body = shipment(quantity, id=id_, effective_date=days[id_])
        assert inventory.post("/shipments", body, COORDINATOR, IMPORTER).status_code == 201
    give_back = {"reason": "다른 창고에서 출고", "effective_date": days["third"]}
    assert inventory.post("/shipments/first/cancel", give_back, COORDINATOR, IMPORTER, version=1).status_code == 200
    assert lot(inventory, "r1") == (100, 30, 70)
    # On 1 April 60 and 30 were set aside, so 10 were left, although 70 are today.
    late = shipment(70, id="late", effective_date="2025-03-25")
    refused = inventory.post("/shipments", late, COORDINATOR, IMPORTER)
    assert (refused.status_code, refused.json["available"], refused.json["short_by"]) == (409, 10, 60)
    fits = shipment(10, id="fits", effective_date="2025-03-25")
    assert inventory.post("/shipments", fits, COORDINATOR, IMPORTER).status_code == 201
    assert inventory.post("/shipments", shipment(60, id="today"), COORDINATOR).status_code == 201


def test_goods_are_reserved_dispatched_and_received_in_parts(app: Flask, inventory: Caller) -> None:
    stock(inventory, "late", 10, expires_on="2028-01-01")
    stock(inventory, "soon", 4, expires_on="2026-01-01")

    reserved = inventory.post("/shipments", shipment(6, id="s"), COORDINATOR)
    assert (reserved.status_code, reserved.json["state"], reserved.headers["ETag"]) == (201, "reserved", '"1"')
    assert [(line["lot_id"], line["quantity"]) for line in reserved.json["lines"]] == [("soon", 4), ("late", 2)]
    assert (lot(inventory, "soon"), lot(inventory, "late")) == ((4, 4, 0), (10, 2, 8))

    left = inventory.post("/shipments/s/dispatch", {}, COORDINATOR, version=1)
    assert (left.status_code, left.json["state"]) == (200, "dispatched")
    assert (lot(inventory, "soon"), lot(inventory, "late")) == ((0, 0, 0), (8, 0, 8))

    part = {"lines": [{"item_id": "kit", "quantity": 5}], "note": "1상자 지연"}
    arrived = inventory.post("/shipments/s/receipts", part, COORDINATOR, version=2)
    assert (arrived.status_code, arrived.json["state"]) == (201, "partly_received")
    rest = {"lines": [{"item_id": "kit", "quantity": 1}]}
    complete = inventory.post("/shipments/s/receipts", rest, COORDINATOR, version=3)
    assert (complete.json["state"], complete.json["version"]) == ("received", 4)
    assert [line["received_quantity"] for line in complete.json["lines"]] == [4, 2]
    assert [step["step"] for step in complete.json["steps"]] == ["reserve", "dispatch", "receive_part", "receive_rest"]

    received = published(app, "inventory.shipment_received.v1")
    assert [[line["quantity"] for line in event.data["lines"]] for event in received] == [[4, 1], [1]]
    assert [event.aggregate_version for event in received] == [3, 4]


def test_a_shipment_short_of_one_item_takes_nothing_of_the_others(app: Flask, inventory: Caller) -> None:
    stock(inventory, "kits", 10)
    stock(inventory, "shelters", 2, "shelter")
    lines = [{"item_id": "kit", "quantity": 10}, {"item_id": "shelter", "quantity": 3}]
    refused = inventory.post("/shipments", {**shipment(1), "lines": lines}, COORDINATOR)
    assert (refused.status_code, refused.json["type"]) == (409, "urn:dure:problem:stock-too-low")
    assert {name: refused.json[name] for name in ("item_id", "unit", "requested", "available", "short_by")} == {
        "item_id": "shelter",
        "unit": "동",
        "requested": 3,
        "available": 2,
        "short_by": 1,
    }
    assert (lot(inventory, "kits"), lot(inventory, "shelters")) == ((10, 0, 10), (2, 0, 2))
    assert inventory.get("/shipments", AUDITOR).json["items"] == []
    assert published(app, "inventory.shipment_reserved.v1") == []


def test_a_cancelled_shipment_gives_everything_back_once(app: Flask, inventory: Caller) -> None:
    stock(inventory, "r1", 10)
    inventory.post("/shipments", shipment(7, id="s"), COORDINATOR)
    cancelled = inventory.post("/shipments/s/cancel", {"reason": "도로 통제"}, COORDINATOR, version=1)
    assert (cancelled.status_code, cancelled.json["state"]) == (200, "cancelled")
    again = inventory.post("/shipments/s/cancel", {"reason": "도로 통제"}, COORDINATOR, version=2)
    assert (again.status_code, again.json["type"]) == (409, "urn:dure:problem:wrong-state")
    assert lot(inventory, "r1") == (10, 0, 10)
    (event,) = published(app, "inventory.shipment_cancelled.v1")
    assert event.data["lines"][0]["quantity"] == 7


def test_a_dispatched_shipment_cannot_be_cancelled(inventory: Caller) -> None:
    stock(inventory, "r1", 10)
    inventory.post("/shipments", shipment(7, id="s", dispatch_now=True), COORDINATOR)
    refused = inventory.post("/shipments/s/cancel", {"reason": "오기"}, COORDINATOR, version=2)
    assert (refused.status_code, refused.json["state"]) == (409, "dispatched")
    assert lot(inventory, "r1") == (3, 0, 3)


def test_receiving_more_than_was_shipped_is_refused_with_the_remainder(app: Flask, inventory: Caller) -> None:
    stock(inventory, "r1", 10)
    inventory.post("/shipments", shipment(7, id="s", dispatch_now=True), COORDINATOR)
    for quantity, version, available in ((8, 2, 7), (7, 2, None), (1, 3, 0)):
        body = {"lines": [{"item_id": "kit", "quantity": quantity}]}
        answer = inventory.post("/shipments/s/receipts", body, COORDINATOR, version=version)
        if available is None:
            assert answer.status_code == 201
        else:
            assert (answer.status_code, answer.json["type"]) == (409, "urn:dure:problem:more-than-shipped")
            assert (answer.json["requested"], answer.json["available"], answer.json["unit"]) == (
                quantity,
                available,
                "개",
            )
    assert len(published(app, "inventory.shipment_received.v1")) == 1


def test_a_receipt_sent_twice_counts_once(app: Flask, inventory: Caller) -> None:
    stock(inventory, "r1", 10)
    inventory.post("/shipments", shipment(7, id="s", dispatch_now=True), COORDINATOR)
    body = {"lines": [{"item_id": "kit", "quantity": 3}]}
    first, second = (
        inventory.post("/shipments/s/receipts", body, COORDINATOR, version=2, key="arrival-1") for _ in range(2)
    )
    assert (first.status_code, first.data) == (second.status_code, second.data)
    assert inventory.get("/shipments/s", AUDITOR).json["lines"][0]["received_quantity"] == 3
    assert len(published(app, "inventory.shipment_received.v1")) == 1


def test_lines_of_one_item_are_added_before_they_are_compared(inventory: Caller) -> None:
    stock(inventory, "r1", 10)
    inventory.post("/shipments", shipment(7, id="s", dispatch_now=True), COORDINATOR)
    body = {"lines": [{"item_id": "kit", "quantity": 4}, {"item_id": "kit", "quantity": 4}]}
    refused = inventory.post("/shipments/s/receipts", body, COORDINATOR, version=2)
    assert (refused.status_code, refused.json["requested"]) == (409, 8)


def test_a_request_is_filled_by_what_is_dispatched_for_it(app: Flask, inventory: Caller) -> None:
    stock(inventory, "r1", 100)
    asked = {"id": "q", "disaster_id": "yeongnam", "region": "안동시", "item_id": "kit", "quantity": 10}
    opened = inventory.post("/requests", asked, COORDINATOR)
    assert (opened.json["state"], opened.json["shipped_quantity"], opened.json["unit"]) == ("open", 0, "개")
    for shipment_id, shipped, state in (("s1", 6, "open"), ("s2", 10, "filled")):
        body = shipment(shipped - opened.json["shipped_quantity"], id=shipment_id, request_id="q", dispatch_now=True)
        assert inventory.post("/shipments", body, COORDINATOR).status_code == 201
        opened = inventory.get("/requests/q", AUDITOR)
        assert (opened.json["state"], opened.json["shipped_quantity"]) == (state, shipped)
    refused = inventory.post("/shipments", shipment(1, request_id="q"), COORDINATOR)
    assert (refused.status_code, refused.json["requested"], refused.json["shipped"]) == (409, 10, 10)
    assert [row["id"] for row in inventory.get("/requests?state=filled", AUDITOR).json["items"]] == ["q"]
    assert published(app, "inventory.goods_requested.v1")[0].data["unit"] == "개"


def test_a_closed_request_is_not_shipped_for(app: Flask, inventory: Caller) -> None:
    stock(inventory, "r1", 100)
    asked = {"id": "q", "disaster_id": "yeongnam", "region": "안동시", "item_id": "kit", "quantity": 10}
    inventory.post("/requests", asked, COORDINATOR)
    closed = inventory.post("/requests/q/close", {"reason": "현지 조달"}, COORDINATOR, version=1)
    assert (closed.status_code, closed.json["state"], closed.json["version"]) == (200, "closed", 2)
    assert inventory.post("/shipments", shipment(1, request_id="q"), COORDINATOR).json["state"] == "closed"
    assert lot(inventory, "r1") == (100, 0, 100)
    assert [event.subject for event in published(app, "inventory.request_closed.v1")] == ["q"]


@pytest.mark.parametrize(
    ("other", "differs"),
    [({"region": "의성군"}, "region"), ({"disaster_id": "flood"}, "disaster_id")],
)
def test_a_shipment_answers_the_request_it_names(inventory: Caller, other: dict[str, str], differs: str) -> None:
    stock(inventory, "r1", 100)
    asked = {"id": "q", "disaster_id": "yeongnam", "region": "안동시", "item_id": "kit", "quantity": 10}
    inventory.post("/requests", asked, COORDINATOR)
    refused = inventory.post("/shipments", {**shipment(1, request_id="q"), **other}, COORDINATOR)
    assert (refused.status_code, refused.json["differs"]) == (422, differs)


@pytest.mark.parametrize("missing", ["region", "item_id", "quantity"])
def test_a_request_without_region_item_or_quantity_is_refused(inventory: Caller, missing: str) -> None:
    asked = {"disaster_id": "yeongnam", "region": "안동시", "item_id": "kit", "quantity": 10}
    del asked[missing]
    refused = inventory.post("/requests", asked, COORDINATOR)
    assert refused.status_code == 422
    assert missing in refused.json["detail"]


def test_a_lot_of_another_item_is_not_shipped(inventory: Caller) -> None:
    stock(inventory, "shelters", 5, "shelter")
    lines = [{"item_id": "kit", "quantity": 1, "lot_id": "shelters"}]
    refused = inventory.post("/shipments", {**shipment(1), "lines": lines}, COORDINATOR)
    assert (refused.status_code, refused.json["type"]) == (422, "urn:dure:problem:lot-elsewhere")


def test_totals_count_what_had_left_by_a_day_and_never_add_unlike_units(inventory: Caller) -> None:
    stock(inventory, "kits", 1_000, effective_date="2025-03-22")
    stock(inventory, "shelters", 549, "shelter", effective_date="2025-03-22")
    for quantity, item_id, day, disaster_id in (
        (300, "kit", "2025-03-23", "yeongnam"),
        (549, "shelter", "2025-03-24", "yeongnam"),
        (200, "kit", "2025-03-25", "yeongnam"),
        (50, "kit", "2025-03-25", "other"),
    ):
        body = shipment(quantity, item_id, disaster_id=disaster_id, effective_date=day, dispatch_now=True)
        assert inventory.post("/shipments", body, COORDINATOR, IMPORTER).status_code == 201
    inventory.post("/shipments", shipment(100), COORDINATOR)  # only reserved: has not left

    def units(query: str) -> dict[str, int]:
        found = inventory.get(f"/totals?{query}", AUDITOR).json
        assert set(found) == {"as_of", "items", "units"}
        return {row["unit"]: row["quantity"] for row in found["units"]}

    assert units("as_of=2025-03-22") == {}
    assert units("as_of=2025-03-24") == {"동": 549, "개": 300}
    assert units("as_of=2025-03-25") == {"동": 549, "개": 550}
    assert units("disaster_id=yeongnam") == {"동": 549, "개": 500}
    assert inventory.get("/totals").json["as_of"] == "2025-04-11"  # today, and no token: totals are for everybody


def test_goods_do_not_leave_before_the_day_they_arrived(inventory: Caller) -> None:
    stock(inventory, "r1", 10, effective_date="2025-04-01")
    early = shipment(1, effective_date="2025-03-31")
    refused = inventory.post("/shipments", early, COORDINATOR, IMPORTER)
    assert (refused.status_code, refused.json["available"]) == (409, 0)


def test_steps_out_of_order_are_refused(inventory: Caller, clock: FixedClock) -> None:
    stock(inventory, "r1", 10)
    inventory.post("/shipments", shipment(1, id="s"), COORDINATOR)
    clock.set(datetime(2025, 4, 12, 3, tzinfo=UTC))
    early = {"effective_date": "2025-04-10"}
    refused = inventory.post("/shipments/s/dispatch", early, COORDINATOR, IMPORTER, version=1)
    assert (refused.status_code, refused.json["type"]) == (422, "urn:dure:problem:dates-out-of-order")


def test_only_the_import_role_records_past_days(inventory: Caller) -> None:
    body = {"item_id": "kit", "depot_id": "north", "quantity": 1, "source": "시", "effective_date": "2025-03-22"}
    refused = inventory.post("/receipts", body, COORDINATOR)
    assert (refused.status_code, refused.json["type"]) == (422, "urn:dure:problem:effective-date-not-allowed")


def test_an_edit_of_an_older_version_is_refused(inventory: Caller) -> None:
    stock(inventory, "r1", 10)
    inventory.post("/shipments", shipment(7, id="s", dispatch_now=True), COORDINATOR)
    body = {"lines": [{"item_id": "kit", "quantity": 1}]}
    refused = inventory.post("/shipments/s/receipts", body, COORDINATOR, version=1)
    assert (refused.status_code, refused.json["current"]) == (412, 2)


def test_an_auditor_reads_but_never_ships(inventory: Caller) -> None:
    stock(inventory, "r1", 10)
    assert inventory.post("/shipments", shipment(1), AUDITOR).status_code == 403
    assert inventory.get("/stock", AUDITOR).status_code == 200
    assert inventory.get("/stock").status_code == 401


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "1", True, None])
def test_a_quantity_is_a_positive_whole_number(inventory: Caller, quantity: Any) -> None:
    stock(inventory, "r1", 10)
    assert inventory.post("/shipments", shipment(quantity), COORDINATOR).status_code == 422


def test_of_parallel_requests_for_the_last_unit_one_succeeds(
    app: Flask, inventory: Caller, settings: Settings, clock: FixedClock
) -> None:
    stock(inventory, "last", 1)

    def take(_: int) -> int:
        return Caller(app, "inventory", settings, clock).post("/shipments", shipment(1), COORDINATOR).status_code

    with ThreadPoolExecutor(THREADS) as threads:
        answers = Counter(threads.map(take, range(PARALLEL_REQUESTS)))
    assert answers == {201: 1, 409: PARALLEL_REQUESTS - 1}
    assert lot(inventory, "last") == (1, 1, 0)
    assert len(published(app, "inventory.shipment_reserved.v1")) == 1


def test_parallel_reservations_dispatches_and_cancellations_lose_nothing(
    app: Flask, inventory: Caller, settings: Settings, clock: FixedClock
) -> None:
    """Several lots and items at once, named in either order: nobody waits in a circle and every unit is accounted."""
    for number in range(3):
        stock(inventory, f"kits-{number}", 20)
        stock(inventory, f"shelters-{number}", 20, "shelter")

    def work(number: int) -> tuple[str, int]:
        caller = Caller(app, "inventory", settings, clock)
        lines = [{"item_id": "kit", "quantity": 3}, {"item_id": "shelter", "quantity": 3}]
        body = {**shipment(1), "lines": lines[:: 1 if number % 2 else -1]}
        made = caller.post("/shipments", body, COORDINATOR)
        if made.status_code != 201:
            return "refused", made.status_code
        path = f"/shipments/{made.json['id']}"
        if number % 3 == 0:
            return "cancelled", caller.post(f"{path}/cancel", {"reason": "회차"}, COORDINATOR, version=1).status_code
        return "dispatched", caller.post(f"{path}/dispatch", {}, COORDINATOR, version=1).status_code

    with ThreadPoolExecutor(THREADS) as threads:
        results = Counter(threads.map(work, range(60)))
    assert set(results) <= {("cancelled", 200), ("dispatched", 200), ("refused", 409)}
    left = 3 * results["dispatched", 200]
    for item_id in ("kit", "shelter"):
        lots = inventory.get(f"/stock?item_id={item_id}", AUDITOR).json["items"]
        assert sum(row["on_hand"] for row in lots) == 60 - left
        assert sum(row["reserved"] for row in lots) == 0


def test_the_database_itself_refuses_an_overdrawn_lot(app: Flask, inventory: Caller) -> None:
    stock(inventory, "r1", 10)
    with pytest.raises(sa.exc.IntegrityError), service_of(app).database.write() as tx:
        tx.execute(sa.update(store.lots).values(reserved=11))
    assert lot(inventory, "r1") == (10, 0, 10)


def test_a_guard_takes_all_or_nothing(app: Flask, inventory: Caller) -> None:
    stock(inventory, "r1", 10)
    with service_of(app).database.write() as tx:
        assert store.reserve_of_lot(tx, "r1", 10)
        assert not store.reserve_of_lot(tx, "r1", 1)
        assert not store.issue_from_lot(tx, "r1", 11)
        assert not store.release_to_lot(tx, "r1", 11)
    assert lot(inventory, "r1") == (10, 10, 0)


def test_pages_follow_each_other_without_gap(inventory: Caller) -> None:
    for number in range(5):
        stock(inventory, f"r{number}", 1)
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        found = inventory.get(f"/stock?limit=2&after={after}", AUDITOR).json
        seen += [row["id"] for row in found["items"]]
        after = found["next"]
    assert seen == [f"r{number}" for number in range(5)]
