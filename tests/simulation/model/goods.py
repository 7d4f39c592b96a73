"""Relief goods in the model: lots, requests and shipments, the earliest expiry first."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from tests.simulation.model.core import Asked, Book, day_in, in_order, known, need, need_new
from tests.simulation.model.situation import named

Share = tuple[str, str, int]  # item, lot, quantity
STEPS: Final = {
    "dispatch": {"reserved"},
    "cancel": {"reserved"},
    "receive": {"dispatched", "partly_received", "received"},
}


@dataclass
class Item:
    unit: str
    named_on: date
    version: int = 1


@dataclass
class Lot:
    body: str
    item: str
    depot: str
    received: int
    on_hand: int
    expires: date | None
    arrived: date
    reserved: int = 0
    version: int = 1

    def may_leave(self, on: date) -> bool:
        return self.arrived <= on and (self.expires is None or on <= self.expires)


@dataclass
class Request:
    body: str
    disaster: str
    region: str
    item: str
    quantity: int
    on: date
    late: bool
    shipped: int = 0
    state: str = "open"
    version: int = 1

    def told(self) -> dict[str, Any]:
        told = {"state": self.state, "shipped_quantity": self.shipped, "version": self.version}
        return {**told, "body_id": self.body, "late": self.late}


@dataclass
class Shipment:
    body: str
    disaster: str
    region: str
    request: str | None
    reserved_on: date
    last_day: date
    late: bool
    lines: list[Share]
    received: list[int]
    state: str = "reserved"
    version: int = 1

    def told(self) -> dict[str, Any]:
        lines = [
            {"item_id": item, "lot_id": lot, "quantity": quantity, "received_quantity": received}
            for (item, lot, quantity), received in zip(self.lines, self.received, strict=True)
        ]
        return {"state": self.state, "version": self.version, "body_id": self.body, "late": self.late, "lines": lines}


class Goods:
    def __init__(self, book: Book) -> None:
        self.book = book
        self.items: dict[str, Item] = {}
        self.lots: dict[str, Lot] = {}
        self.requests: dict[str, Request] = {}
        self.shipments: dict[str, Shipment] = {}

    def register_item(self, asked: Asked) -> dict[str, Any]:
        on, id_, unit = asked.day(), asked.body["id"], asked.body["unit"]
        need_new(self.items, id_)
        asked.settle()
        self.items[id_] = Item(unit, on)
        self._tell("item_registered", asked, id_, 1, on, item_id=id_, unit=unit, **named(asked.body))
        return {"id": id_, "unit": unit, "version": 1}

    def rename_item(self, asked: Asked) -> dict[str, Any]:
        on, item = asked.day(), known(self.items, asked.target)
        asked.check_version(item)
        in_order(on, item.named_on)
        asked.settle()
        item.named_on = on
        item.version += 1
        self._tell("item_renamed", asked, asked.target, item.version, on, item_id=asked.target, **named(asked.body))
        return {**named(asked.body), "named_on": on.isoformat(), "version": item.version}

    def receive_stock(self, asked: Asked) -> dict[str, Any]:
        on, body, id_ = asked.day(), asked.body, asked.body["id"]
        whose = asked.act_for()
        known(self.items, body["item_id"])
        need_new(self.lots, id_)
        quantity = body["quantity"]
        expires = day_in(body, "expires_on")
        self.lots[id_] = Lot(whose, body["item_id"], body["depot_id"], quantity, quantity, expires, on)
        data = {"lot_id": id_, "receipt_id": id_, "item_id": body["item_id"], "depot_id": body["depot_id"]}
        unit = self.items[body["item_id"]].unit
        self._tell("stock_received", asked, id_, 1, on, **data, unit=unit, quantity=quantity)
        counts = {"received": quantity, "on_hand": quantity, "reserved": 0, "available": quantity}
        return {**counts, "body_id": whose, "late": on < asked.today, "version": 1}

    def request_goods(self, asked: Asked) -> dict[str, Any]:
        on, body, id_ = asked.day(), asked.body, asked.body["id"]
        whose = asked.act_for(disaster=body["disaster_id"])
        known(self.items, body["item_id"])
        need_new(self.requests, id_)
        about = (whose, body["disaster_id"], body["region_id"], body["item_id"], body["quantity"])
        request = Request(*about, on=on, late=on < asked.today)
        self.requests[id_] = request
        data = {"request_id": id_, "item_id": request.item, "quantity": request.quantity, "region_id": request.region}
        self._tell("goods_requested", asked, id_, 1, on, **data)
        return request.told()

    def close_request(self, asked: Asked) -> dict[str, Any]:
        on, request = asked.day(), known(self.requests, asked.target)
        asked.act_for(request.body, request.disaster)
        self._check_open(asked.target)
        asked.check_version(request)
        in_order(on, request.on)
        request.state = "closed"
        request.late |= on < asked.today
        request.version += 1
        self._tell("request_closed", asked, asked.target, request.version, on, request_id=asked.target)
        return request.told()

    def ship(self, asked: Asked) -> dict[str, Any]:
        on, body, id_ = asked.day(), asked.body, asked.body["id"]
        whose = asked.act_for(disaster=body["disaster_id"])
        for line in body["lines"]:
            known(self.items, line["item_id"])
            if "lot_id" in line:
                lot = known(self.lots, line["lot_id"])
                need(lot.body == whose, 403, "other-body", body_id=lot.body)
                here = (lot.depot, lot.item) == (body["depot_id"], line["item_id"])
                need(here, 422, "lot-elsewhere", lot_id=line["lot_id"])
        if body.get("request_id") is not None:
            self._check_answers(body)
        need_new(self.shipments, id_)
        shares = self._allocate(body["depot_id"], whose, body["lines"], on)
        for _, lot_id, quantity in shares:
            self.lots[lot_id].reserved += quantity
            self.lots[lot_id].version += 1
        about = (whose, body["disaster_id"], body["region_id"], body.get("request_id"))
        late = on < asked.today
        shipment = Shipment(*about, reserved_on=on, last_day=on, late=late, lines=shares, received=[0] * len(shares))
        self.shipments[id_] = shipment
        self._tell_shipment("reserved", asked, id_, shares, on)
        if body.get("dispatch_now"):
            self._leave(asked, id_, on)
        return shipment.told()

    def dispatch(self, asked: Asked) -> dict[str, Any]:
        shipment, on = self._step(asked, "dispatch")
        self._leave(asked, asked.target, on)
        return shipment.told()

    def cancel(self, asked: Asked) -> dict[str, Any]:
        shipment, on = self._step(asked, "cancel")
        for _, lot_id, quantity in shipment.lines:
            self.lots[lot_id].reserved -= quantity
            self.lots[lot_id].version += 1
        self._advance(asked, shipment, "cancelled", on)
        self._tell_shipment("cancelled", asked, asked.target, shipment.lines, on)
        return shipment.told()

    def receive(self, asked: Asked) -> dict[str, Any]:
        shipment, on = self._step(asked, "receive")
        arrived: Counter[str] = Counter()
        for line in asked.body["lines"]:
            arrived[line["item_id"]] += line["quantity"]
        shares: list[tuple[int, int]] = []
        for item, quantity in arrived.items():
            shares += self._spread(shipment, item, quantity)
        for position, share in shares:
            shipment.received[position] += share
        missing = sum(quantity for _, _, quantity in shipment.lines) - sum(shipment.received)
        self._advance(asked, shipment, "partly_received" if missing else "received", on)
        told = [(*shipment.lines[position][:2], share) for position, share in shares]
        self._tell_shipment("received", asked, asked.target, told, on)
        return shipment.told()

    def _spread(self, shipment: Shipment, item: str, quantity: int) -> list[tuple[int, int]]:
        positions = [position for position, line in enumerate(shipment.lines) if line[0] == item]
        need(bool(positions), 422, "not-in-shipment", item_id=item)
        open_ = {position: shipment.lines[position][2] - shipment.received[position] for position in positions}
        left = sum(open_.values())
        need(quantity <= left, 409, "more-than-shipped", requested=quantity, available=left)
        shares = []
        for position, outstanding in open_.items():
            share = min(quantity, outstanding)
            quantity -= share
            if share:
                shares.append((position, share))
        return shares

    def _allocate(self, depot: str, body: str, lines: list[dict[str, Any]], on: date) -> list[Share]:
        """Item by item, in the order in which items were registered; of an item, one share of each lot."""
        shares: list[Share] = []
        for item in self.items:
            wanted = [line for line in lines if line["item_id"] == item]
            order = sorted(
                (
                    id_
                    for id_, lot in self.lots.items()
                    if (lot.depot, lot.body, lot.item) == (depot, body, item) and lot.may_leave(on)
                ),
                key=lambda id_: self.lots[id_].expires or date.max,
            )
            free = {id_: max(0, self._free_from(id_, on)) for id_ in order}
            left = dict(free)
            for line in sorted(wanted, key=lambda line: "lot_id" not in line):
                self._take(left, line)
            shares += [(item, id_, free[id_] - left[id_]) for id_ in order if left[id_] < free[id_]]
        return shares

    def _take(self, left: dict[str, int], line: dict[str, Any]) -> None:
        """Raises Refused where a line cannot be served in full."""
        wanted = line["quantity"]
        fitting = [id_ for id_ in left if line.get("lot_id", id_) == id_]
        found = sum(left[id_] for id_ in fitting)
        facts = {"requested": wanted, "available": found, "short_by": wanted - found}
        need(wanted <= found, 409, "stock-too-low", **facts)
        for id_ in fitting:
            share = min(wanted, left[id_])
            left[id_] -= share
            wanted -= share

    def _free_from(self, id_: str, on: date) -> int:
        """The least that was free of a lot on this day or any later one, were it counted anew from the beginning."""
        holds = [
            (one.reserved_on, one.last_day if one.state == "cancelled" else date.max, quantity)
            for one in self.shipments.values()
            for _, lot_id, quantity in one.lines
            if lot_id == id_
        ]
        days = {on, *(first for first, _, _ in holds if first > on)}
        most = max(sum(quantity for first, last, quantity in holds if first <= day < last) for day in days)
        return self.lots[id_].received - most

    def _leave(self, asked: Asked, id_: str, on: date) -> None:
        shipment = self.shipments[id_]
        for _, lot_id, quantity in shipment.lines:
            lot = self.lots[lot_id]
            lot.reserved -= quantity
            lot.on_hand -= quantity
            lot.version += 1
        if shipment.request is not None:
            request = self.requests[shipment.request]
            request.shipped += sum(quantity for item, _, quantity in shipment.lines if item == request.item)
            request.version += 1
            if request.state == "open" and request.shipped >= request.quantity:
                request.state = "filled"
        self._advance(asked, shipment, "dispatched", on)
        self._tell_shipment("dispatched", asked, id_, shipment.lines, on)

    def _step(self, asked: Asked, step: str) -> tuple[Shipment, date]:
        on, shipment = asked.day(), known(self.shipments, asked.target)
        asked.act_for(shipment.body, shipment.disaster)
        asked.check_version(shipment)
        need(shipment.state in STEPS[step], 409, "wrong-state", state=shipment.state)
        in_order(on, shipment.last_day)
        return shipment, on

    def _advance(self, asked: Asked, shipment: Shipment, state: str, on: date) -> None:
        shipment.state, shipment.last_day = state, on
        shipment.late |= on < asked.today
        shipment.version += 1

    def _check_open(self, id_: str) -> None:
        request = known(self.requests, id_)
        facts = {"state": request.state, "shipped": request.shipped, "requested": request.quantity}
        need(request.state == "open", 409, "request-not-open", **facts)

    def _check_answers(self, body: dict[str, Any]) -> None:
        self._check_open(body["request_id"])
        request = self.requests[body["request_id"]]
        same = (request.disaster, request.region) == (body["disaster_id"], body["region_id"])
        carries = any(line["item_id"] == request.item for line in body["lines"])
        need(same and carries, 422, "other-than-requested", request_id=body["request_id"])

    def _tell_shipment(self, step: str, asked: Asked, id_: str, shares: list[Share], on: date) -> None:
        shipment = self.shipments[id_]
        lines = [
            {"item_id": item, "lot_id": lot, "quantity": quantity, "unit": self.items[item].unit}
            for item, lot, quantity in shares
        ]
        where = {"disaster_id": shipment.disaster, "region_id": shipment.region}
        self._tell(f"shipment_{step}", asked, id_, shipment.version, on, shipment_id=id_, **where, lines=lines)

    def _tell(self, event: str, asked: Asked, id_: str, version: int, on: date, **data: Any) -> None:
        self.book.tell(f"inventory.{event}", id_, version, asked, on, **data)
