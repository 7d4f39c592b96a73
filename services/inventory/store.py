"""Tables and queries of inventory. Quantities are whole units of the item in BIGINT columns."""

from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.inventory.domain import Hold
from shared.access import access_table
from shared.db import RowNumber, UtcDateTime
from shared.idempotency import idempotency_table
from shared.outbox import outbox_table
from shared.seals import seal_column, unsealed

metadata = sa.MetaData()
outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
access = access_table(metadata)
MIGRATIONS = Path(__file__).parent / "migrations"


class LastDay(sa.types.TypeDecorator[date]):
    """The last day on which goods may be used. What never expires is kept as the last day there is: then a plain index
    has the order in which goods leave, on every database.
    """

    impl = sa.Date
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: sa.Dialect) -> date:
        return value or date.max

    def process_result_value(self, value: date | None, dialect: sa.Dialect) -> date | None:
        return None if value == date.max else value


def last_day(named: date | None) -> date | None:
    """The last day there is means that goods never expire, whoever names it."""
    return None if named == date.max else named


COUNTED = unsealed("changed by one conditional write; reconciliation compares it with the ledger's count")

items = sa.Table(
    "items",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("english_name", sa.String(200)),
    sa.Column("unit", sa.String(20), nullable=False),
    sa.Column("named_on", sa.Date, nullable=False),  # since when it is called so
    sa.Column("version", sa.Integer, nullable=False),
    seal_column(),
)

