"""What the inventory API takes and gives."""

from enum import StrEnum
from typing import Any

from marshmallow import fields, validate

from services.inventory.domain import RequestState, ShipmentState
from shared.fields import Day, Identifier, Moment, PageQuery, RegionId, Schema, Text, Unit, quantity

WHEN = "the day it took effect in Korea, at most a few days ago; today if left out"
OWN_CODE = "a code of your own; chosen by the system if left out"
MOST_LINES = 200


def day(**options: Any) -> Day:
    return Day(metadata={"description": WHEN}, **options)


def depot(**options: Any) -> Identifier:
    return Identifier(metadata={"description": "a site of the kind depot"}, **options)


def late(what: str = "whether it was recorded on a later day than it took effect") -> fields.Boolean:
    return fields.Boolean(metadata={"description": what})


def own_code() -> Identifier:
    return Identifier(metadata={"description": OWN_CODE})


def one_of(choices: type[StrEnum]) -> fields.String:
    return fields.String(validate=[validate.OneOf([choice.value for choice in choices])])


class NewItem(Schema):
    id = own_code()
    name = Text(200, required=True)
    english_name = Text(200, allow_none=True)
    unit = Unit(required=True, metadata={"description": "what it is counted in: 동, 개, 대 …"})
    effective_date = day()


class NewItemName(Schema):
    name = Text(200, required=True)
    english_name = Text(200, allow_none=True, metadata={"description": "none from now on if left out"})
    effective_date = day()


class GoodsItem(Schema):
    number = fields.Integer()
    id = Identifier()
    name = fields.String()
    english_name = fields.String(allow_none=True)
    unit = fields.String()
    named_on = Day(metadata={"description": "since when it is called so"})
    version = fields.Integer()


class NewReceipt(Schema):
    id = own_code()
    item_id = Identifier(required=True)
    depot_id = depot(required=True)
    quantity = quantity(required=True)
    expires_on = Day(allow_none=True, metadata={"description": "the last day the goods may be used"})
    source = Text(200, required=True, metadata={"description": "where the goods came from; an organisation"})
    effective_date = day()


class StockLot(Schema):
    number = fields.Integer()
    id = Identifier()
    body_id = Identifier(metadata={"description": "whose goods they are"})
    item_id = Identifier()
    item_name = fields.String()
    unit = fields.String()
    depot_id = depot()
    received = fields.Integer(metadata={"description": "what the lot held when it arrived"})
    on_hand = fields.Integer(metadata={"description": "still in the depot"})
    reserved = fields.Integer(metadata={"description": "of that, set aside for shipments"})
    available = fields.Integer()
    expires_on = Day(allow_none=True)
    source = fields.String()
    effective_date = Day()
    late = late()
    version = fields.Integer()


class StockQuery(PageQuery):
    body_id = Identifier()
    depot_id = depot()
    item_id = Identifier()


class Balance(Schema):
    """What a lot stands at, for the ledger to compare with."""

    lot_id = Identifier()
    on_hand = fields.Integer()
    reserved = fields.Integer()
    delivered = fields.Integer(metadata={"description": "received at the sites"})


class NewRequest(Schema):
    id = own_code()
    disaster_id = Identifier(required=True)
    region_id = RegionId(required=True)
    site_id = Identifier(allow_none=True)
    item_id = Identifier(required=True)
    quantity = quantity(required=True)
    note = Text(1000, multiline=True, allow_none=True)
    effective_date = day()


class GoodsRequest(Schema):
    number = fields.Integer()
    id = Identifier()
    body_id = Identifier(metadata={"description": "who asks"})
    disaster_id = Identifier()
    region_id = RegionId()
    site_id = Identifier(allow_none=True)
    item_id = Identifier()
    item_name = fields.String()
    unit = fields.String()
    quantity = fields.Integer()
    shipped_quantity = fields.Integer()
    state = one_of(RequestState)
    note = fields.String(allow_none=True)
    closing_reason = fields.String(allow_none=True)
    closed_on = Day(allow_none=True)
    effective_date = Day()
    recorded_at = Moment()
    recorded_by = fields.String()
    late = late("whether it was asked for or closed on an earlier day than that was recorded")
    version = fields.Integer()


class RequestQuery(PageQuery):
    body_id = Identifier()
    state = one_of(RequestState)


class Reason(Schema):
    reason = Text(1000, multiline=True, required=True)
    effective_date = day()


class WantedLine(Schema):
    item_id = Identifier(required=True)
    quantity = quantity(required=True)
    lot_id = Identifier(allow_none=True, metadata={"description": "insists on one lot; else earliest expiry first"})


class NewShipment(Schema):
    id = own_code()
    depot_id = depot(required=True)
    disaster_id = Identifier(required=True)
    region_id = RegionId(required=True)
    site_id = Identifier(allow_none=True)
    request_id = Identifier(allow_none=True)
    lines = fields.List(fields.Nested(WantedLine), required=True, validate=[validate.Length(min=1, max=MOST_LINES)])
    dispatch_now = fields.Boolean(load_default=False)
    effective_date = day()


class ShipmentDispatch(Schema):
    effective_date = day()


class ReceivedLine(Schema):
    item_id = Identifier(required=True)
    quantity = quantity(required=True)


class NewShipmentReceipt(Schema):
    lines = fields.List(fields.Nested(ReceivedLine), required=True, validate=[validate.Length(min=1, max=MOST_LINES)])
    note = Text(1000, multiline=True, allow_none=True)
    effective_date = day()


class ShipmentLine(Schema):
    number = fields.Integer()
    item_id = Identifier()
    item_name = fields.String()
    unit = fields.String()
    lot_id = Identifier()
    expires_on = Day(allow_none=True)
    quantity = fields.Integer()
    received_quantity = fields.Integer()


class ShipmentStep(Schema):
    step = fields.String()
    account = fields.String()
    note = fields.String(allow_none=True)
    effective_date = Day()
    recorded_at = Moment()
    late = late()


class ShipmentSummary(Schema):
    number = fields.Integer()
    id = Identifier()
    body_id = Identifier(metadata={"description": "who ships"})
    depot_id = depot()
    disaster_id = Identifier()
    region_id = RegionId()
    site_id = Identifier(allow_none=True)
    request_id = Identifier(allow_none=True)
    state = one_of(ShipmentState)
    dispatched_on = Day(allow_none=True)
    last_effective_date = Day()
    late = late("whether any of its steps was recorded on a later day than it took effect")
    lines = fields.List(fields.Nested(ShipmentLine))
    version = fields.Integer()


class Shipment(ShipmentSummary):
    steps = fields.List(fields.Nested(ShipmentStep))


class ShipmentQuery(PageQuery):
    body_id = Identifier()
    state = one_of(ShipmentState)
    region_id = RegionId()


class TotalsQuery(Schema):
    as_of = Day(metadata={"description": "the last effective date that counts; today if left out"})
    disaster_id = Identifier()


class ItemTotal(Schema):
    item_id = Identifier()
    item_name = fields.String()
    unit = fields.String()
    quantity = fields.Integer()


class UnitTotal(Schema):
    unit = fields.String()
    quantity = fields.Integer()


class Totals(Schema):
    as_of = Day()
    items = fields.List(fields.Nested(ItemTotal))
    units = fields.List(fields.Nested(UnitTotal))
