"""Use cases around a depot: kinds of goods, depots, receipts, and what the field asks for."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.inventory import domain, events, store
from services.inventory.domain import RequestState
from shared.changes import Change, new_id
from shared.refusals import check_date_order
from shared.rows import get, insert_new, one, update


def register_item(change: Change, *, name: str, unit: str, id: str | None = None) -> dict[str, Any]:
    """Register a kind of goods together with the one unit it is counted in."""
    item_id = id or new_id()
    item = insert_new(change.tx, store.items, "item", id=item_id, name=name, unit=unit)
    change.record(
        events.ItemRegistered(item_id=item_id, name=name, unit=unit),
        subject=item_id,
        version=1,
        effective_date=change.today,
    )
    return item._asdict()


def register_depot(change: Change, *, name: str, region: str | None = None, id: str | None = None) -> dict[str, Any]:
    depot_id = id or new_id()
    depot = insert_new(change.tx, store.depots, "depot", id=depot_id, name=name, region=region)
    change.record(
        events.DepotRegistered(depot_id=depot_id, name=name, region=region),
        subject=depot_id,
        version=1,
        effective_date=change.today,
    )
    return depot._asdict()


def receive_stock(
    change: Change,
    *,
    item_id: str,
    depot_id: str,
    quantity: int,
    source: str,
    expires_on: date | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Take goods into a depot as a new lot (입고)."""
    lot_id, on = id or new_id(), change.effective_date(effective_date)
    item = get(change.tx, store.items, "item", item_id)
    get(change.tx, store.depots, "depot", depot_id)
    lot = insert_new(
        change.tx,
        store.lots,
        "receipt",
        id=lot_id,
        item_id=item_id,
        depot_id=depot_id,
        received=quantity,
        on_hand=quantity,
        reserved=0,
        expires_on=expires_on,
        source=source,
        effective_date=on,
        recorded_at=change.now,
        recorded_by=change.actor.id,
        version=1,
    )
    change.record(
        events.StockReceived(
            receipt_id=lot_id,
            item_id=item_id,
            item_name=item.name,
            unit=item.unit,
            lot_id=lot_id,
            depot_id=depot_id,
            quantity=quantity,
        ),
        subject=lot_id,
        version=1,
        effective_date=on,
    )
    return {**lot._asdict(), "available": quantity, "item_name": item.name, "unit": item.unit}


def request_goods(
    change: Change,
    *,
    disaster_id: str,
    region: str,
    item_id: str,
    quantity: int,
    site_id: str | None = None,
    note: str | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Record what the field needs (현장수요)."""
    request_id, on = id or new_id(), change.effective_date(effective_date)
    item = get(change.tx, store.items, "item", item_id)
    asked: dict[str, Any] = {
        "disaster_id": disaster_id,
        "region": region,
        "item_id": item_id,
        "quantity": quantity,
    }
    request = insert_new(
        change.tx,
        store.requests,
        "request",
        id=request_id,
        site_id=site_id,
        note=note,
        shipped_quantity=0,
        state=RequestState.OPEN.value,
        effective_date=on,
        recorded_at=change.now,
        recorded_by=change.actor.id,
        version=1,
        **asked,
    )
    change.record(
        events.GoodsRequested(request_id=request_id, unit=item.unit, **asked),
        subject=request_id,
        version=1,
        effective_date=on,
    )
    return {**request._asdict(), "item_name": item.name, "unit": item.unit}


def close_request(
    change: Change, request_id: str, *, reason: str, effective_date: date | None = None
) -> dict[str, Any]:
    """Close an open request that is no longer needed; what was shipped for it stays shipped."""
    on = change.effective_date(effective_date)
    get(change.tx, store.requests, "request", request_id, lock=True)
    request = open_request(change.tx, request_id)
    change.check_version(request.version)
    check_date_order(on, request.effective_date)
    closed = update(change.tx, store.requests, request, state=RequestState.CLOSED.value, closing_reason=reason)
    change.record(
        events.RequestClosed(request_id=request_id, disaster_id=request.disaster_id, region=request.region),
        subject=request_id,
        version=closed.version,
        effective_date=on,
    )
    return {**request._asdict(), **closed._asdict()}


def open_request(tx: Connection, request_id: str) -> sa.Row[Any]:
    """The request with its item's unit. Raises RequestNotOpen."""
    request = one(tx, store.REQUEST_WITH_ITEM, "request", request_id)
    if request.state != RequestState.OPEN:
        raise domain.RequestNotOpen(
            request_id=request_id,
            state=request.state,
            shipped=request.shipped_quantity,
            requested=request.quantity,
            unit=request.unit,
        )
    return request
