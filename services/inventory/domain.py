"""Rules of relief goods: which lot leaves first, how far a shipment has come, what is left to receive. No I/O.

A quantity is a whole number of its item's unit (동, 개, 대 …). Unlike units are never added.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from shared.refusals import Refusal


class ShipmentState(StrEnum):
    RESERVED = "reserved"  # 출고 예정: taken of the lots, still in the depot
    DISPATCHED = "dispatched"  # 출고
    PARTLY_RECEIVED = "partly_received"  # 일부 인수
    RECEIVED = "received"  # 인수 완료
    CANCELLED = "cancelled"  # 취소: given back to the lots


class Step(StrEnum):
    RESERVE = "reserve"
    DISPATCH = "dispatch"
    CANCEL = "cancel"
    RECEIVE_PART = "receive_part"
    RECEIVE_REST = "receive_rest"


class RequestState(StrEnum):
    OPEN = "open"
    FILLED = "filled"  # at least what was asked for has been dispatched
    CLOSED = "closed"  # no longer needed


TRANSITIONS: Final[dict[tuple[ShipmentState, Step], ShipmentState]] = {
    (ShipmentState.RESERVED, Step.DISPATCH): ShipmentState.DISPATCHED,
    (ShipmentState.RESERVED, Step.CANCEL): ShipmentState.CANCELLED,
    (ShipmentState.DISPATCHED, Step.RECEIVE_PART): ShipmentState.PARTLY_RECEIVED,
    (ShipmentState.DISPATCHED, Step.RECEIVE_REST): ShipmentState.RECEIVED,
    (ShipmentState.PARTLY_RECEIVED, Step.RECEIVE_PART): ShipmentState.PARTLY_RECEIVED,
    (ShipmentState.PARTLY_RECEIVED, Step.RECEIVE_REST): ShipmentState.RECEIVED,
    # Nothing is left to receive, and MoreThanShipped says so with the number.
    (ShipmentState.RECEIVED, Step.RECEIVE_PART): ShipmentState.RECEIVED,
}


# Every lot is a line of the shipment's event, and an event stays below a megabyte.
MOST_LOTS: Final = 600


class StockTooLow(Refusal):
    english = (
        "{requested:,} {unit} of {item_name} were asked for on {effective_date}; "
        "{available:,} {unit} are available, {short_by:,} too few."
    )
    korean = (
        "{item_name} {requested:,}{unit} 출고 불가({effective_date} 기준): "
        "가용 재고 {available:,}{unit}, 부족 {short_by:,}{unit}."
    )


class TooManyLots(Refusal):
    english = (
        "A shipment takes goods of at most {most:,} lots: {available:,} of the {requested:,} {unit} of {item_name} "
        "fit. Ship the rest in another one."
    )
    korean = (
        "한 번의 출고는 재고 {most:,}묶음까지입니다. {item_name} {requested:,}{unit} 중 {available:,}{unit}까지 "
        "담을 수 있으니 나머지는 따로 출고해 주십시오."
    )


class LotElsewhere(Refusal):
    english = "Lot {lot_id} is not a lot of {item_name} in this depot."
    korean = "{lot_id}은(는) 이 창고의 {item_name} 재고가 아닙니다."


class MoreThanShipped(Refusal):
    english = "{requested:,} {unit} of {item_name} cannot be received: {available:,} {unit} of the shipment are left."
    korean = "{item_name} {requested:,}{unit} 인수 불가: 출고분 중 남은 수량은 {available:,}{unit}입니다."


class NotInShipment(Refusal):
    english = "The shipment carries no item {item_id}."
    korean = "이 출고에는 품목 {item_id}이(가) 없습니다."


class RequestNotOpen(Refusal):
    english = "The request {request_id} is {state}: {shipped:,} of {requested:,} {unit} have been shipped."
    korean = "요청 {request_id}은(는) {state} 상태입니다. 요청 {requested:,}{unit}, 출고 {shipped:,}{unit}."


class OtherThanRequested(Refusal):
    english = "The shipment does not answer the request {request_id}: its {differs} is another one."
    korean = "출고가 요청 {request_id}과(와) 맞지 않습니다({differs})."


@dataclass(frozen=True)
class Item:
    id: str
    name: str
    unit: str


@dataclass(frozen=True)
class Lot:
    """Goods of one receipt; `available` is what may be taken of it on the day of a shipment."""

    id: str
    available: int
    expires_on: date | None


@dataclass(frozen=True)
class Hold:
    """A quantity a shipment took of a lot on the day it was reserved, and gave back on the day it was cancelled."""

    lot_id: str
    quantity: int
    reserved_on: date
    cancelled_on: date | None


@dataclass(frozen=True)
class Wanted:
    """One line of a shipment as it is asked for; `lot_id` insists on one lot."""

    item: Item
    quantity: int
    lot_id: str | None = None


@dataclass(frozen=True)
class Taking:
    """A quantity out of one lot."""

    item: Item
    lot: Lot
    quantity: int


@dataclass(frozen=True)
class ShippedLine:
    """One line of a shipment on its way."""

    number: int
    item: Item
    lot_id: str
    expires_on: date | None
    quantity: int
    received_quantity: int

    @property
    def outstanding(self) -> int:
        return self.quantity - self.received_quantity


def missing_since(on: date, holds: Sequence[Hold]) -> Counter[str]:
    """How much less of each lot was available on the worst day since `on` than is now.

    Goods of a shipment that was cancelled later are available again, but for whoever records an earlier day they
    were taken. `holds` are those that began or ended after `on`; without any, nothing is missing.
    """
    missing: Counter[str] = Counter()
    for day in {on, *(hold.reserved_on for hold in holds if hold.reserved_on > on)}:
        of_day: Counter[str] = Counter()
        for hold in holds:
            if hold.cancelled_on is None:
                of_day[hold.lot_id] -= hold.quantity if hold.reserved_on > day else 0
            elif hold.reserved_on <= day < hold.cancelled_on:
                of_day[hold.lot_id] += hold.quantity
        missing |= of_day
    return missing


def allocate(lines: Sequence[Wanted], lots: Sequence[Lot], on: date, *, most: int = MOST_LOTS) -> list[Taking]:
    """What to take of which lot of one item so that all of its lines can leave on `on`.

    `lots` come in the order in which goods leave, and so do the takings. Lines that insist on a lot are served first,
    so that no other line empties it. Raises TooManyLots, or StockTooLow for the first line that cannot be served; then
    nothing is to be taken.
    """
    item, wanted = lines[0].item, sum(line.quantity for line in lines)
    if len(lots) > most and (fitting := sum(lot.available for lot in lots[:most])) < wanted:
        raise TooManyLots(
            item_id=item.id, item_name=item.name, unit=item.unit, requested=wanted, available=fitting, most=MOST_LOTS
        )
    left = {lot.id: lot.available for lot in lots}
    for line in sorted(lines, key=lambda line: line.lot_id is None):
        missing = line.quantity
        for lot_id in left if line.lot_id is None else left.keys() & {line.lot_id}:
            quantity = min(missing, left[lot_id])
            left[lot_id] -= quantity
            missing -= quantity
        if missing:
            raise too_low(line, line.quantity - missing, on)
    return [Taking(item, lot, taken) for lot in lots if (taken := lot.available - left[lot.id])]


def too_low(line: Wanted, available: int, on: date) -> StockTooLow:
    return StockTooLow(
        item_id=line.item.id,
        item_name=line.item.name,
        unit=line.item.unit,
        effective_date=on,
        requested=line.quantity,
        available=available,
        short_by=line.quantity - available,
    )


def spread(received: Mapping[str, int], lines: Sequence[ShippedLine]) -> list[tuple[ShippedLine, int]]:
    """How quantities received by item fall on the lines of a shipment, in their order.

    Raises NotInShipment or MoreThanShipped.
    """
    shares: list[tuple[ShippedLine, int]] = []
    for item_id, quantity in received.items():
        carrying = [line for line in lines if line.item.id == item_id]
        if not carrying:
            raise NotInShipment(item_id=item_id)
        outstanding = sum(line.outstanding for line in carrying)
        if quantity > outstanding:
            item = carrying[0].item
            raise MoreThanShipped(
                item_id=item_id, item_name=item.name, unit=item.unit, requested=quantity, available=outstanding
            )
        left = quantity
        for line in carrying:
            if (share := min(left, line.outstanding)) > 0:
                shares.append((line, share))
                left -= share
    return shares


def received(lines: Iterable[ShippedLine], shares: Iterable[tuple[ShippedLine, int]]) -> list[ShippedLine]:
    """The lines of a shipment once these shares of them have arrived."""
    arrived = {line.number: quantity for line, quantity in shares}
    return [replace(line, received_quantity=line.received_quantity + arrived.get(line.number, 0)) for line in lines]
