"""What the inventory API takes and gives."""

from enum import StrEnum
from typing import Any

from marshmallow import fields, validate

from services.inventory.domain import RequestState, ShipmentState
from shared.fields import Day, Identifier, Moment, PageQuery, Schema, Text, quantity

WHEN = "the day it took effect in Korea; today unless the import role gives an earlier one"
OWN_CODE = "a code of your own; chosen by the system if left out"
MOST_LINES = 200


def day(**options: Any) -> Day:
    return Day(metadata={"description": WHEN}, **options)


def own_code() -> Identifier:
    return Identifier(metadata={"description": OWN_CODE})


def one_of(choices: type[StrEnum]) -> fields.String:
    return fields.String(validate=[validate.OneOf([choice.value for choice in choices])])


class NewItem(Schema):
    id = own_code()
    name = Text(200, required=True)
    unit = Text(20, required=True, metadata={"description": "what it is counted in: 동, 개, 대 …"})


class GoodsItem(Schema):
    number = fields.Integer()
    id = Identifier()
    name = fields.String()
    unit = fields.String()


class NewDepot(Schema):
    id = own_code()
    name = Text(200, required=True)
    region = Text(100, allow_none=True)


class Depot(Schema):
    number = fields.Integer()
    id = Identifier()
    name = fields.String()
    region = fields.String(allow_none=True)


class NewReceipt(Schema):
    id = own_code()
    item_id = Identifier(required=True)
    depot_id = Identifier(required=True)
    quantity = quantity(required=True)
    expires_on = Day(allow_none=True, metadata={"description": "the last day the goods may be used"})
    source = Text(200, required=True, metadata={"description": "where the goods came from; an organisation"})
    effective_date = day()


class StockLot(Schema):
    number = fields.Integer()
    id = Identifier()
    item_id = Identifier()
    item_name = fields.String()
    unit = fields.String()
    depot_id = Identifier()
    received = fields.Integer(metadata={"description": "what the lot held when it arrived"})
    on_hand = fields.Integer(metadata={"description": "still in the depot"})
    reserved = fields.Integer(metadata={"description": "of that, set aside for shipments"})
    available = fields.Integer()
    expires_on = Day(allow_none=True)
    source = fields.String()
    effective_date = Day()
    version = fields.Integer()


class StockQuery(PageQuery):
    depot_id = Identifier()
    item_id = Identifier()


class NewRequest(Schema):
    id = own_code()
    disaster_id = Identifier(required=True)
    region = Text(100, required=True)
    site_id = Identifier(allow_none=True)
    item_id = Identifier(required=True)
    quantity = quantity(required=True)
    note = Text(1000, multiline=True, allow_none=True)
    effective_date = day()


class GoodsRequest(Schema):
    number = fields.Integer()
    id = Identifier()
    disaster_id = Identifier()
    region = fields.String()
    site_id = Identifier(allow_none=True)
    item_id = Identifier()
    item_name = fields.String()
    unit = fields.String()
    quantity = fields.Integer()
    shipped_quantity = fields.Integer()
    state = one_of(RequestState)
    note = fields.String(allow_none=True)
    closing_reason = fields.String(allow_none=True)
    effective_date = Day()
    recorded_at = Moment()
    recorded_by = fields.String()
    version = fields.Integer()


class RequestQuery(PageQuery):
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
    depot_id = Identifier(required=True)
    disaster_id = Identifier(required=True)
    region = Text(100, required=True)
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
    quantity = fields.Integer()
    received_quantity = fields.Integer()


class ShipmentStep(Schema):
    step = fields.String()
    account = fields.String()
    note = fields.String(allow_none=True)
    effective_date = Day()
    recorded_at = Moment()


class ShipmentSummary(Schema):
    number = fields.Integer()
    id = Identifier()
    depot_id = Identifier()
    disaster_id = Identifier()
    region = fields.String()
    site_id = Identifier(allow_none=True)
    request_id = Identifier(allow_none=True)
    state = one_of(ShipmentState)
    dispatched_on = Day(allow_none=True)
    last_effective_date = Day()
    lines = fields.List(fields.Nested(ShipmentLine))
    version = fields.Integer()


class Shipment(ShipmentSummary):
    steps = fields.List(fields.Nested(ShipmentStep))


class ShipmentQuery(PageQuery):
    state = one_of(ShipmentState)
    region = Text(100)


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
