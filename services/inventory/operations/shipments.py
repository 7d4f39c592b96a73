"""Use cases of a shipment: reserved of lots, dispatched, received at the site, or cancelled before it left."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.inventory import domain, events, store
from services.inventory.domain import Item, RequestState, ShipmentState, ShippedLine, Step, Taking, Wanted
from services.inventory.operations.reserving import must_hold, reserve
from services.inventory.operations.stock import open_request
from shared.changes import Change, new_id
from shared.dating import is_late
from shared.refusals import OtherBody, Unknown, check_date_order, next_state
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
    region_id: str,
    lines: Sequence[dict[str, Any]],
    site_id: str | None = None,
    request_id: str | None = None,
    dispatch_now: bool = False,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Reserve goods for a shipment: every line in full, or the whole shipment is refused with what is missing."""
    tx, on, shipment_id = change.tx, change.effective_date(effective_date), id or new_id()
    body_id = change.act_for(disaster_id=disaster_id)
    wanted = _wanted(change, depot_id, body_id, lines)
    if request_id is not None:
        _check_answers(open_request(tx, request_id), disaster_id, region_id, wanted)
    row = insert_new(
        tx,
        store.shipments,
        "shipment",
        id=shipment_id,
        body_id=body_id,
        depot_id=depot_id,
        disaster_id=disaster_id,
        region_id=region_id,
        site_id=site_id,
        request_id=request_id,
        state=ShipmentState.RESERVED.value,
        dispatched_on=None,
        last_effective_date=on,
        late=is_late(on, change.now),
        version=1,
    )
    reserved = _add_lines(tx, shipment_id, reserve(tx, depot_id, body_id, wanted.values(), on), on)
    shipment = Shipment(row, reserved, [_add_step(change, shipment_id, Step.RESERVE, on, None)])
    _record(change, events.ShipmentReserved, shipment, on)
    if dispatch_now:
        shipment = _dispatch(change, shipment, on)
    return view(shipment)


def dispatch(change: Change, shipment_id: str, *, effective_date: date | None = None) -> dict[str, Any]:
    """Let a reserved shipment leave its depot (출고)."""
    on = change.effective_date(effective_date)
    return view(_dispatch(change, _held(change, shipment_id, Step.DISPATCH, on), on))


def cancel(change: Change, shipment_id: str, *, reason: str, effective_date: date | None = None) -> dict[str, Any]:
    """Call off a shipment that has not left; its goods become available again."""
    on = change.effective_date(effective_date)
    shipment = _held(change, shipment_id, Step.CANCEL, on)
    for line in shipment.lines:
        must_hold(store.release_to_lot(change.tx, line.lot_id, line.quantity))
    store.end_holds(change.tx, shipment_id, on)
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
        must_hold(store.receive_of_line(change.tx, shipment_id, part.number, quantity))
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
                "expires_on": line.expires_on,
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


def _wanted(change: Change, depot_id: str, body_id: str, lines: Sequence[dict[str, Any]]) -> dict[str, list[Wanted]]:
    """What is asked for of each item, in the order of the items' numbers, once items and lots are known.

    Raises Unknown, OtherBody and LotElsewhere.
    """
    items = store.items_by_id(change.tx, {line["item_id"] for line in lines})
    wanted: dict[str, list[Wanted]] = {item_id: [] for item_id in items}
    for line in lines:
        row = items.get(line["item_id"])
        if row is None:
            raise Unknown(kind="item", id=line["item_id"])
        lot_id = line.get("lot_id")
        if lot_id is not None:
            lot = get(change.tx, store.lots, "lot", lot_id)
            if lot.body_id != body_id:
                raise OtherBody(body_id=lot.body_id, account=change.actor.id, held=body_id)
            if (lot.depot_id, lot.item_id) != (depot_id, row.id):
                raise domain.LotElsewhere(lot_id=lot_id, item_name=row.name)
        wanted[row.id].append(Wanted(Item(row.id, row.name, row.unit), line["quantity"], lot_id))
    return wanted


def _check_answers(
    request: sa.Row[Any], disaster_id: str, region_id: str, wanted: Mapping[str, Sequence[Wanted]]
) -> None:
    """Raises OtherThanRequested when the shipment goes elsewhere or carries nothing of what was asked for."""
    differs = [
        name
        for name, same in (
            ("disaster_id", request.disaster_id == disaster_id),
            ("region_id", request.region_id == region_id),
            ("item_id", request.item_id in wanted),
        )
        if not same
    ]
    if differs:
        raise domain.OtherThanRequested(request_id=request.id, differs=", ".join(differs))


def _dispatch(change: Change, shipment: Shipment, on: date) -> Shipment:
    """The shipment after its lots gave out what was reserved."""
    for line in shipment.lines:
        must_hold(store.issue_from_lot(change.tx, line.lot_id, line.quantity))
    shipment = _advance(change, shipment, Step.DISPATCH, on, dispatched_on=on)
    if shipment.row.request_id is not None:
        _count_shipped(change.tx, shipment.row.request_id, shipment.lines)
    _record(change, events.ShipmentDispatched, shipment, on)
    return shipment


def _count_shipped(tx: Connection, request_id: str, lines: Iterable[ShippedLine]) -> None:
    """Count what left towards its request; one that was open is filled when nothing is missing."""
    request = get(tx, store.requests, "request", request_id, lock=True)
    shipped = request.shipped_quantity + sum(line.quantity for line in lines if line.item.id == request.item_id)
    is_filled = request.state == RequestState.OPEN and shipped >= request.quantity
    state = RequestState.FILLED.value if is_filled else request.state
    update(tx, store.requests, request, shipped_quantity=shipped, state=state)


def _held(change: Change, shipment_id: str, step: Step, on: date) -> Shipment:
    """The locked shipment, once this step may be taken on it on this date."""
    row = get(change.tx, store.shipments, "shipment", shipment_id, lock=True)
    change.act_for(row.body_id, row.disaster_id)
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
            expires_on=line.expires_on,
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
    late = shipment.row.late or is_late(on, change.now)
    values |= {"state": state.value, "last_effective_date": on, "late": late}
    row = update(change.tx, store.shipments, shipment.row, **values)
    return Shipment(row, shipment.lines, [*shipment.steps, _add_step(change, row.id, step, on, note)])


def _add_lines(tx: Connection, shipment_id: str, takings: Sequence[Taking], on: date) -> list[ShippedLine]:
    """The lines of a shipment stand in the order in which lots are locked, and so are gone through by later steps."""
    lines = [
        ShippedLine(number, taking.item, taking.lot.id, taking.lot.expires_on, taking.quantity, received_quantity=0)
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
            "reserved_on": on,
            "cancelled_on": None,
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
        late=is_late(on, change.now),
    )


def _record(
    change: Change,
    payload: type[events.ShipmentEvent],
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
            expires_on=line.expires_on,
            quantity=quantity,
        )
        for line, quantity in told
    ]
    row = shipment.row
    change.record(
        payload(
            shipment_id=row.id,
            depot_id=row.depot_id,
            disaster_id=row.disaster_id,
            region_id=row.region_id,
            site_id=row.site_id,
            request_id=row.request_id,
            lines=lines,
        ),
        subject=row.id,
        version=row.version,
        effective_date=on,
    )
