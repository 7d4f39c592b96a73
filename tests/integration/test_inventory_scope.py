"""Who may do what in inventory, for which body and in which disaster."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.inventory.permissions import PERMISSIONS
from shared.auth import Actor, Grant, Role, issue_token
from shared.config import Settings
from shared.permissions import Scope
from tests.integration.inventory import (
    ADMINISTRATOR,
    AUDITOR,
    COORDINATOR,
    DISTRICTS,
    IMPORTER,
    WILDFIRES,
    Inventory,
    opened,
    request_of,
    shipment,
    slug,
)
from tests.support import FixedClock

READS = ("/items", "/stock", "/requests", "/requests/q", "/shipments", "/shipments/s")


@pytest.fixture
def inventory(settings: Settings, clock: FixedClock) -> Iterator[Inventory]:
    """The city has ten kits, of which two wait for a truck, and asked for some."""
    with opened(settings, clock) as inventory:
        inventory.stock("city-kits", 10)
        assert inventory.ship(2, id="s").status_code == 201
        assert inventory.post("/requests", request_of(5, id="q"), COORDINATOR).status_code == 201
        yield inventory


def test_what_is_recorded_belongs_to_the_body_it_was_recorded_for(inventory: Inventory) -> None:
    received = {"id": "district-kits", "item_id": "kit", "depot_id": "gym", "quantity": 5, "source": "자치구"}
    assert inventory.post("/receipts", received, COORDINATOR, **DISTRICTS).json["body_id"] == "districts"
    sent = shipment(1, id="theirs", depot_id="gym")
    assert inventory.post("/shipments", sent, COORDINATOR, **DISTRICTS).json["body_id"] == "districts"
    asked = inventory.post("/requests", request_of(1, id="wanted"), COORDINATOR, **DISTRICTS)
    assert asked.json["body_id"] == "districts"
    for path, ids in (
        ("/stock", ["district-kits"]),
        ("/shipments", ["theirs"]),
        ("/requests", ["wanted"]),
    ):
        found = inventory.get(f"{path}?body_id=districts", AUDITOR).json["items"]
        assert [row["id"] for row in found] == ids
    events = [inventory.told(fact)[-1][0] for fact in ("stock_received", "goods_requested", "shipment_reserved")]
    assert {(event.body_id, event.account) for event in events} == {("districts", "district-coordinator")}


def test_goods_of_another_body_are_not_there_to_be_shipped(inventory: Inventory) -> None:
    refused = inventory.post("/shipments", shipment(1), COORDINATOR, **DISTRICTS)
    assert (refused.status_code, slug(refused), refused.json["available"]) == (409, "stock-too-low", 0)
    assert inventory.lot("city-kits") == (10, 2, 8)


def test_a_lot_of_another_body_is_not_shipped_by_naming_it(inventory: Inventory) -> None:
    lines = [{"item_id": "kit", "quantity": 1, "lot_id": "city-kits"}]
    refused = inventory.post("/shipments", shipment(1, lines=lines), COORDINATOR, **DISTRICTS)
    assert (refused.status_code, slug(refused)) == (403, "other-body")
    assert (refused.json["body_id"], refused.json["held"]) == ("city", "districts")
    assert inventory.lot("city-kits") == (10, 2, 8)


@pytest.mark.parametrize(
    ("path", "body", "version"),
    [
        ("/shipments/s/dispatch", {}, 1),
        ("/shipments/s/cancel", {"reason": "도로 통제"}, 1),
        ("/shipments/s/receipts", {"lines": [{"item_id": "kit", "quantity": 2}]}, 1),
        ("/requests/q/close", {"reason": "현지 조달"}, 1),
    ],
)
def test_the_work_of_a_body_is_its_own(inventory: Inventory, path: str, body: dict[str, Any], version: int) -> None:
    for role in (COORDINATOR, IMPORTER):
        refused = inventory.post(path, body, role, version=version, **DISTRICTS)
        assert (refused.status_code, slug(refused)) == (403, "other-body")
        assert (refused.json["body_id"], refused.json["held"]) == ("city", "districts")
    assert inventory.get("/shipments/s", AUDITOR).json["version"] == 1
    assert inventory.get("/requests/q", AUDITOR).json["state"] == "open"
    assert inventory.lot("city-kits") == (10, 2, 8)


def test_one_body_may_answer_what_another_asked_for(inventory: Inventory) -> None:
    inventory.post("/requests", request_of(3, id="wanted"), COORDINATOR, **DISTRICTS)
    assert inventory.ship(3, request_id="wanted", dispatch_now=True).status_code == 201
    asked = inventory.get("/requests/wanted", AUDITOR).json
    assert (asked["body_id"], asked["state"]) == ("districts", "filled")


def test_who_acts_for_two_bodies_says_for_which_and_ships_only_its_goods(inventory: Inventory) -> None:
    grants = frozenset(Grant(COORDINATOR, body) for body in ("city", "districts"))
    token = issue_token(Actor("x", grants), signing_key=inventory.settings.signing_key, now=inventory.clock.now())
    lines = [{"item_id": "kit", "quantity": 1, "lot_id": "city-kits"}]

    def ship(headers: dict[str, str]) -> Any:
        signed = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"two-bodies-{next(inventory.keys)}"}
        sent = shipment(1, lines=lines)
        return inventory.client.post(f"{inventory.prefix}/shipments", json=sent, headers=signed | headers)

    unsaid, theirs, ours = ship({}), ship({"Acting-Body": "districts"}), ship({"Acting-Body": "city"})
    assert (unsaid.status_code, slug(unsaid)) == (422, "which-body")
    assert (theirs.status_code, slug(theirs), theirs.json["body_id"]) == (403, "other-body", "city")
    assert (ours.status_code, ours.json["body_id"]) == (201, "city")


def test_a_coordinator_of_one_disaster_works_in_that_one_alone(inventory: Inventory) -> None:
    here: dict[str, Any] = {"account": "wildfire-coordinator", "disaster": WILDFIRES}
    flood: dict[str, Any] = {"account": "flood-coordinator", "disaster": "2025-flood"}
    for path, body in (("/shipments", shipment(1)), ("/requests", request_of(1))):
        assert inventory.post(path, body, COORDINATOR, **here).status_code == 201
        refused = inventory.post(path, body, COORDINATOR, **flood)
        assert (refused.status_code, slug(refused)) == (403, "other-disaster")
        assert (refused.json["disaster_id"], refused.json["body_id"]) == (WILDFIRES, "city")
    for path, body in (
        ("/shipments/s/dispatch", {}),
        ("/shipments/s/cancel", {"reason": "도로 통제"}),
        ("/shipments/s/receipts", {"lines": [{"item_id": "kit", "quantity": 1}]}),
        ("/requests/q/close", {"reason": "현지 조달"}),
    ):
        refused = inventory.post(path, body, COORDINATOR, version=1, **flood)
        assert (refused.status_code, slug(refused)) == (403, "other-disaster")
    assert inventory.post("/shipments/s/dispatch", {}, COORDINATOR, version=1, **here).status_code == 200


def test_goods_are_received_by_who_acts_in_every_disaster(inventory: Inventory) -> None:
    """What lies in a depot serves whatever comes next, so it belongs to no disaster."""
    received = {"item_id": "kit", "depot_id": "gym", "quantity": 5, "source": "시"}
    refused = inventory.post("/receipts", received, COORDINATOR, disaster=WILDFIRES)
    assert (refused.status_code, slug(refused)) == (403, "other-disaster")


@pytest.mark.parametrize("path", READS)
def test_goods_are_seen_by_those_who_move_or_count_them(inventory: Inventory, path: str) -> None:
    seeing = {role for role in Role if inventory.get(path, role).status_code == 200}
    assert seeing == {COORDINATOR, IMPORTER, AUDITOR, ADMINISTRATOR}
    assert inventory.get(path).status_code == 401


def test_what_each_lot_stands_at_is_told_to_those_who_compare_it(inventory: Inventory) -> None:
    inventory.stock("more-kits", 5)
    comparing = {role for role in Role if inventory.get("/balances", role).status_code == 200}
    assert comparing == {AUDITOR, ADMINISTRATOR}
    first = inventory.get("/balances?limit=1", AUDITOR).json
    assert first["items"] == [{"lot_id": "city-kits", "on_hand": 10, "reserved": 2, "delivered": 0}]
    rest = inventory.get(f"/balances?after={first['next']}", ADMINISTRATOR).json
    assert rest == {"items": [{"lot_id": "more-kits", "on_hand": 5, "reserved": 0, "delivered": 0}], "next": None}


@pytest.mark.parametrize(
    ("path", "body", "version"),
    [
        ("/items", {"name": "모포", "unit": "장"}, None),
        ("/items/kit/names", {"name": "재해구호세트"}, 1),
        ("/receipts", {"item_id": "kit", "depot_id": "gym", "quantity": 5, "source": "시"}, None),
        ("/requests", request_of(1), None),
        ("/requests/q/close", {"reason": "현지 조달"}, 1),
        ("/shipments", shipment(1), None),
        ("/shipments/s/dispatch", {}, 1),
        ("/shipments/s/cancel", {"reason": "도로 통제"}, 1),
        ("/shipments/s/receipts", {"lines": [{"item_id": "kit", "quantity": 1}]}, 1),
    ],
)
def test_nobody_else_changes_anything(
    inventory: Inventory, path: str, body: dict[str, Any], version: int | None
) -> None:
    keepers = {COORDINATOR, IMPORTER} | ({ADMINISTRATOR} if path.startswith("/items") else set())
    for role in set(Role) - keepers:
        refused = inventory.post(path, body, role, version=version)
        assert (refused.status_code, slug(refused)) == (403, "role-missing"), role
    assert inventory.post(path, body, version=version).status_code == 401


def test_every_change_of_goods_is_done_for_a_body() -> None:
    by_scope = {scope: {name for name, one in PERMISSIONS.items() if one.scope is scope} for scope in Scope}
    assert by_scope[Scope.PUBLIC] == {"show_totals"}
    assert by_scope[Scope.BODY] == {
        *("receive_stock", "request_goods", "close_request"),
        *("ship", "dispatch", "cancel", "receive_shipment"),
    }
