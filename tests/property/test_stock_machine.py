"""A Hypothesis state machine: whatever happens to the lots of an item, they equal a plain model after every step.

The model moves goods unit by unit, so it shares no arithmetic with what it checks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
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
from shared.auth import Actor, Role
from shared.changes import Change
from shared.db import Database
from shared.events import Event
from shared.migrations import migrate

NOW = datetime(2025, 4, 11, 3, 0, tzinfo=UTC)
TODAY = date(2025, 4, 11)
QUANTITY = st.integers(1, 12)
EXPIRY = st.sampled_from([None, date(2025, 4, 10), TODAY, date(2026, 1, 1), date(2028, 1, 1)])
PICK = st.integers(0, 1_000_000)
numbers = count(1)


@dataclass
class ModelLot:
    """How many units lie in the lot, and how many of those wait for a shipment."""

    id: str
    expires_on: date | None
    free: int
    reserved: int = 0


@dataclass
class ModelShipment:
    """The lots its units came from, one entry per unit; `left` and `arrived` say how far they are."""

    id: str
    units: list[str]
    version: int = 1
    left: bool = False
    arrived: int = 0


@dataclass
class Model:
    lots: dict[str, ModelLot] = field(default_factory=dict)
    waiting: list[ModelShipment] = field(default_factory=list)
    under_way: list[ModelShipment] = field(default_factory=list)
    dispatched: int = 0
    arrived: int = 0

    def take_one(self) -> str | None:
        """Reserve one usable unit, the earliest expiry first, and say of which lot."""
        usable = [lot for lot in self.lots.values() if lot.free and (lot.expires_on or date.max) >= TODAY]
        if not usable:
            return None
        first = min(usable, key=lambda lot: lot.expires_on or date.max)  # of equals the first, which is the oldest
        first.free -= 1
        first.reserved += 1
        return first.id

    def give_back(self, units: list[str]) -> None:
        for lot_id in units:
            self.lots[lot_id].free += 1
            self.lots[lot_id].reserved -= 1


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
            stock.register_item(self.change(tx), id=self.example, name="응급구호세트", unit="개")
            stock.register_depot(self.change(tx), id=self.example, name="북부 물류창고")

    def change(self, tx: sa.Connection, version: int | None = None) -> Change:
        actor = Actor("coordinator", frozenset({Role.COORDINATOR}))
        return Change(tx, actor, NOW, "inventory", store.outbox, self.example, version)

    def ship(self, quantity: int, *, crash: bool = False) -> dict[str, Any]:
        lines = [{"item_id": self.example, "quantity": quantity}]
        with self.database.write() as tx:
            made = shipments.ship(
                self.change(tx), depot_id=self.example, disaster_id="yeongnam", region="안동시", lines=lines
            )
            if crash:
                raise Abandoned
        return made

    def receive(self, shipment: ModelShipment, quantity: int) -> dict[str, Any]:
        lines = [{"item_id": self.example, "quantity": quantity}]
        with self.database.write() as tx:
            return shipments.receive_shipment(self.change(tx, shipment.version), shipment.id, lines=lines)

    @rule(quantity=QUANTITY, expires_on=EXPIRY)
    def goods_arrive(self, quantity: int, expires_on: date | None) -> None:
        with self.database.write() as tx:
            lot = stock.receive_stock(
                self.change(tx),
                item_id=self.example,
                depot_id=self.example,
                quantity=quantity,
                source="시 비축창고",
                expires_on=expires_on,
            )
        self.model.lots[lot["id"]] = ModelLot(lot["id"], expires_on, free=quantity)

    @rule(quantity=QUANTITY)
    def a_shipment_is_asked_for(self, quantity: int) -> None:
        units = [lot_id for _ in range(quantity) if (lot_id := self.model.take_one()) is not None]
        if len(units) < quantity:
            with pytest.raises(domain.StockTooLow) as refusal:
                self.ship(quantity)
            assert refusal.value.facts["available"] == len(units)
            self.model.give_back(units)
            return
        made = self.ship(quantity)
        assert [line["lot_id"] for line in made["lines"] for _ in range(line["quantity"])] == units
        self.model.waiting.append(ModelShipment(made["id"], units))

    @rule(quantity=QUANTITY)
    def a_crash_before_the_commit_changes_nothing(self, quantity: int) -> None:
        with pytest.raises((Abandoned, domain.StockTooLow)):
            self.ship(quantity, crash=True)

    @precondition(lambda self: self.model.waiting)
    @rule(pick=PICK)
    def a_shipment_leaves(self, pick: int) -> None:
        shipment = self.model.waiting.pop(pick % len(self.model.waiting))
        with self.database.write() as tx:
            shipments.dispatch(self.change(tx, shipment.version), shipment.id)
        for lot_id in shipment.units:
            self.model.lots[lot_id].reserved -= 1
        self.model.dispatched += len(shipment.units)
        shipment.version += 1
        self.model.under_way.append(shipment)

    @precondition(lambda self: self.model.waiting)
    @rule(pick=PICK)
    def a_shipment_is_called_off(self, pick: int) -> None:
        shipment = self.model.waiting.pop(pick % len(self.model.waiting))
        with self.database.write() as tx:
            shipments.cancel(self.change(tx, shipment.version), shipment.id, reason="도로 통제")
        self.model.give_back(shipment.units)

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
        found = {row.id: (row.on_hand - row.reserved, row.reserved) for row in rows}
        assert found == {lot.id: (lot.free, lot.reserved) for lot in self.model.lots.values()}

    @invariant()
    def events_tell_the_same_quantities(self) -> None:
        with self.database.read() as tx:
            bodies = tx.execute(sa.select(store.outbox.c.body)).scalars().all()
        told: dict[str, int] = {}
        for event in (Event.from_bytes(bytes(body)) for body in bodies):
            if event.correlation_id == self.example and "lines" in event.data:
                told[event.type] = told.get(event.type, 0) + sum(line["quantity"] for line in event.data["lines"])
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

    limits = settings(max_examples=30, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(Machine, settings=limits)
