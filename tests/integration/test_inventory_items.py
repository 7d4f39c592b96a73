"""Kinds of relief goods: what they are called, and what they are counted in."""

from collections.abc import Iterator

import pytest

from shared.auth import Role
from shared.config import Settings
from tests.integration.inventory import (
    ADMINISTRATOR,
    AUDITOR,
    COORDINATOR,
    IMPORTER,
    Inventory,
    opened,
    slug,
)
from tests.support import FixedClock

TENT = {"id": "tent", "name": "재난용 텐트", "english_name": "Disaster tent", "unit": "동"}


@pytest.fixture
def inventory(settings: Settings, clock: FixedClock) -> Iterator[Inventory]:
    with opened(settings, clock) as inventory:
        yield inventory


@pytest.mark.parametrize("role", [COORDINATOR, ADMINISTRATOR, IMPORTER])
def test_an_item_is_registered_with_its_names_and_its_unit(inventory: Inventory, role: Role) -> None:
    made = inventory.post("/items", TENT, role)
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    assert made.json.items() >= (TENT | {"named_on": "2025-04-11"}).items()
    event, data = inventory.told("item_registered")[-1]
    told = {"item_id": "tent", "name": "재난용 텐트", "english_name": "Disaster tent", "unit": "동"}
    assert (event.subject, event.body_id, data) == ("tent", "city", told)


def test_an_item_may_have_no_english_name(inventory: Inventory) -> None:
    made = inventory.post("/items", {"name": "모포", "unit": "장"}, COORDINATOR)
    assert (made.status_code, made.json["english_name"]) == (201, None)
    assert inventory.told("item_registered")[-1][1]["english_name"] is None


@pytest.mark.parametrize("unit", ["원", "천원", "KRW", "won", "₩", "억 원", "달러", "USD"])
def test_money_is_no_unit_of_goods(inventory: Inventory, unit: str) -> None:
    refused = inventory.post("/items", TENT | {"unit": unit}, COORDINATOR)
    assert refused.status_code == 422
    assert "Money is no unit of goods" in refused.json["detail"]
    assert [item["id"] for item in inventory.get("/items", AUDITOR).json["items"]] == ["shelter", "kit"]


def test_a_renamed_item_is_called_otherwise_from_now_on_and_earlier_events_keep_its_name(inventory: Inventory) -> None:
    inventory.stock("before", 5)
    name = {"name": "재해구호세트", "english_name": "Relief set"}
    renamed = inventory.post("/items/kit/names", name, ADMINISTRATOR, version=1)
    assert (renamed.status_code, renamed.headers["ETag"]) == (201, '"2"')
    assert renamed.json.items() >= (name | {"unit": "개", "named_on": "2025-04-11"}).items()
    inventory.stock("after", 5)
    assert [data["item_name"] for _, data in inventory.told("stock_received")] == ["응급구호세트", "재해구호세트"]
    assert {lot["item_name"] for lot in inventory.get("/stock", AUDITOR).json["items"]} == {"재해구호세트"}
    ((event, data),) = inventory.told("item_renamed")
    assert (event.subject, event.aggregate_version, data) == ("kit", 2, name | {"item_id": "kit"})


def test_a_wrong_name_is_corrected_by_a_further_one(inventory: Inventory) -> None:
    for version, name in ((1, "재해구호셋트"), (2, "재해구호세트")):
        on = {"name": name, "effective_date": "2025-04-11"}
        assert inventory.post("/items/kit/names", on, COORDINATOR, version=version).status_code == 201
    (kit,) = (item for item in inventory.get("/items", AUDITOR).json["items"] if item["id"] == "kit")
    assert (kit["name"], kit["english_name"], kit["version"]) == ("재해구호세트", None, 3)


def test_an_item_is_not_renamed_before_it_got_its_name(inventory: Inventory) -> None:
    early = {"name": "재해구호세트", "effective_date": "2025-04-10"}
    refused = inventory.post("/items/kit/names", early, COORDINATOR, version=1)
    assert (refused.status_code, slug(refused)) == (422, "dates-out-of-order")


def test_a_name_that_somebody_else_changed_is_not_overwritten(inventory: Inventory) -> None:
    inventory.post("/items/kit/names", {"name": "재해구호세트"}, COORDINATOR, version=1)
    refused = inventory.post("/items/kit/names", {"name": "구호세트"}, COORDINATOR, version=1)
    assert (refused.status_code, refused.json["current"]) == (412, 2)
    assert inventory.post("/items/kit/names", {"name": "구호세트"}, COORDINATOR).status_code == 428
    assert inventory.post("/items/none/names", {"name": "구호세트"}, COORDINATOR, version=1).status_code == 404


def test_an_import_registers_and_renames_items_on_their_own_days(inventory: Inventory) -> None:
    made = inventory.post("/items", TENT | {"effective_date": "2020-01-01"}, IMPORTER)
    assert (made.status_code, made.json["named_on"]) == (201, "2020-01-01")
    name = {"name": "재난 텐트", "effective_date": "2024-07-01"}
    renamed = inventory.post("/items/tent/names", name, IMPORTER, version=1)
    assert (renamed.json["name"], renamed.json["named_on"]) == ("재난 텐트", "2024-07-01")
    assert [str(event.effective_date) for event, _ in inventory.told("item_registered")][-1] == "2020-01-01"
    assert [str(event.effective_date) for event, _ in inventory.told("item_renamed")] == ["2024-07-01"]
