"""Events published on `relief.inventory.v1`. Quantities are whole units of the item."""

from dataclasses import dataclass

from shared.events import Payload


@dataclass(frozen=True)
class ItemRegistered(Payload):
    """A kind of relief goods became known, with the unit it is counted in."""

    TYPE = "inventory.item_registered.v1"
    item_id: str
    name: str
    unit: str


@dataclass(frozen=True)
class DepotRegistered(Payload):
    """A depot became known."""

    TYPE = "inventory.depot_registered.v1"
    depot_id: str
    name: str
    region: str | None


@dataclass(frozen=True)
class StockReceived(Payload):
    """Goods arrived in a depot as a new lot (입고)."""

    TYPE = "inventory.stock_received.v1"
    receipt_id: str
    item_id: str
    item_name: str
    unit: str
    lot_id: str
    depot_id: str
    quantity: int


@dataclass(frozen=True)
class GoodsRequested(Payload):
    """The field asked for goods."""

    TYPE = "inventory.goods_requested.v1"
    request_id: str
    disaster_id: str
    region: str
    item_id: str
    unit: str
    quantity: int


@dataclass(frozen=True)
class RequestClosed(Payload):
    """A request is no longer needed, whether or not it was filled."""

    TYPE = "inventory.request_closed.v1"
    request_id: str
    disaster_id: str
    region: str


@dataclass(frozen=True)
class Line:
    """A quantity of one lot."""

    item_id: str
    item_name: str
    unit: str
    lot_id: str
    quantity: int


@dataclass(frozen=True)
class ShipmentReserved(Payload):
    """Goods were set aside for a shipment; they are still in the depot."""

    TYPE = "inventory.shipment_reserved.v1"
    shipment_id: str
    disaster_id: str
    region: str
    request_id: str | None
    lines: list[Line]


@dataclass(frozen=True)
class ShipmentDispatched(Payload):
    """A shipment left the depot (출고) with all its lines."""

    TYPE = "inventory.shipment_dispatched.v1"
    shipment_id: str
    disaster_id: str
    region: str
    request_id: str | None
    lines: list[Line]


@dataclass(frozen=True)
class ShipmentReceived(Payload):
    """Goods of a shipment were received at the site; `lines` says what was received this time."""

    TYPE = "inventory.shipment_received.v1"
    shipment_id: str
    disaster_id: str
    region: str
    request_id: str | None
    lines: list[Line]


@dataclass(frozen=True)
class ShipmentCancelled(Payload):
    """A shipment was called off before it left; all its lines went back to their lots."""

    TYPE = "inventory.shipment_cancelled.v1"
    shipment_id: str
    disaster_id: str
    region: str
    request_id: str | None
    lines: list[Line]


ShipmentPayload = ShipmentReserved | ShipmentDispatched | ShipmentReceived | ShipmentCancelled

PUBLISHED = (
    ItemRegistered,
    DepotRegistered,
    StockReceived,
    GoodsRequested,
    RequestClosed,
    ShipmentReserved,
    ShipmentDispatched,
    ShipmentReceived,
    ShipmentCancelled,
)
