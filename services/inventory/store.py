"""Tables and queries of inventory. Quantities are whole units of the item in BIGINT columns."""

from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.inventory.domain import RequestState, Step
from shared.db import RowNumber, UtcDateTime
from shared.idempotency import idempotency_table
from shared.outbox import outbox_table

metadata = sa.MetaData()
outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
MIGRATIONS = Path(__file__).parent / "migrations"

items = sa.Table(
    "items",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("unit", sa.String(20), nullable=False),
)

depots = sa.Table(
    "depots",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("region", sa.String(100)),
)

# A receipt is a lot: what arrived together is kept, counted and traced together, so they share one id.
lots = sa.Table(
    "lots",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("item_id", sa.String(64), sa.ForeignKey("items.id"), nullable=False),
    sa.Column("depot_id", sa.String(64), sa.ForeignKey("depots.id"), nullable=False),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("on_hand", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    sa.Column("expires_on", sa.Date),
    sa.Column("source", sa.String(200), nullable=False),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("recorded_by", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("0 <= reserved AND reserved <= on_hand AND on_hand <= received", name="lot_is_not_overdrawn"),
    sa.Index("lots_of_a_depot", "depot_id", "item_id"),
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("disaster_id", sa.String(64), nullable=False),
    sa.Column("region", sa.String(100), nullable=False),
    sa.Column("site_id", sa.String(64)),
    sa.Column("item_id", sa.String(64), sa.ForeignKey("items.id"), nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("shipped_quantity", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("note", sa.String(1000)),
    sa.Column("closing_reason", sa.String(1000)),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("recorded_by", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

shipments = sa.Table(
    "shipments",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("depot_id", sa.String(64), sa.ForeignKey("depots.id"), nullable=False),
    sa.Column("disaster_id", sa.String(64), nullable=False),
    sa.Column("region", sa.String(100), nullable=False),
    sa.Column("site_id", sa.String(64)),
    sa.Column("request_id", sa.String(64), sa.ForeignKey("requests.id"), index=True),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("dispatched_on", sa.Date, index=True),
    sa.Column("last_effective_date", sa.Date, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

shipment_lines = sa.Table(
    "shipment_lines",
    metadata,
    sa.Column("shipment_id", sa.String(64), sa.ForeignKey("shipments.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("item_id", sa.String(64), sa.ForeignKey("items.id"), nullable=False),
    sa.Column("lot_id", sa.String(64), sa.ForeignKey("lots.id"), nullable=False, index=True),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("received_quantity", sa.BigInteger, nullable=False),
    sa.CheckConstraint("0 <= received_quantity AND received_quantity <= quantity", name="received_within_shipped"),
)

shipment_steps = sa.Table(
    "shipment_steps",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("shipment_id", sa.String(64), sa.ForeignKey("shipments.id"), nullable=False, index=True),
    sa.Column("step", sa.String(20), nullable=False),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("note", sa.String(1000)),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
)


def reserve_of_lot(tx: Connection, lot_id: str, quantity: int) -> bool:
    """The guard: one conditional write sets the quantity aside of what is available in the lot, or nothing."""
    return tx.execute(RESERVE, {"lot_id": lot_id, "n": quantity}).rowcount == 1


def release_to_lot(tx: Connection, lot_id: str, quantity: int) -> bool:
    """Make a reserved quantity available again."""
    return tx.execute(RELEASE, {"lot_id": lot_id, "n": quantity}).rowcount == 1


def issue_from_lot(tx: Connection, lot_id: str, quantity: int) -> bool:
    """Let a reserved quantity leave the depot."""
    return tx.execute(ISSUE, {"lot_id": lot_id, "n": quantity}).rowcount == 1


def _change_lot(condition: sa.ColumnElement[bool], **values: Any) -> sa.Update:
    changed = {"version": lots.c.version + 1, **values}
    return sa.update(lots).where(lots.c.id == sa.bindparam("lot_id"), condition).values(changed)


QUANTITY = sa.bindparam("n", type_=sa.BigInteger)
RESERVE = _change_lot(lots.c.reserved + QUANTITY <= lots.c.on_hand, reserved=lots.c.reserved + QUANTITY)
RELEASE = _change_lot(lots.c.reserved >= QUANTITY, reserved=lots.c.reserved - QUANTITY)
ISSUE = _change_lot(lots.c.reserved >= QUANTITY, reserved=lots.c.reserved - QUANTITY, on_hand=lots.c.on_hand - QUANTITY)


def receive_of_line(tx: Connection, shipment_id: str, number: int, quantity: int) -> bool:
    """The guard at the other end: a line is never received beyond what was shipped of it."""
    return tx.execute(RECEIVE, {"of_shipment": shipment_id, "of_line": number, "n": quantity}).rowcount == 1


RECEIVE = (
    sa.update(shipment_lines)
    .where(
        shipment_lines.c.shipment_id == sa.bindparam("of_shipment"),
        shipment_lines.c.number == sa.bindparam("of_line"),
        shipment_lines.c.received_quantity + QUANTITY <= shipment_lines.c.quantity,
    )
    .values(received_quantity=shipment_lines.c.received_quantity + QUANTITY)
)


def items_by_id(tx: Connection, item_ids: Collection[str]) -> dict[str, sa.Row[Any]]:
    return {row.id: row for row in tx.execute(ITEMS, {"ids": list(item_ids)})}


ITEMS = sa.select(items).where(items.c.id.in_(sa.bindparam("ids", expanding=True)))


def lock_lots_of_items(tx: Connection, depot_id: str, item_ids: Collection[str]) -> list[sa.Row[Any]]:
    """The lots of these items in a depot that still hold something available, locked in the order of recording.

    Every use case that locks several lots locks them in that order, so none waits for another in a circle.
    """
    return list(tx.execute(LOCK_LOTS_OF_ITEMS, {"depot_id": depot_id, "item_ids": list(item_ids)}))


LOCK_LOTS_OF_ITEMS = (
    sa.select(lots)
    .where(
        lots.c.depot_id == sa.bindparam("depot_id"),
        lots.c.item_id.in_(sa.bindparam("item_ids", expanding=True)),
        lots.c.reserved < lots.c.on_hand,
    )
    .order_by(lots.c.number)
    .with_for_update()
)


def lock_lots(tx: Connection, lot_ids: Collection[str]) -> None:
    tx.execute(LOCK_LOTS, {"lot_ids": list(lot_ids)}).all()


LOT_IDS: sa.BindParameter[Any] = sa.bindparam("lot_ids", expanding=True)
LOCK_LOTS = sa.select(lots.c.id).where(lots.c.id.in_(LOT_IDS)).order_by(lots.c.number).with_for_update()


def holds_since(tx: Connection, lot_ids: Collection[str], on: date) -> list[sa.Row[Any]]:
    """What shipments took of these lots: those that were reserved after `on` and stand, or were cancelled after it."""
    return list(tx.execute(HOLDS_SINCE, {"lot_ids": list(lot_ids), "on": on}))


def _holds_since() -> sa.Select[Any]:
    lines, reserved, cancelled = shipment_lines, shipment_steps.alias(), shipment_steps.alias()
    began, ended, on = reserved.c.effective_date, cancelled.c.effective_date, sa.bindparam("on", type_=sa.Date)
    return (
        sa.select(lines.c.lot_id, lines.c.quantity, began.label("reserved_on"), ended.label("cancelled_on"))
        .join(reserved, (reserved.c.shipment_id == lines.c.shipment_id) & (reserved.c.step == Step.RESERVE.value))
        .outerjoin(
            cancelled, (cancelled.c.shipment_id == lines.c.shipment_id) & (cancelled.c.step == Step.CANCEL.value)
        )
        .where(lines.c.lot_id.in_(LOT_IDS), sa.or_(ended > on, sa.and_(ended.is_(None), began > on)))
    )


HOLDS_SINCE = _holds_since()

LOTS_WITH_ITEMS = sa.select(
    lots, (lots.c.on_hand - lots.c.reserved).label("available"), items.c.name.label("item_name"), items.c.unit
).join(items, items.c.id == lots.c.item_id)
REQUESTS_WITH_ITEMS = sa.select(requests, items.c.name.label("item_name"), items.c.unit).join(
    items, items.c.id == requests.c.item_id
)
REQUEST_WITH_ITEM = REQUESTS_WITH_ITEMS.where(requests.c.id == sa.bindparam("id"))


def lines_of(tx: Connection, shipment_ids: Collection[str]) -> list[sa.Row[Any]]:
    """The lines of shipments with the names and units of their items, in order."""
    return list(tx.execute(LINES, {"shipment_ids": list(shipment_ids)}))


LINES = (
    sa.select(shipment_lines, items.c.name.label("item_name"), items.c.unit)
    .join(items, items.c.id == shipment_lines.c.item_id)
    .where(shipment_lines.c.shipment_id.in_(sa.bindparam("shipment_ids", expanding=True)))
    .order_by(shipment_lines.c.shipment_id, shipment_lines.c.number)
)


def steps_of(tx: Connection, shipment_id: str) -> list[sa.Row[Any]]:
    return list(tx.execute(STEPS, {"shipment_id": shipment_id}))


STEPS = (
    sa.select(shipment_steps)
    .where(shipment_steps.c.shipment_id == sa.bindparam("shipment_id"))
    .order_by(shipment_steps.c.number)
)


def add_shipped(tx: Connection, request_id: str, quantity: int) -> None:
    """Count a dispatched quantity towards a request; a request that was open is filled when nothing is missing."""
    tx.execute(ADD_SHIPPED, {"of_request": request_id, "n": quantity})


def _add_shipped() -> sa.Update:
    shipped = requests.c.shipped_quantity + QUANTITY
    is_filled = sa.and_(requests.c.state == RequestState.OPEN.value, shipped >= requests.c.quantity)
    state = sa.case((is_filled, RequestState.FILLED.value), else_=requests.c.state)
    return (
        sa.update(requests)
        .where(requests.c.id == sa.bindparam("of_request"))
        .values(shipped_quantity=shipped, state=state, version=requests.c.version + 1)
    )


ADD_SHIPPED = _add_shipped()


def dispatched_totals(tx: Connection, as_of: date, disaster_id: str | None) -> list[sa.Row[Any]]:
    """What was dispatched up to and on a day, by item."""
    query = (
        sa.select(
            items.c.id.label("item_id"),
            items.c.name.label("item_name"),
            items.c.unit,
            sa.func.sum(shipment_lines.c.quantity).label("quantity"),
        )
        .join(shipment_lines, shipment_lines.c.item_id == items.c.id)
        .join(shipments, shipments.c.id == shipment_lines.c.shipment_id)
        .where(shipments.c.dispatched_on <= as_of)
        .group_by(items.c.number, items.c.id, items.c.name, items.c.unit)
        .order_by(items.c.number)
    )
    if disaster_id is not None:
        query = query.where(shipments.c.disaster_id == disaster_id)
    return list(tx.execute(query))
