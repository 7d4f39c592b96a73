"""Use cases of a shipment: reserved of lots, dispatched, received at the site, or cancelled before it left."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.inventory import domain, events, store
from services.inventory.domain import Hold, Item, Lot, ShipmentState, ShippedLine, Step, Taking, Wanted
from services.inventory.operations.stock import open_request
from shared.changes import Change, new_id
from shared.refusals import Unknown, check_date_order, next_state
from shared.rows import add, add_all, get, insert_new, update


class Shipment(NamedTuple):
    """A shipment with its lines and the steps it took, as the open transaction sees them."""

    row: sa.Row[Any]
    lines: list[ShippedLine]
    steps: list[sa.Row[Any]]


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
    wanted = _wanted(tx, depot_id, lines)
    if request_id is not None:
        _check_answers(open_request(tx, request_id), disaster_id, region, wanted)
    row = insert_new(
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
    reserved = _add_lines(tx, shipment_id, _reserve(tx, depot_id, wanted, on))
    shipment = Shipment(row, reserved, [_add_step(change, shipment_id, Step.RESERVE, on, None)])
    _record(change, events.ShipmentReserved, shipment, on)
    if dispatch_now:
        shipment = _dispatch(change, shipment, on)
    return view(shipment)


def dispatch(change: Change, shipment_id: str, *, effective_date: date | None = None) -> dict[str, Any]:
    """Let a reserved shipment leave its depot (출고)."""
    on = change.effective_date(effective_date)
    shipment = _held(change, shipment_id, Step.DISPATCH, on)
    store.lock_lots(change.tx, [line.lot_id for line in shipment.lines])
    return view(_dispatch(change, shipment, on))


def cancel(change: Change, shipment_id: str, *, reason: str, effective_date: date | None = None) -> dict[str, Any]:
    """Call off a shipment that has not left; its goods become available again."""
    on = change.effective_date(effective_date)
    shipment = _held(change, shipment_id, Step.CANCEL, on)
    store.lock_lots(change.tx, [line.lot_id for line in shipment.lines])
    for line in shipment.lines:
        _must_hold(store.release_to_lot(change.tx, line.lot_id, line.quantity))
    shipment = _advance(change, shipment, Step.CANCEL, on, note=reason)
    _record(change, events.ShipmentCancelled, shipment, on)
    return view(shipment)


def receive_shipment(
    change: Change,
    shipment_id: str,
    *,
    lines: Sequence[dict[str, Any]],
    note: str | None = None,
    effective_date: date | None = None,
) -> dict[str, Any]:
    """Record what arrived at the site (인수): all of a shipment or a part, never more than was shipped."""
    on = change.effective_date(effective_date)
    shipment = _held(change, shipment_id, Step.RECEIVE_PART, on)
    arrived: Counter[str] = Counter()
    for line in lines:
        arrived[line["item_id"]] += line["quantity"]
    shares = domain.spread(arrived, shipment.lines)
    for part, quantity in shares:
        _must_hold(store.receive_of_line(change.tx, shipment_id, part.number, quantity))
    received = domain.received(shipment.lines, shares)
    step = Step.RECEIVE_PART if any(line.outstanding for line in received) else Step.RECEIVE_REST
    shipment = _advance(change, shipment._replace(lines=received), step, on, note=note)
    _record(change, events.ShipmentReceived, shipment, on, shares)
    return view(shipment)


def show(tx: Connection, shipment_id: str) -> dict[str, Any]:
    """A shipment with its lines and the steps it took. Raises Unknown."""
    return view(_loaded(tx, get(tx, store.shipments, "shipment", shipment_id)))


def view(shipment: Shipment) -> dict[str, Any]:
    return {
        **shipment.row._asdict(),
        "lines": [
            {
                "number": line.number,
                "item_id": line.item.id,
                "item_name": line.item.name,
                "unit": line.item.unit,
                "lot_id": line.lot_id,
                "quantity": line.quantity,
                "received_quantity": line.received_quantity,
            }
            for line in shipment.lines
        ],
        "steps": [step._asdict() for step in shipment.steps],
    }


def totals_view(tx: Connection, as_of: date, disaster_id: str | None) -> dict[str, Any]:
    """What was dispatched up to a day, by item and by unit; there is no total over unlike units."""
    rows = [{**row._asdict(), "quantity": int(row.quantity)} for row in store.dispatched_totals(tx, as_of, disaster_id)]
    by_unit: dict[str, int] = {}
    for row in rows:
        by_unit[row["unit"]] = by_unit.get(row["unit"], 0) + row["quantity"]
    units = [{"unit": unit, "quantity": quantity} for unit, quantity in by_unit.items()]
    return {"as_of": as_of, "items": rows, "units": units}


def _wanted(tx: Connection, depot_id: str, lines: Sequence[dict[str, Any]]) -> list[Wanted]:
    """What is asked for, once its items and lots are known. Raises Unknown and LotElsewhere."""
    items = store.items_by_id(tx, {line["item_id"] for line in lines})
    wanted = []
    for line in lines:
        item = items.get(line["item_id"])
        if item is None:
            raise Unknown(kind="item", id=line["item_id"])
        lot_id = line.get("lot_id")
        if lot_id is not None:
            lot = get(tx, store.lots, "lot", lot_id)
            if (lot.depot_id, lot.item_id) != (depot_id, item.id):
                raise domain.LotElsewhere(lot_id=lot_id, item_name=item.name)
        wanted.append(Wanted(Item(item.id, item.name, item.unit), line["quantity"], lot_id))
    return wanted


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


def _dispatch(change: Change, shipment: Shipment, on: date) -> Shipment:
    """The shipment after its lots, which the caller has locked, gave out what was reserved."""
    for line in shipment.lines:
        _must_hold(store.issue_from_lot(change.tx, line.lot_id, line.quantity))
    shipment = _advance(change, shipment, Step.DISPATCH, on, dispatched_on=on)
    if shipment.row.request_id is not None:
        request = get(change.tx, store.requests, "request", shipment.row.request_id)
        shipped = sum(line.quantity for line in shipment.lines if line.item.id == request.item_id)
        store.add_shipped(change.tx, request.id, shipped)
    _record(change, events.ShipmentDispatched, shipment, on)
    return shipment


def _held(change: Change, shipment_id: str, step: Step, on: date) -> Shipment:
    """The locked shipment, once this step may be taken on it on this date."""
    row = get(change.tx, store.shipments, "shipment", shipment_id, lock=True)
    change.check_version(row.version)
    next_state(domain.TRANSITIONS, ShipmentState(row.state), step)
    check_date_order(on, row.last_effective_date)
    return _loaded(change.tx, row)


def _loaded(tx: Connection, row: sa.Row[Any]) -> Shipment:
    lines = [
        ShippedLine(
            number=line.number,
            item=Item(line.item_id, line.item_name, line.unit),
            lot_id=line.lot_id,
            quantity=line.quantity,
            received_quantity=line.received_quantity,
        )
        for line in store.lines_of(tx, [row.id])
    ]
    return Shipment(row, lines, store.steps_of(tx, row.id))


def _advance(
    change: Change, shipment: Shipment, step: Step, on: date, *, note: str | None = None, **values: Any
) -> Shipment:
    state = next_state(domain.TRANSITIONS, ShipmentState(shipment.row.state), step)
    row = update(change.tx, store.shipments, shipment.row, state=state.value, last_effective_date=on, **values)
    return Shipment(row, shipment.lines, [*shipment.steps, _add_step(change, row.id, step, on, note)])


def _add_lines(tx: Connection, shipment_id: str, takings: Sequence[Taking]) -> list[ShippedLine]:
    lines = [
        ShippedLine(number, taking.item, taking.lot_id, taking.quantity, received_quantity=0)
        for number, taking in enumerate(takings, start=1)
    ]
    rows = [
        {
            "shipment_id": shipment_id,
            "number": line.number,
            "item_id": line.item.id,
            "lot_id": line.lot_id,
            "quantity": line.quantity,
            "received_quantity": 0,
        }
        for line in lines
    ]
    add_all(tx, store.shipment_lines, rows)
    return lines


def _add_step(change: Change, shipment_id: str, step: Step, on: date, note: str | None) -> sa.Row[Any]:
    return add(
        change.tx,
        store.shipment_steps,
        shipment_id=shipment_id,
        step=step.value,
        account=change.actor.id,
        note=note,
        effective_date=on,
        recorded_at=change.now,
    )


def _record(
    change: Change,
    payload: type[events.ShipmentPayload],
    shipment: Shipment,
    on: date,
    shares: Iterable[tuple[ShippedLine, int]] | None = None,
) -> None:
    """Tell of the whole shipment, or of the `shares` of its lines."""
    told = shares if shares is not None else [(line, line.quantity) for line in shipment.lines]
    lines = [
        events.Line(
            item_id=line.item.id,
            item_name=line.item.name,
            unit=line.item.unit,
            lot_id=line.lot_id,
            quantity=quantity,
        )
        for line, quantity in told
    ]
    row = shipment.row
    change.record(
        payload(
            shipment_id=row.id,
            disaster_id=row.disaster_id,
            region=row.region,
            request_id=row.request_id,
            lines=lines,
        ),
        subject=row.id,
        version=row.version,
        effective_date=on,
    )
