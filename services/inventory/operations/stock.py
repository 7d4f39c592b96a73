"""Use cases around a depot: kinds of goods, receipts, and what the field asks for."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.inventory import domain, events, store
from services.inventory.domain import RequestState
from shared.changes import Change, new_id
from shared.dating import is_late
from shared.refusals import check_date_order
from shared.rows import get, insert_new, one, update


def register_item(
    change: Change,
    *,
    name: str,
    unit: str,
    english_name: str | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Register a kind of goods together with the one unit it is counted in."""
    item_id, on = id or new_id(), change.effective_date(effective_date)
    told: dict[str, Any] = {"name": name, "english_name": english_name, "unit": unit}
    item = insert_new(change.tx, store.items, "item", id=item_id, named_on=on, version=1, **told)
    change.record(
        events.ItemRegistered(item_id=item_id, **told), subject=item_id, version=item.version, effective_date=on
    )
    return item._asdict()


def rename_item(
    change: Change, item_id: str, *, name: str, english_name: str | None = None, effective_date: date | None = None
) -> dict[str, Any]:
    """Call a kind of goods otherwise from a day on, in both languages; its unit stays.

    The newest name is kept, so an older one cannot be put behind it.
    """
    on = change.effective_date(effective_date)
    item = get(change.tx, store.items, "item", item_id, lock=True)
    change.check_version(item.version)
    check_date_order(on, item.named_on)
    told: dict[str, Any] = {"name": name, "english_name": english_name}
    renamed = update(change.tx, store.items, item, named_on=on, **told)
    change.record(
        events.ItemRenamed(item_id=item_id, **told), subject=item_id, version=renamed.version, effective_date=on
    )
    return renamed._asdict()


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
    body_id = change.act_for()
    item = get(change.tx, store.items, "item", item_id)
    came: dict[str, Any] = {
        "item_id": item_id,
        "depot_id": depot_id,
        "expires_on": store.last_day(expires_on),
        "source": source,
    }
    lot = insert_new(
        change.tx,
        store.lots,
        "receipt",
        id=lot_id,
        body_id=body_id,
        received=quantity,
        on_hand=quantity,
        reserved=0,
        effective_date=on,
        recorded_at=change.now,
        recorded_by=change.actor.id,
        late=is_late(on, change.now),
        version=1,
        **came,
    )
    change.record(
        events.StockReceived(
            receipt_id=lot_id, lot_id=lot_id, item_name=item.name, unit=item.unit, quantity=quantity, **came
        ),
        subject=lot_id,
        version=lot.version,
        effective_date=on,
    )
    return {**lot._asdict(), "available": quantity, "item_name": item.name, "unit": item.unit}


def request_goods(
    change: Change,
    *,
    disaster_id: str,
    region_id: str,
    item_id: str,
    quantity: int,
    site_id: str | None = None,
    note: str | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Record what the field needs (현장수요)."""
    request_id, on = id or new_id(), change.effective_date(effective_date)
    body_id = change.act_for(disaster_id=disaster_id)
    item = get(change.tx, store.items, "item", item_id)
    asked: dict[str, Any] = {
        "disaster_id": disaster_id,
        "region_id": region_id,
        "site_id": site_id,
        "item_id": item_id,
        "quantity": quantity,
    }
    request = insert_new(
        change.tx,
        store.requests,
        "request",
        id=request_id,
        body_id=body_id,
        note=note,
        shipped_quantity=0,
        state=RequestState.OPEN.value,
        effective_date=on,
        recorded_at=change.now,
        recorded_by=change.actor.id,
        late=is_late(on, change.now),
        version=1,
        **asked,
    )
    change.record(
        events.GoodsRequested(request_id=request_id, unit=item.unit, **asked),
        subject=request_id,
        version=request.version,
        effective_date=on,
    )
    return {**request._asdict(), "item_name": item.name, "unit": item.unit}


def close_request(
    change: Change, request_id: str, *, reason: str, effective_date: date | None = None
) -> dict[str, Any]:
    """Close an open request that is no longer needed; what was shipped for it stays shipped."""
    on = change.effective_date(effective_date)
    locked = get(change.tx, store.requests, "request", request_id, lock=True)
    change.act_for(locked.body_id, locked.disaster_id)
    request = open_request(change.tx, request_id)
    change.check_version(request.version)
    check_date_order(on, request.effective_date)
    closed = update(
        change.tx,
        store.requests,
        request,
        state=RequestState.CLOSED.value,
        closing_reason=reason,
        closed_on=on,
        late=request.late or is_late(on, change.now),
    )
    change.record(
        events.RequestClosed(
            request_id=request_id,
            disaster_id=request.disaster_id,
            region_id=request.region_id,
            site_id=request.site_id,
        ),
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
