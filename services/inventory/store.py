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
from shared.refusals import Unknown

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
    return _change_lot(tx, lot_id, lots.c.reserved + quantity <= lots.c.on_hand, reserved=lots.c.reserved + quantity)


def release_to_lot(tx: Connection, lot_id: str, quantity: int) -> bool:
    """Make a reserved quantity available again."""
    return _change_lot(tx, lot_id, lots.c.reserved >= quantity, reserved=lots.c.reserved - quantity)


def issue_from_lot(tx: Connection, lot_id: str, quantity: int) -> bool:
    """Let a reserved quantity leave the depot."""
    return _change_lot(
        tx,
        lot_id,
        lots.c.reserved >= quantity,
        reserved=lots.c.reserved - quantity,
        on_hand=lots.c.on_hand - quantity,
    )


def _change_lot(tx: Connection, lot_id: str, condition: sa.ColumnElement[bool], **values: Any) -> bool:
    changed = tx.execute(
        sa.update(lots).where(lots.c.id == lot_id, condition).values(version=lots.c.version + 1, **values)
    )
    return changed.rowcount == 1


def receive_of_line(tx: Connection, shipment_id: str, number: int, quantity: int) -> bool:
    """The guard at the other end: a line is never received beyond what was shipped of it."""
    lines = shipment_lines
    changed = tx.execute(
        sa.update(lines)
        .where(
            lines.c.shipment_id == shipment_id,
            lines.c.number == number,
            lines.c.received_quantity + quantity <= lines.c.quantity,
        )
        .values(received_quantity=lines.c.received_quantity + quantity)
    )
    return changed.rowcount == 1


def lock_lots_of_items(tx: Connection, depot_id: str, item_ids: Collection[str]) -> list[sa.Row[Any]]:
    """The lots of these items in a depot that still hold something available, locked in the order of recording.

    Every use case that locks several lots locks them in that order, so none waits for another in a circle.
    """
    query = sa.select(lots).where(
        lots.c.depot_id == depot_id, lots.c.item_id.in_(item_ids), lots.c.reserved < lots.c.on_hand
    )
    return list(tx.execute(query.order_by(lots.c.number).with_for_update()))


def lock_lots(tx: Connection, lot_ids: Collection[str]) -> None:
    tx.execute(sa.select(lots.c.id).where(lots.c.id.in_(lot_ids)).order_by(lots.c.number).with_for_update()).all()


def holds_since(tx: Connection, lot_ids: Collection[str], on: date) -> list[sa.Row[Any]]:
    """What shipments took of these lots: those that were reserved after `on` and stand, or were cancelled after it."""
    lines, reserved, cancelled = shipment_lines, shipment_steps.alias(), shipment_steps.alias()
    began, ended = reserved.c.effective_date, cancelled.c.effective_date
    query = (
        sa.select(lines.c.lot_id, lines.c.quantity, began.label("reserved_on"), ended.label("cancelled_on"))
        .join(reserved, (reserved.c.shipment_id == lines.c.shipment_id) & (reserved.c.step == Step.RESERVE.value))
        .outerjoin(
            cancelled, (cancelled.c.shipment_id == lines.c.shipment_id) & (cancelled.c.step == Step.CANCEL.value)
        )
        .where(lines.c.lot_id.in_(lot_ids), sa.or_(ended > on, sa.and_(ended.is_(None), began > on)))
    )
    return list(tx.execute(query))


def lots_with_items() -> sa.Select[Any]:
    return sa.select(
        lots,
        (lots.c.on_hand - lots.c.reserved).label("available"),
        items.c.name.label("item_name"),
        items.c.unit,
    ).join(items, items.c.id == lots.c.item_id)


def requests_with_items() -> sa.Select[Any]:
    return sa.select(requests, items.c.name.label("item_name"), items.c.unit).join(
        items, items.c.id == requests.c.item_id
    )


def one(tx: Connection, query: sa.Select[Any], id_column: sa.Column[Any], kind: str, id_: str) -> sa.Row[Any]:
    """The row of a joined query. Raises Unknown."""
    row = tx.execute(query.where(id_column == id_)).first()
    if row is None:
        raise Unknown(kind=kind, id=id_)
    return row


def lines_of(tx: Connection, shipment_ids: Collection[str]) -> list[sa.Row[Any]]:
    """The lines of shipments with the names and units of their items, in order."""
    lines = shipment_lines
    query = (
        sa.select(lines, items.c.name.label("item_name"), items.c.unit)
        .join(items, items.c.id == lines.c.item_id)
        .where(lines.c.shipment_id.in_(shipment_ids))
        .order_by(lines.c.shipment_id, lines.c.number)
    )
    return list(tx.execute(query))


def steps_of(tx: Connection, shipment_id: str) -> list[sa.Row[Any]]:
    query = sa.select(shipment_steps).where(shipment_steps.c.shipment_id == shipment_id)
    return list(tx.execute(query.order_by(shipment_steps.c.number)))


def add_shipped(tx: Connection, request_id: str, quantity: int) -> None:
    """Count a dispatched quantity towards a request; a request that was open is filled when nothing is missing."""
    shipped = requests.c.shipped_quantity + quantity
    state = sa.case(
        (
            sa.and_(requests.c.state == RequestState.OPEN.value, shipped >= requests.c.quantity),
            RequestState.FILLED.value,
        ),
        else_=requests.c.state,
    )
    tx.execute(
        sa.update(requests)
        .where(requests.c.id == request_id)
        .values(shipped_quantity=shipped, state=state, version=requests.c.version + 1)
    )


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
