"""Events published on `relief.inventory.v1`. Quantities are whole units of the item."""

from datetime import date

from shared.events import Id, Name, Part, Payload, Quantity, Unit


class ItemRegistered(Payload, frozen=True, kw_only=True):
    """A kind of relief goods became known, with the unit it is counted in."""

    TYPE = "inventory.item_registered.v1"
    item_id: Id
    name: Name
    english_name: Name | None
    unit: Unit


class ItemRenamed(Payload, frozen=True, kw_only=True):
    """From this day on a kind of goods is called otherwise; the last name recorded is the one that is shown."""

    TYPE = "inventory.item_renamed.v1"
    item_id: Id
    name: Name
    english_name: Name | None


class StockReceived(Payload, frozen=True, kw_only=True):
    """Goods arrived in a depot as a new lot (입고); `depot_id` is a site."""

    TYPE = "inventory.stock_received.v1"
    receipt_id: Id
    item_id: Id
    item_name: Name
    unit: Unit
    lot_id: Id
    depot_id: Id
    quantity: Quantity
    expires_on: date | None
    source: Name


class GoodsRequested(Payload, frozen=True, kw_only=True):
    """The field asked for goods."""

    TYPE = "inventory.goods_requested.v1"
    request_id: Id
    disaster_id: Id
    region_id: Id
    site_id: Id | None
    item_id: Id
    unit: Unit
    quantity: Quantity


class RequestClosed(Payload, frozen=True, kw_only=True):
    """A request is no longer needed, whether or not it was filled."""

    TYPE = "inventory.request_closed.v1"
    request_id: Id
    disaster_id: Id
    region_id: Id
    site_id: Id | None


class Line(Part, frozen=True, kw_only=True):
    """A quantity of one lot."""

    item_id: Id
    item_name: Name
    unit: Unit
    lot_id: Id
    expires_on: date | None
    quantity: Quantity


class ShipmentEvent(Payload, frozen=True, kw_only=True):
    """Base of what is told of a shipment: from which depot, for which disaster, region and site."""

    shipment_id: Id
    depot_id: Id
    disaster_id: Id
    region_id: Id
    site_id: Id | None
    request_id: Id | None
    lines: list[Line]


class ShipmentReserved(ShipmentEvent, frozen=True, kw_only=True):
    """Goods were set aside for a shipment; they are still in the depot."""

    TYPE = "inventory.shipment_reserved.v1"


class ShipmentDispatched(ShipmentEvent, frozen=True, kw_only=True):
    """A shipment left the depot (출고) with all its lines."""

    TYPE = "inventory.shipment_dispatched.v1"


class ShipmentReceived(ShipmentEvent, frozen=True, kw_only=True):
    """Goods of a shipment were received at the site; `lines` says what was received this time."""

    TYPE = "inventory.shipment_received.v1"


class ShipmentCancelled(ShipmentEvent, frozen=True, kw_only=True):
    """A shipment was called off before it left; all its lines went back to their lots."""

    TYPE = "inventory.shipment_cancelled.v1"


PUBLISHED = (
    ItemRegistered,
    ItemRenamed,
    StockReceived,
    GoodsRequested,
    RequestClosed,
    ShipmentReserved,
    ShipmentDispatched,
    ShipmentReceived,
    ShipmentCancelled,
)
