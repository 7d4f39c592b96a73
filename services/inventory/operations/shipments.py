"""Use cases of a shipment: reserved of lots, dispatched, received at the site, or cancelled before it left."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.inventory import domain, events, store
from services.inventory.domain import Hold, Item, Lot, ShipmentState, ShippedLine, Step, Taking, Wanted
from services.inventory.operations.stock import open_request
from shared.changes import Change, new_id
from shared.refusals import check_date_order, next_state
from shared.rows import get, insert_new


def ship(
    change: Change,
    *,
    depot_id: str,
    disaster_id: str,
    region: str,
    lines: Sequence[dict[str, Any]],
    site_id: str | None = None,
    request_id: str | None = None,
    dispatch_now: bool = False,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Reserve goods for a shipment: every line in full, or the whole shipment is refused with what is missing."""
    tx, on, shipment_id = change.tx, change.effective_date(effective_date), id or new_id()
    get(tx, store.depots, "depot", depot_id)
    wanted = [_wanted(tx, depot_id, **line) for line in lines]
    if request_id is not None:
        _check_answers(open_request(tx, request_id), disaster_id, region, wanted)
    insert_new(
        tx,
        store.shipments,
        "shipment",
        id=shipment_id,
        depot_id=depot_id,
        disaster_id=disaster_id,
        region=region,
        site_id=site_id,
        request_id=request_id,
        state=ShipmentState.RESERVED.value,
        dispatched_on=None,
        last_effective_date=on,
        version=1,
    )
    takings = _reserve(tx, depot_id, wanted, on)
    _add_lines(tx, shipment_id, takings)
    _add_step(change, shipment_id, Step.RESERVE, on, None)
    shipment = get(tx, store.shipments, "shipment", shipment_id)
    _record(change, events.ShipmentReserved, shipment, ((taking, taking.quantity) for taking in takings), on)
    if dispatch_now:
        _dispatch(change, shipment, on)
    return shipment_view(tx, shipment_id)


def dispatch(change: Change, shipment_id: str, *, effective_date: date | None = None) -> dict[str, Any]:
    """Let a reserved shipment leave its depot (출고)."""
    on = change.effective_date(effective_date)
    _dispatch(change, _shipment_for(change, shipment_id, Step.DISPATCH, on), on)
    return shipment_view(change.tx, shipment_id)


def cancel(change: Change, shipment_id: str, *, reason: str, effective_date: date | None = None) -> dict[str, Any]:
    """Call off a shipment that has not left; its goods become available again."""
    tx, on = change.tx, change.effective_date(effective_date)
    shipment = _shipment_for(change, shipment_id, Step.CANCEL, on)
    lines = _shipped_lines(tx, shipment_id)
    store.lock_lots(tx, [line.lot_id for line in lines])
    for line in lines:
        _must_hold(store.release_to_lot(tx, line.lot_id, line.quantity))
    shipment = _advance(change, shipment, Step.CANCEL, on, note=reason)
    _record(change, events.ShipmentCancelled, shipment, ((line, line.quantity) for line in lines), on)
    return shipment_view(tx, shipment_id)


def receive_shipment(
    change: Change,
    shipment_id: str,
    *,
    lines: Sequence[dict[str, Any]],
    note: str | None = None,
    effective_date: date | None = None,
) -> dict[str, Any]:
    """Record what arrived at the site (인수): all of a shipment or a part, never more than was shipped."""
    tx, on = change.tx, change.effective_date(effective_date)
    shipment = _shipment_for(change, shipment_id, Step.RECEIVE_PART, on)
    shipped = _shipped_lines(tx, shipment_id)
    received: dict[str, int] = {}
    for line in lines:
        received[line["item_id"]] = received.get(line["item_id"], 0) + line["quantity"]
    shares = domain.spread(received, shipped)
    for part, quantity in shares:
        _must_hold(store.receive_of_line(tx, shipment_id, part.number, quantity))
    outstanding = sum(line.outstanding for line in shipped) - sum(quantity for _, quantity in shares)
    step = Step.RECEIVE_PART if outstanding else Step.RECEIVE_REST
    shipment = _advance(change, shipment, step, on, note=note)
    _record(change, events.ShipmentReceived, shipment, shares, on)
    return shipment_view(tx, shipment_id)


def shipment_view(tx: Connection, shipment_id: str) -> dict[str, Any]:
    """A shipment with its lines and the steps it took."""
    shipment = get(tx, store.shipments, "shipment", shipment_id)
    return {
        **shipment._asdict(),
        "lines": [row._asdict() for row in store.lines_of(tx, [shipment_id])],
        "steps": [row._asdict() for row in store.steps_of(tx, shipment_id)],
    }


def totals_view(tx: Connection, as_of: date, disaster_id: str | None) -> dict[str, Any]:
    """What was dispatched up to a day, by item and by unit; there is no total over unlike units."""
    rows = [{**row._asdict(), "quantity": int(row.quantity)} for row in store.dispatched_totals(tx, as_of, disaster_id)]
    by_unit: dict[str, int] = {}
    for row in rows:
        by_unit[row["unit"]] = by_unit.get(row["unit"], 0) + row["quantity"]
    units = [{"unit": unit, "quantity": quantity} for unit, quantity in by_unit.items()]
    return {"as_of": as_of, "items": rows, "units": units}


def _wanted(tx: Connection, depot_id: str, *, item_id: str, quantity: int, lot_id: str | None = None) -> Wanted:
    item = get(tx, store.items, "item", item_id)
    if lot_id is not None:
        lot = get(tx, store.lots, "lot", lot_id)
        if (lot.depot_id, lot.item_id) != (depot_id, item_id):
            raise domain.LotElsewhere(lot_id=lot_id, item_name=item.name)
    return Wanted(Item(item.id, item.name, item.unit), quantity, lot_id)


