"""A Hypothesis state machine: whatever happens to the lots of an item, they equal a plain model after every step.

The model moves goods unit by unit and looks at every day of the week that may be named, so it shares no arithmetic
with what it checks.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.inventory import domain, store
from services.inventory.operations import shipments, stock
from services.inventory.permissions import DATING, PERMISSIONS
from shared.auth import Role
from shared.changes import Change
from shared.db import Database
from shared.events import Event, read_data
from shared.migrations import migrate
from tests.support import BODY, actor

NOW = datetime(2025, 4, 11, 3, 0, tzinfo=UTC)
TODAY = date(2025, 4, 11)
WEEK = [TODAY - timedelta(days) for days in range(8)]
QUANTITY = st.integers(1, 12)
EXPIRY = st.sampled_from([None, date(2025, 4, 10), TODAY, date(2026, 1, 1), date(2028, 1, 1)])
DAY = st.sampled_from(WEEK)
PICK = st.integers(0, 1_000_000)
WHERE: dict[str, Any] = {"disaster_id": "2025-yeongnam-wildfires", "region_id": "4717000000"}
numbers = count(1)


@dataclass
class ModelLot:
    """What arrived together, and when."""

    id: str
    arrived_on: date
    expires_on: date | None
    received: int


@dataclass
class ModelUnit:
    """One unit that a shipment took of a lot, from a day on, and perhaps until a day."""

    lot_id: str
    since: date
    until: date | None = None
    left: bool = False

    def is_taken(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day < self.until)


@dataclass
class ModelShipment:
    """The units it took; `last_day` is that of its last step, and `arrived` says how many are there."""

    id: str
    units: list[ModelUnit]
    last_day: date
    version: int = 1
    arrived: int = 0


@dataclass
class Model:
    lots: dict[str, ModelLot] = field(default_factory=dict)
    units: list[ModelUnit] = field(default_factory=list)
    waiting: list[ModelShipment] = field(default_factory=list)
    under_way: list[ModelShipment] = field(default_factory=list)
    dispatched: int = 0
    arrived: int = 0

    def is_free(self, lot: ModelLot, on: date) -> bool:
        """Whether a unit may leave on that day and is missing to nobody on any day since."""
        if lot.arrived_on > on or (lot.expires_on or date.max) < on:
            return False
        taken = [unit for unit in self.units if unit.lot_id == lot.id]
        return all(sum(unit.is_taken(day) for unit in taken) < lot.received for day in WEEK if day >= on)

    def take_one(self, on: date) -> ModelUnit | None:
        """Take one unit of the lot that leaves first."""
        usable = [lot for lot in self.lots.values() if self.is_free(lot, on)]
        if not usable:
            return None
        first = min(usable, key=lambda lot: lot.expires_on or date.max)  # of equals the first, which is the oldest
        self.units.append(ModelUnit(first.id, on))
        return self.units[-1]

    def stock(self) -> dict[str, tuple[int, int]]:
        """What each lot has on hand and reserved."""
        standing = [unit for unit in self.units if unit.until is None]
        left = Counter(unit.lot_id for unit in standing if unit.left)
        waiting = Counter(unit.lot_id for unit in standing if not unit.left)
        return {lot.id: (lot.received - left[lot.id], waiting[lot.id]) for lot in self.lots.values()}


class Abandoned(Exception):
    """Stands for a crash between the change and its commit."""


class StockMachine(RuleBasedStateMachine):
    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.model = Model()

    @initialize()
    def open_a_depot(self) -> None:
        self.example = f"example-{next(numbers)}"
        with self.database.write() as tx:
            stock.register_item(self.change(tx, "register_item"), id=self.example, name="응급구호세트", unit="개")

    def change(self, tx: sa.Connection, operation: str, version: int | None = None, body: str = BODY) -> Change:
        return Change(
            tx=tx,
            actor=actor(Role.COORDINATOR, body=body),
            now=NOW,
            service="inventory",
            outbox=store.outbox,
            correlation_id=self.example,
            operation=operation,
            permission=PERMISSIONS[operation],
            dating=DATING,
            expected_version=version,
        )

    def ship(self, quantity: int, on: date, *, crash: bool = False, body: str = BODY) -> dict[str, Any]:
        lines = [{"item_id": self.example, "quantity": quantity}]
        with self.database.write() as tx:
            change = self.change(tx, "ship", body=body)
            made = shipments.ship(change, depot_id=self.example, lines=lines, effective_date=on, **WHERE)
            if crash:
                raise Abandoned
        return made

    def receive(self, shipment: ModelShipment, quantity: int) -> dict[str, Any]:
        lines = [{"item_id": self.example, "quantity": quantity}]
        with self.database.write() as tx:
            change = self.change(tx, "receive_shipment", shipment.version)
            return shipments.receive_shipment(change, shipment.id, lines=lines)

    @rule(quantity=QUANTITY, expires_on=EXPIRY, on=DAY)
    def goods_arrive(self, quantity: int, expires_on: date | None, on: date) -> None:
        with self.database.write() as tx:
            lot = stock.receive_stock(
                self.change(tx, "receive_stock"),
                item_id=self.example,
                depot_id=self.example,
                quantity=quantity,
                source="시 비축창고",
                expires_on=expires_on,
                effective_date=on,
            )
        self.model.lots[lot["id"]] = ModelLot(lot["id"], on, expires_on, quantity)

    @rule(quantity=QUANTITY, on=DAY)
    def a_shipment_is_asked_for(self, quantity: int, on: date) -> None:
        units = [unit for _ in range(quantity) if (unit := self.model.take_one(on)) is not None]
        if len(units) < quantity:
            with pytest.raises(domain.StockTooLow) as refusal:
                self.ship(quantity, on)
            assert refusal.value.facts["available"] == len(units)
            del self.model.units[len(self.model.units) - len(units) :]
            return
        made = self.ship(quantity, on)
        taken = [line["lot_id"] for line in made["lines"] for _ in range(line["quantity"])]
        assert taken == [unit.lot_id for unit in units]
        assert made["late"] == (on < TODAY)
        self.model.waiting.append(ModelShipment(made["id"], units, on))

    @rule(quantity=QUANTITY, on=DAY)
    def another_body_finds_nothing_to_ship(self, quantity: int, on: date) -> None:
        with pytest.raises(domain.StockTooLow) as refusal:
            self.ship(quantity, on, body="districts")
        assert refusal.value.facts["available"] == 0

    @rule(quantity=QUANTITY, on=DAY)
    def a_crash_before_the_commit_changes_nothing(self, quantity: int, on: date) -> None:
        with pytest.raises((Abandoned, domain.StockTooLow)):
            self.ship(quantity, on, crash=True)

    @precondition(lambda self: self.model.waiting)
    @rule(pick=PICK)
    def a_shipment_leaves(self, pick: int) -> None:
        shipment = self.model.waiting.pop(pick % len(self.model.waiting))
        with self.database.write() as tx:
            shipments.dispatch(self.change(tx, "dispatch", shipment.version), shipment.id)
        for unit in shipment.units:
            unit.left = True
        self.model.dispatched += len(shipment.units)
        shipment.version += 1
        self.model.under_way.append(shipment)

    @precondition(lambda self: self.model.waiting)
    @rule(pick=PICK, on=DAY)
    def a_shipment_is_called_off(self, pick: int, on: date) -> None:
        shipment = self.model.waiting.pop(pick % len(self.model.waiting))
        day = max(on, shipment.last_day)
        with self.database.write() as tx:
            change = self.change(tx, "cancel", shipment.version)
            shipments.cancel(change, shipment.id, reason="도로 통제", effective_date=day)
        for unit in shipment.units:
            unit.until = day

    @precondition(lambda self: self.model.under_way)
    @rule(pick=PICK, quantity=QUANTITY)
    def goods_reach_the_field(self, pick: int, quantity: int) -> None:
        shipment = self.model.under_way[pick % len(self.model.under_way)]
        remainder = len(shipment.units) - shipment.arrived
        if quantity > remainder:
            with pytest.raises(domain.MoreThanShipped) as refusal:
                self.receive(shipment, quantity)
            assert refusal.value.facts["available"] == remainder
            return
        view = self.receive(shipment, quantity)
        shipment.arrived += quantity
        shipment.version += 1
        self.model.arrived += quantity
        assert view["state"] == ("received" if shipment.arrived == len(shipment.units) else "partly_received")

    @invariant()
    def every_lot_equals_the_model(self) -> None:
        with self.database.read() as tx:
            rows = tx.execute(sa.select(store.lots).where(store.lots.c.depot_id == self.example)).all()
        assert {row.id: (row.on_hand, row.reserved) for row in rows} == self.model.stock()

    @invariant()
    def events_tell_the_same_quantities(self) -> None:
        with self.database.read() as tx:
            bodies = tx.execute(sa.select(store.outbox.c.body)).scalars().all()
        told: dict[str, int] = {}
        for event in (Event.from_bytes(bytes(body)) for body in bodies):
            if event.correlation_id == self.example:
                lines = read_data(dict[str, Any], event.data).get("lines", [])
                told[event.type] = told.get(event.type, 0) + sum(line["quantity"] for line in lines)
        assert told.get("inventory.shipment_dispatched.v1", 0) == self.model.dispatched
        assert told.get("inventory.shipment_received.v1", 0) == self.model.arrived

    def teardown(self) -> None:
        with self.database.write() as tx:
            tx.execute(sa.delete(store.outbox))  # the next example reads its own events only


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/inventory.db")
    migrate(database, store.MIGRATIONS)
    yield database
    database.close()


def test_stock_equals_a_plain_model_whatever_happens(database: Database) -> None:
    class Machine(StockMachine):
        def __init__(self) -> None:
            super().__init__(database)

    limits = settings(max_examples=60, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(Machine, settings=limits)
