"""Relief goods in the model: lots, requests and shipments, the earliest expiry first."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.simulation.model.core import Asked, Book, known, need

Share = tuple[str, str, int]  # item, lot, quantity


@dataclass
class Lot:
    item: str
    depot: str
    received: int
    on_hand: int
    expires: date | None
    arrived: date
    reserved: int = 0
    version: int = 1

    def usable(self, on: date) -> bool:
        return self.arrived <= on and (self.expires is None or on <= self.expires)


@dataclass
class Request:
    disaster: str
    region: str
    item: str
    quantity: int
    on: date
    shipped: int = 0
    state: str = "open"
    version: int = 1

    def told(self) -> dict[str, Any]:
        return {"state": self.state, "shipped_quantity": self.shipped, "version": self.version}


@dataclass
class Shipment:
    disaster: str
    region: str
    request: str | None
    reserved_on: date
    last_day: date
    lines: list[Share]
    received: list[int]
    state: str = "reserved"
    version: int = 1

    def told(self) -> dict[str, Any]:
        lines = [
            {"item_id": item, "lot_id": lot, "quantity": quantity, "received_quantity": received}
            for (item, lot, quantity), received in zip(self.lines, self.received, strict=True)
        ]
        return {"state": self.state, "version": self.version, "lines": lines}


class Goods:
    def __init__(self, book: Book) -> None:
        self.book = book
        self.items: dict[str, str] = {}
        self.depots: dict[str, str] = {}
        self.lots: dict[str, Lot] = {}
        self.requests: dict[str, Request] = {}
        self.shipments: dict[str, Shipment] = {}

    def register_item(self, asked: Asked) -> dict[str, Any]:
        id_ = asked.body["id"]
        need(id_ not in self.items, 409, "already-exists", id=id_)
        self.items[id_] = asked.body["unit"]
        self.book.tell("inventory.item_registered", id_, 1, asked, asked.today, item_id=id_, unit=asked.body["unit"])
        return {"id": id_}

    def register_depot(self, asked: Asked) -> dict[str, Any]:
        id_ = asked.body["id"]
        need(id_ not in self.depots, 409, "already-exists", id=id_)
        self.depots[id_] = asked.body["name"]
        self.book.tell("inventory.depot_registered", id_, 1, asked, asked.today, depot_id=id_)
        return {"id": id_}

    def receive_stock(self, asked: Asked) -> dict[str, Any]:
        body, on, id_ = asked.body, asked.day(), asked.body["id"]
        known(self.items, body["item_id"])
        known(self.depots, body["depot_id"])
        need(id_ not in self.lots, 409, "already-exists", id=id_)
        expires = date.fromisoformat(body["expires_on"]) if "expires_on" in body else None
        quantity = body["quantity"]
        self.lots[id_] = Lot(body["item_id"], body["depot_id"], quantity, quantity, expires, on)
        data = {"lot_id": id_, "item_id": body["item_id"], "quantity": quantity}
        self.book.tell("inventory.stock_received", id_, 1, asked, on, **data)
        return {"received": quantity, "on_hand": quantity, "reserved": 0, "available": quantity, "version": 1}

    def request_goods(self, asked: Asked) -> dict[str, Any]:
        body, on, id_ = asked.body, asked.day(), asked.body["id"]
        known(self.items, body["item_id"])
        need(id_ not in self.requests, 409, "already-exists", id=id_)
        request = Request(body["disaster_id"], body["region"], body["item_id"], body["quantity"], on)
        self.requests[id_] = request
        data = {"request_id": id_, "item_id": request.item, "quantity": request.quantity}
        self.book.tell("inventory.goods_requested", id_, 1, asked, on, **data)
        return request.told()

    def close_request(self, asked: Asked) -> dict[str, Any]:
        on, request = asked.day(), known(self.requests, asked.target)
        self._check_open(asked.target)
        asked.check_version(request.version)
        need(on >= request.on, 422, "dates-out-of-order", previous_date=request.on.isoformat())
        request.state = "closed"
        request.version += 1
        self.book.tell("inventory.request_closed", asked.target, request.version, asked, on, request_id=asked.target)
        return request.told()

    def ship(self, asked: Asked) -> dict[str, Any]:
        body, on, id_ = asked.body, asked.day(), asked.body["id"]
        known(self.depots, body["depot_id"])
        for line in body["lines"]:
            known(self.items, line["item_id"])
            if "lot_id" in line:
                lot = known(self.lots, line["lot_id"])
                here = (lot.depot, lot.item) == (body["depot_id"], line["item_id"])
                need(here, 422, "lot-elsewhere", lot_id=line["lot_id"])
        if "request_id" in body:
            self._check_answers(body)
        need(id_ not in self.shipments, 409, "already-exists", id=id_)
        shares = self._allocate(body["depot_id"], body["lines"], on)
        for _, lot_id, quantity in shares:
            self.lots[lot_id].reserved += quantity
            self.lots[lot_id].version += 1
        about = (body["disaster_id"], body["region"], body.get("request_id"))
        shipment = Shipment(*about, reserved_on=on, last_day=on, lines=shares, received=[0] * len(shares))
        self.shipments[id_] = shipment
        self._tell("reserved", asked, id_, shares, on)
        if body.get("dispatch_now"):
            self._leave(asked, id_, on)
        return shipment.told()

    def dispatch(self, asked: Asked) -> dict[str, Any]:
        shipment, on = self._step(asked, {"reserved"})
        self._leave(asked, asked.target, on)
        return shipment.told()

    def cancel(self, asked: Asked) -> dict[str, Any]:
        shipment, on = self._step(asked, {"reserved"})
        for _, lot_id, quantity in shipment.lines:
            self.lots[lot_id].reserved -= quantity
            self.lots[lot_id].version += 1
        self._advance(shipment, "cancelled", on)
        self._tell("cancelled", asked, asked.target, shipment.lines, on)
        return shipment.told()

    def receive(self, asked: Asked) -> dict[str, Any]:
        shipment, on = self._step(asked, {"dispatched", "partly_received", "received"})
        arrived: Counter[str] = Counter()
        for line in asked.body["lines"]:
            arrived[line["item_id"]] += line["quantity"]
        shares: list[tuple[int, int]] = []
        for item, quantity in arrived.items():
            shares += self._spread(shipment, item, quantity)
        for position, share in shares:
            shipment.received[position] += share
        missing = sum(quantity for _, _, quantity in shipment.lines) - sum(shipment.received)
        self._advance(shipment, "partly_received" if missing else "received", on)
        told = [(*shipment.lines[position][:2], share) for position, share in shares]
        self._tell("received", asked, asked.target, told, on)
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

    def _allocate(self, depot: str, lines: list[dict[str, Any]], on: date) -> list[Share]:
        order = sorted(
            (id_ for id_, lot in self.lots.items() if lot.depot == depot and lot.usable(on)),
            key=lambda id_: (self.lots[id_].expires or date.max, list(self.lots).index(id_)),
        )
        left = {id_: self._free_from(id_, on) for id_ in order}
        shares: list[Share] = []
        for line in [*(x for x in lines if "lot_id" in x), *(x for x in lines if "lot_id" not in x)]:
            wanted, item = line["quantity"], line["item_id"]
            fitting = [id_ for id_ in order if self.lots[id_].item == item and line.get("lot_id", id_) == id_]
            found = sum(left[id_] for id_ in fitting)
            facts = {"requested": wanted, "available": found, "short_by": wanted - found}
            need(wanted <= found, 409, "stock-too-low", **facts)
            for id_ in fitting:
                share = min(wanted, left[id_])
                left[id_] -= share
                wanted -= share
                if share:
                    shares.append((item, id_, share))
        return shares

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
        self._advance(shipment, "dispatched", on)
        self._tell("dispatched", asked, id_, shipment.lines, on)

    def _step(self, asked: Asked, states: set[str]) -> tuple[Shipment, date]:
        on, shipment = asked.day(), known(self.shipments, asked.target)
        asked.check_version(shipment.version)
        need(shipment.state in states, 409, "wrong-state", state=shipment.state)
        need(on >= shipment.last_day, 422, "dates-out-of-order", previous_date=shipment.last_day.isoformat())
        return shipment, on

    def _advance(self, shipment: Shipment, state: str, on: date) -> None:
        shipment.state, shipment.last_day = state, on
        shipment.version += 1

    def _check_open(self, id_: str) -> None:
        request = known(self.requests, id_)
        facts = {"state": request.state, "shipped": request.shipped, "requested": request.quantity}
        need(request.state == "open", 409, "request-not-open", **facts)

    def _check_answers(self, body: dict[str, Any]) -> None:
        self._check_open(body["request_id"])
        request = self.requests[body["request_id"]]
        same = (request.disaster, request.region) == (body["disaster_id"], body["region"])
        carries = any(line["item_id"] == request.item for line in body["lines"])
        need(same and carries, 422, "other-than-requested", request_id=body["request_id"])

    def _tell(self, step: str, asked: Asked, id_: str, shares: list[Share], on: date) -> None:
        shipment = self.shipments[id_]
        lines = [{"item_id": item, "lot_id": lot, "quantity": quantity} for item, lot, quantity in shares]
        data = {"shipment_id": id_, "disaster_id": shipment.disaster, "lines": lines}
        self.book.tell(f"inventory.shipment_{step}", id_, shipment.version, asked, on, **data)