def _check_answers(request: sa.Row[Any], disaster_id: str, region: str, wanted: Iterable[Wanted]) -> None:
    """Raises OtherThanRequested when the shipment goes elsewhere or carries nothing of what was asked for."""
    differs = [
        name
        for name, same in (
            ("disaster_id", request.disaster_id == disaster_id),
            ("region", request.region == region),
            ("item_id", any(line.item.id == request.item_id for line in wanted)),
        )
        if not same
    ]
    if differs:
        raise domain.OtherThanRequested(request_id=request.id, differs=", ".join(differs))


def _reserve(tx: Connection, depot_id: str, wanted: Sequence[Wanted], on: date) -> list[Taking]:
    rows = store.lock_lots_of_items(tx, depot_id, {line.item.id for line in wanted})
    since = store.holds_since(tx, [row.id for row in rows], on)
    holds = [Hold(row.lot_id, row.quantity, row.reserved_on, row.cancelled_on) for row in since]
    missing = domain.missing_since(on, holds)
    lots = [
        Lot(
            id=row.id,
            number=row.number,
            item_id=row.item_id,
            available=row.on_hand - row.reserved - missing[row.id],
            expires_on=row.expires_on,
            received_on=row.effective_date,
        )
        for row in rows
    ]
    takings = domain.allocate(wanted, lots, on)
    for taking in takings:
        _must_hold(store.reserve_of_lot(tx, taking.lot_id, taking.quantity))
    return takings


def _must_hold(changed: bool) -> None:
    """The rows are locked and the domain has counted them, so a guard that says no means a defect: undo everything."""
    if not changed:
        raise AssertionError("stock changed although it was locked")


def _dispatch(change: Change, shipment: sa.Row[Any], on: date) -> None:
    lines = _shipped_lines(change.tx, shipment.id)
    store.lock_lots(change.tx, [line.lot_id for line in lines])
    for line in lines:
        _must_hold(store.issue_from_lot(change.tx, line.lot_id, line.quantity))
    shipment = _advance(change, shipment, Step.DISPATCH, on, dispatched_on=on)
    if shipment.request_id is not None:
        request = get(change.tx, store.requests, "request", shipment.request_id)
        shipped = sum(line.quantity for line in lines if line.item.id == request.item_id)
        store.add_shipped(change.tx, request.id, shipped)
    _record(change, events.ShipmentDispatched, shipment, ((line, line.quantity) for line in lines), on)


def _shipment_for(change: Change, shipment_id: str, step: Step, on: date) -> sa.Row[Any]:
    """The locked shipment, once this step may be taken on it on this date."""
    shipment = get(change.tx, store.shipments, "shipment", shipment_id, lock=True)
    change.check_version(shipment.version)
    next_state(domain.TRANSITIONS, ShipmentState(shipment.state), step)
    check_date_order(on, shipment.last_effective_date)
    return shipment


def _advance(
    change: Change, shipment: sa.Row[Any], step: Step, on: date, *, note: str | None = None, **values: Any
) -> sa.Row[Any]:
    state = next_state(domain.TRANSITIONS, ShipmentState(shipment.state), step)
    change.tx.execute(
        sa.update(store.shipments)
        .where(store.shipments.c.id == shipment.id)
        .values(state=state.value, last_effective_date=on, version=shipment.version + 1, **values)
    )
    _add_step(change, shipment.id, step, on, note)
    return get(change.tx, store.shipments, "shipment", shipment.id)


def _shipped_lines(tx: Connection, shipment_id: str) -> list[ShippedLine]:
    return [
        ShippedLine(
            number=row.number,
            item=Item(row.item_id, row.item_name, row.unit),
            lot_id=row.lot_id,
            quantity=row.quantity,
            received_quantity=row.received_quantity,
        )
        for row in store.lines_of(tx, [shipment_id])
    ]


def _add_lines(tx: Connection, shipment_id: str, takings: Sequence[Taking]) -> None:
    tx.execute(
        sa.insert(store.shipment_lines),
        [
            {
                "shipment_id": shipment_id,
                "number": number,
                "item_id": taking.item.id,
                "lot_id": taking.lot_id,
                "quantity": taking.quantity,
                "received_quantity": 0,
            }
            for number, taking in enumerate(takings, start=1)
        ],
    )


def _add_step(change: Change, shipment_id: str, step: Step, on: date, note: str | None) -> None:
    change.tx.execute(
        sa.insert(store.shipment_steps).values(
            shipment_id=shipment_id,
            step=step.value,
            account=change.actor.id,
            note=note,
            effective_date=on,
            recorded_at=change.now,
        )
    )


def _record(
    change: Change,
    payload: type[events.ShipmentPayload],
    shipment: sa.Row[Any],
    quantities: Iterable[tuple[Taking | ShippedLine, int]],
    on: date,
) -> None:
    lines = [
        events.Line(
            item_id=line.item.id,
            item_name=line.item.name,
            unit=line.item.unit,
            lot_id=line.lot_id,
            quantity=quantity,
        )
        for line, quantity in quantities
    ]
    change.record(
        payload(
            shipment_id=shipment.id,
            disaster_id=shipment.disaster_id,
            region=shipment.region,
            request_id=shipment.request_id,
            lines=lines,
        ),
        subject=shipment.id,
        version=shipment.version,
        effective_date=on,
    )