# A receipt is a lot: what arrived together is kept, counted and traced together, so they share one id.
lots = sa.Table(
    "lots",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("body_id", sa.String(64), nullable=False),
    sa.Column("item_id", sa.String(64), sa.ForeignKey("items.id"), nullable=False),
    sa.Column("depot_id", sa.String(64), nullable=False),
    sa.Column("received", sa.BigInteger, nullable=False),
    sa.Column("on_hand", sa.BigInteger, nullable=False, info=COUNTED),
    sa.Column("reserved", sa.BigInteger, nullable=False, info=COUNTED),
    sa.Column("expires_on", LastDay, nullable=False),
    sa.Column("source", sa.String(200), nullable=False),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("recorded_by", sa.String(64), nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    seal_column(),
    sa.CheckConstraint("0 <= reserved AND reserved <= on_hand AND on_hand <= received", name="lot_is_not_overdrawn"),
    # In the order in which goods leave. Lots that are used up would stand first, so they are left out; those that came
    # after the day of a shipment are passed by.
    sa.Index(
        "lots_to_leave",
        *("depot_id", "body_id", "item_id", "expires_on", "number", "effective_date"),
        postgresql_where=sa.text("reserved < on_hand"),
        sqlite_where=sa.text("reserved < on_hand"),
    ),
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("body_id", sa.String(64), nullable=False),
    sa.Column("disaster_id", sa.String(64), nullable=False),
    sa.Column("region_id", sa.String(64), nullable=False),
    sa.Column("site_id", sa.String(64)),
    sa.Column("item_id", sa.String(64), sa.ForeignKey("items.id"), nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("shipped_quantity", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("note", sa.String(1000)),
    sa.Column("closing_reason", sa.String(1000)),
    sa.Column("closed_on", sa.Date),
    sa.Column("effective_date", sa.Date, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("recorded_by", sa.String(64), nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    seal_column(),
)

shipments = sa.Table(
    "shipments",
    metadata,
    sa.Column("number", RowNumber, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("body_id", sa.String(64), nullable=False),
    sa.Column("depot_id", sa.String(64), nullable=False),
    sa.Column("disaster_id", sa.String(64), nullable=False),
    sa.Column("region_id", sa.String(64), nullable=False),
    sa.Column("site_id", sa.String(64)),
    sa.Column("request_id", sa.String(64), sa.ForeignKey("requests.id"), index=True),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("dispatched_on", sa.Date, index=True),
    sa.Column("last_effective_date", sa.Date, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),  # any of its steps
    sa.Column("version", sa.Integer, nullable=False),
    seal_column(),
)

shipment_lines = sa.Table(
    "shipment_lines",
    metadata,
    sa.Column("shipment_id", sa.String(64), sa.ForeignKey("shipments.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("item_id", sa.String(64), sa.ForeignKey("items.id"), nullable=False),
    sa.Column("lot_id", sa.String(64), sa.ForeignKey("lots.id"), nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("received_quantity", sa.BigInteger, nullable=False, info=COUNTED),
    sa.Column("reserved_on", sa.Date, nullable=False),
    sa.Column("cancelled_on", sa.Date, info=unsealed("follows from the step that cancelled the shipment")),
    # The last day on which it changed what its lot had available.
    sa.Column("changed_on", sa.Date, sa.Computed("coalesce(cancelled_on, reserved_on)", persisted=True)),
    seal_column(),
    sa.CheckConstraint("0 <= received_quantity AND received_quantity <= quantity", name="received_within_shipped"),
    sa.Index("changes_of_a_lot", "lot_id", "changed_on"),
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
    sa.Column("late", sa.Boolean, nullable=False),
    seal_column(),
)


class Shelf(NamedTuple):
    """Where the lots of one item lie that a body may take of."""

    depot_id: str
    body_id: str
    item_id: str


class Place(NamedTuple):
    """A place in the order in which goods leave."""

    expires_on: date | None
    number: int


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
    """Items in the order of their numbers."""
    return {row.id: row for row in tx.execute(ITEMS, {"ids": list(item_ids)})}


ITEMS = sa.select(items).where(items.c.id.in_(sa.bindparam("ids", expanding=True))).order_by(items.c.number)


def lock_next_lots(tx: Connection, shelf: Shelf, on: date, after: Place, at_most: int) -> list[sa.Row[Any]]:
    """The next lots of a shelf that may leave on `on`, locked in the order in which goods leave: first expired, first
    out, what never expires last, and of equals the older receipt first.

    Every use case that changes several lots takes items by their numbers and the lots of an item in this order, so
    none waits for another in a circle. Who waited for a lot sees it as it was left.
    """
    return list(tx.execute(NEXT_LOTS, {**_asked(shelf, on, after), "at_most": at_most}))


def lock_named_lots(
    tx: Connection, shelf: Shelf, on: date, after: Place, lot_ids: Collection[str]
) -> list[sa.Row[Any]]:
    """As `lock_next_lots`, but of these lots alone."""
    return list(tx.execute(NAMED_LOTS, {**_asked(shelf, on, after), "lot_ids": list(lot_ids)}))


def _asked(shelf: Shelf, on: date, after: Place) -> dict[str, Any]:
    return {**shelf._asdict(), "on": on, "after_day": after.expires_on, "after_number": after.number}


LOT_IDS: sa.BindParameter[Any] = sa.bindparam("lot_ids", expanding=True)
ON = sa.bindparam("on", type_=sa.Date)
AFTER = sa.tuple_(sa.bindparam("after_day", type_=LastDay), sa.bindparam("after_number", type_=sa.BigInteger))
LOTS_TO_LEAVE = (
    sa.select(lots.c.id, lots.c.number, lots.c.expires_on, (lots.c.on_hand - lots.c.reserved).label("available"))
    .where(
        *(lots.c[name] == sa.bindparam(name) for name in Shelf._fields),
        lots.c.reserved < lots.c.on_hand,
        lots.c.effective_date <= ON,
        sa.tuple_(lots.c.expires_on, lots.c.number) > AFTER,
    )
    .order_by(lots.c.expires_on, lots.c.number)
    .with_for_update()
)
NEXT_LOTS = LOTS_TO_LEAVE.limit(sa.bindparam("at_most", type_=sa.Integer))
NAMED_LOTS = LOTS_TO_LEAVE.where(lots.c.id.in_(LOT_IDS))


def holds_since(tx: Connection, lot_ids: Collection[str], on: date) -> list[Hold]:
    """What shipments took of these lots: those that were reserved after `on` and stand, or were cancelled after it."""
    return [Hold(*row) for row in tx.execute(HOLDS_SINCE, {"lot_ids": list(lot_ids), "on": on})]


HOLDS_SINCE = sa.select(
    *(shipment_lines.c[name] for name in ("lot_id", "quantity", "reserved_on", "cancelled_on"))
).where(shipment_lines.c.lot_id.in_(LOT_IDS), shipment_lines.c.changed_on > ON)


def end_holds(tx: Connection, shipment_id: str, on: date) -> None:
    """Say of every line of a shipment that it was cancelled on this day."""
    tx.execute(END_HOLDS, {"of_shipment": shipment_id, "on": on})


END_HOLDS = (
    sa.update(shipment_lines).where(shipment_lines.c.shipment_id == sa.bindparam("of_shipment")).values(cancelled_on=ON)
)

LOTS_WITH_ITEMS = sa.select(
    lots, (lots.c.on_hand - lots.c.reserved).label("available"), items.c.name.label("item_name"), items.c.unit
).join(items, items.c.id == lots.c.item_id)
# What every lot stands at, for the ledger to compare with.
DELIVERED = sa.select(sa.func.sum(shipment_lines.c.received_quantity)).where(shipment_lines.c.lot_id == lots.c.id)
BALANCES = sa.select(
    lots.c.number,
    lots.c.id.label("lot_id"),
    lots.c.on_hand,
    lots.c.reserved,
    sa.func.coalesce(DELIVERED.scalar_subquery(), 0).label("delivered"),
)
REQUESTS_WITH_ITEMS = sa.select(requests, items.c.name.label("item_name"), items.c.unit).join(
    items, items.c.id == requests.c.item_id
)
REQUEST_WITH_ITEM = REQUESTS_WITH_ITEMS.where(requests.c.id == sa.bindparam("id"))


def lines_of(tx: Connection, shipment_ids: Collection[str]) -> list[sa.Row[Any]]:
    """The lines of shipments with what is known of their items and lots, in order."""
    return list(tx.execute(LINES, {"shipment_ids": list(shipment_ids)}))


LINES = (
    sa.select(shipment_lines, items.c.name.label("item_name"), items.c.unit, lots.c.expires_on)
    .join(items, items.c.id == shipment_lines.c.item_id)
    .join(lots, lots.c.id == shipment_lines.c.lot_id)
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
