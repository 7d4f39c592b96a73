"""The city's relief goods for the 2025 Yeongnam wildfires, as every test of inventory finds them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask

from services.inventory import store
from services.inventory.app import create_app
from shared.auth import Role
from shared.config import Settings
from shared.db import Database
from shared.events import Event, read_data
from shared.http import EXTENSION
from tests.support import Answer, Caller, FixedClock

COORDINATOR, IMPORTER = Role.COORDINATOR, Role.IMPORTER
AUDITOR, ADMINISTRATOR = Role.AUDITOR, Role.ADMINISTRATOR
WILDFIRES: Final = "2025-yeongnam-wildfires"
ANDONG, UISEONG = "4717000000", "4773000000"
DEPOT: Final = "north-depot"
ITEMS: Final = (
    {"id": "shelter", "name": "이동식 대피소", "english_name": "Mobile shelter", "unit": "동"},
    {"id": "kit", "name": "응급구호세트", "english_name": "Emergency kit", "unit": "개"},
)
# Who acts for another body than the city.
DISTRICTS: Final[dict[str, Any]] = {"account": "district-coordinator", "body": "districts"}


class Inventory(Caller):
    """Calls the API as the city's coordinator unless told otherwise."""

    def __init__(self, app: Flask, settings: Settings, clock: FixedClock) -> None:
        super().__init__(app, "inventory", settings, clock)
        self.app = app
        self.database: Database = app.extensions[EXTENSION].database

    def stock(self, lot_id: str, quantity: int, item_id: str = "kit", **more: Any) -> dict[str, Any]:
        """Take goods into the depot; what happened long ago is recorded by an import."""
        body = {"id": lot_id, "item_id": item_id, "depot_id": DEPOT, "quantity": quantity, "source": "시 비축창고"}
        answer = self.post("/receipts", body | more, IMPORTER)
        assert answer.status_code == 201, answer.text
        return dict(answer.json)

    def ship(self, quantity: int, item_id: str = "kit", **more: Any) -> Answer:
        return self.post("/shipments", shipment(quantity, item_id, **more), COORDINATOR)

    def step(
        self, shipment_id: str, step: str, version: int, body: dict[str, Any] | None = None, **whom: Any
    ) -> Answer:
        return self.post(f"/shipments/{shipment_id}/{step}", body or {}, COORDINATOR, version=version, **whom)

    def lot(self, lot_id: str) -> tuple[int, int, int]:
        """What the lot has on hand, reserved and available."""
        found = {row["id"]: row for row in self.get("/stock?limit=1000", AUDITOR).json["items"]}[lot_id]
        return found["on_hand"], found["reserved"], found["available"]

    def told(self, fact: str) -> list[tuple[Event, dict[str, Any]]]:
        """The events of one type with what they say."""
        bodies = sa.select(store.outbox.c.body).where(store.outbox.c.event_type == f"inventory.{fact}.v1")
        with self.database.read() as tx:
            events = [Event.from_bytes(bytes(row.body)) for row in tx.execute(bodies.order_by(store.outbox.c.id))]
        return [(event, read_data(dict[str, Any], event.data)) for event in events]


@contextmanager
def opened(settings: Settings, clock: FixedClock) -> Iterator[Inventory]:
    """Two items, and nothing in stock."""
    inventory = Inventory(create_app(settings, clock), settings, clock)
    for item in ITEMS:
        assert inventory.post("/items", item, COORDINATOR).status_code == 201
    yield inventory
    inventory.database.close()


def shipment(quantity: Any, item_id: str = "kit", **more: Any) -> dict[str, Any]:
    lines = [{"item_id": item_id, "quantity": quantity}]
    return {"depot_id": DEPOT, "disaster_id": WILDFIRES, "region_id": ANDONG, "lines": lines} | more


def request_of(quantity: int, **more: Any) -> dict[str, Any]:
    where = {"disaster_id": WILDFIRES, "region_id": ANDONG, "site_id": "andong-gymnasium"}
    return where | {"item_id": "kit", "quantity": quantity} | more


def slug(answer: Answer) -> str:
    return str(answer.json["type"]).rpartition(":")[2]
