"""HTTP of inventory, and how its refusals read on the wire."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.inventory import domain, schemas, store
from services.inventory.operations import shipments, stock
from services.inventory.permissions import DATING, PERMISSIONS
from shared.changes import Change
from shared.clock import seoul_date
from shared.fields import PageQuery, page_of
from shared.http import Blueprint, current_service
from shared.problems import ProblemKind
from shared.refusals import Refusal
from shared.rows import one, page

PROBLEMS: Final[dict[type[Refusal], ProblemKind]] = {
    domain.StockTooLow: ProblemKind("stock-too-low", 409, "Not enough in stock"),
    domain.TooManyLots: ProblemKind("too-many-lots", 422, "Too many lots for one shipment"),
    domain.LotElsewhere: ProblemKind("lot-elsewhere", 422, "Another item or depot"),
    domain.MoreThanShipped: ProblemKind("more-than-shipped", 409, "More than was shipped"),
    domain.NotInShipment: ProblemKind("not-in-shipment", 422, "Not in this shipment"),
    domain.RequestNotOpen: ProblemKind("request-not-open", 409, "The request is not open"),
    domain.OtherThanRequested: ProblemKind("other-than-requested", 422, "Does not answer the request"),
}

blueprint = Blueprint(
    "inventory",
    __name__,
    description="Relief goods, requests and shipments (구호물품)",
    permissions=PERMISSIONS,
    dating=DATING,
)


def where_equal(query: sa.Select[Any], table: sa.Table, arguments: dict[str, Any], *names: str) -> sa.Select[Any]:
    """The query narrowed to the columns whose values were given; those are taken out of `arguments`."""
    for name in names:
        if (value := arguments.pop(name, None)) is not None:
            query = query.where(table.c[name] == value)
    return query


@blueprint.change("/items", takes=schemas.NewItem, returns=schemas.GoodsItem)
def register_item(change: Change, body: dict[str, Any]) -> Any:
    """Register a kind of goods and its unit."""
    return stock.register_item(change, **body)


@blueprint.query("/items", takes=PageQuery, returns=page_of(schemas.GoodsItem))
def list_items(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Kinds of goods."""
    return page(tx, sa.select(store.items), store.items.c.number, **arguments)


@blueprint.change("/items/<id:item_id>/names", takes=schemas.NewItemName, returns=schemas.GoodsItem, edits=True)
def rename_item(change: Change, body: dict[str, Any], item_id: str) -> Any:
    """Call a kind of goods otherwise from a day on; a wrong name is corrected by a further one."""
    return stock.rename_item(change, item_id, **body)


@blueprint.change("/receipts", takes=schemas.NewReceipt, returns=schemas.StockLot)
def receive_stock(change: Change, body: dict[str, Any]) -> Any:
    """Take goods into a depot (입고); the answer is the lot they became."""
    return stock.receive_stock(change, **body)


@blueprint.query("/stock", takes=schemas.StockQuery, returns=page_of(schemas.StockLot))
def list_stock(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Lots with what is on hand, reserved and available."""
    query = where_equal(store.LOTS_WITH_ITEMS, store.lots, arguments, "body_id", "depot_id", "item_id")
    return page(tx, query, store.lots.c.number, **arguments)


@blueprint.query("/balances", takes=PageQuery, returns=page_of(schemas.Balance))
def list_balances(tx: Connection, arguments: dict[str, Any]) -> Any:
    """What every lot holds and has reserved, for the ledger to compare with."""
    return page(tx, store.BALANCES, store.lots.c.number, **arguments)


@blueprint.change("/requests", takes=schemas.NewRequest, returns=schemas.GoodsRequest)
def request_goods(change: Change, body: dict[str, Any]) -> Any:
    """Record what the field needs."""
    return stock.request_goods(change, **body)


@blueprint.query("/requests", takes=schemas.RequestQuery, returns=page_of(schemas.GoodsRequest))
def list_requests(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Requests of the field, oldest first."""
    query = where_equal(store.REQUESTS_WITH_ITEMS, store.requests, arguments, "body_id", "state")
    return page(tx, query, store.requests.c.number, **arguments)


@blueprint.query("/requests/<id:request_id>", returns=schemas.GoodsRequest)
def show_request(tx: Connection, _arguments: dict[str, Any], request_id: str) -> Any:
    """One request."""
    return one(tx, store.REQUEST_WITH_ITEM, "request", request_id)._asdict()


@blueprint.change(
    "/requests/<id:request_id>/close",
    takes=schemas.Reason,
    returns=schemas.GoodsRequest,
    status=200,
    edits=True,
)
def close_request(change: Change, body: dict[str, Any], request_id: str) -> Any:
    """Close a request that is no longer needed."""
    return stock.close_request(change, request_id, **body)


@blueprint.change("/shipments", takes=schemas.NewShipment, returns=schemas.Shipment)
def ship(change: Change, body: dict[str, Any]) -> Any:
    """Reserve goods for a shipment, and dispatch it at once if asked; refused as a whole when anything is missing."""
    return shipments.ship(change, **body)


@blueprint.query("/shipments", takes=schemas.ShipmentQuery, returns=page_of(schemas.ShipmentSummary))
def list_shipments(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Shipments with their lines, oldest first."""
    query = where_equal(sa.select(store.shipments), store.shipments, arguments, "body_id", "state", "region_id")
    found = page(tx, query, store.shipments.c.number, **arguments)
    views: dict[str, Any] = {row["id"]: {**row, "lines": []} for row in found["items"]}
    for line in store.lines_of(tx, views):
        views[line.shipment_id]["lines"].append(line._asdict())
    return {**found, "items": list(views.values())}


@blueprint.query("/shipments/<id:shipment_id>", returns=schemas.Shipment)
def show_shipment(tx: Connection, _arguments: dict[str, Any], shipment_id: str) -> Any:
    """One shipment with its lines and steps."""
    return shipments.show(tx, shipment_id)


@blueprint.change(
    "/shipments/<id:shipment_id>/dispatch",
    takes=schemas.ShipmentDispatch,
    returns=schemas.Shipment,
    status=200,
    edits=True,
)
def dispatch(change: Change, body: dict[str, Any], shipment_id: str) -> Any:
    """Let a reserved shipment leave its depot (출고)."""
    return shipments.dispatch(change, shipment_id, **body)


@blueprint.change(
    "/shipments/<id:shipment_id>/cancel",
    takes=schemas.Reason,
    returns=schemas.Shipment,
    status=200,
    edits=True,
)
def cancel(change: Change, body: dict[str, Any], shipment_id: str) -> Any:
    """Call off a shipment that has not left; its goods become available again."""
    return shipments.cancel(change, shipment_id, **body)


@blueprint.change(
    "/shipments/<id:shipment_id>/receipts",
    takes=schemas.NewShipmentReceipt,
    returns=schemas.Shipment,
    edits=True,
)
def receive_shipment(change: Change, body: dict[str, Any], shipment_id: str) -> Any:
    """Record what arrived at the site (인수), never more than was shipped."""
    return shipments.receive_shipment(change, shipment_id, **body)


@blueprint.query("/totals", takes=schemas.TotalsQuery, returns=schemas.Totals)
def show_totals(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Dispatched quantities by item and by unit, as of a day, for everybody; unlike units are never added."""
    as_of = arguments.get("as_of") or seoul_date(current_service().clock.now())
    return shipments.totals_view(tx, as_of, arguments.get("disaster_id"))
