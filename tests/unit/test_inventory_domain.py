"""Rules of relief goods, without I/O."""

from datetime import date

import pytest

from services.inventory import domain
from services.inventory.domain import Item, Lot, ShipmentState, ShippedLine, Step, Taking, Wanted, allocate, spread
from shared.refusals import WrongState, next_state

KIT = Item("emergency_kit", "응급구호세트", "개")
SHELTER = Item("shelter", "이동식 대피소", "동")
TODAY = date(2025, 3, 25)


def lot(id_: str, number: int, available: int, expires_on: date | None = None, item: Item = KIT) -> Lot:
    return Lot(id_, number, item.id, available, expires_on, received_on=date(2025, 3, 22))


def taken(takings: list[Taking]) -> list[tuple[str, int]]:
    return [(taking.lot_id, taking.quantity) for taking in takings]


def test_the_lot_that_expires_first_leaves_first() -> None:
    lots = [lot("never", 1, 10), lot("2028", 2, 10, date(2028, 1, 1)), lot("2026", 3, 10, date(2026, 1, 1))]
    assert taken(allocate([Wanted(KIT, 25)], lots, TODAY)) == [("2026", 10), ("2028", 10), ("never", 5)]


def test_of_equal_expiry_the_older_receipt_leaves_first() -> None:
    lots = [lot("newer", 2, 10, date(2026, 1, 1)), lot("older", 1, 10, date(2026, 1, 1))]
    assert taken(allocate([Wanted(KIT, 4)], lots, TODAY)) == [("older", 4)]


def test_goods_leave_on_the_day_they_expire_and_never_after() -> None:
    assert taken(allocate([Wanted(KIT, 1)], [lot("a", 1, 1, TODAY)], TODAY)) == [("a", 1)]
    with pytest.raises(domain.StockTooLow) as refusal:
        allocate([Wanted(KIT, 1)], [lot("a", 1, 1, date(2025, 3, 24))], TODAY)
    assert refusal.value.facts["available"] == 0


def test_goods_never_leave_before_they_arrived() -> None:
    with pytest.raises(domain.StockTooLow):
        allocate([Wanted(KIT, 1)], [lot("a", 1, 1)], date(2025, 3, 21))


def test_a_refusal_names_what_was_asked_for_and_what_is_there() -> None:
    with pytest.raises(domain.StockTooLow) as refusal:
        allocate([Wanted(SHELTER, 549)], [lot("a", 1, 540, item=SHELTER), lot("b", 2, 900)], TODAY)
    assert refusal.value.facts == {
        "item_id": "shelter",
        "item_name": "이동식 대피소",
        "unit": "동",
        "effective_date": TODAY,
        "requested": 549,
        "available": 540,
        "short_by": 9,
    }


def test_a_line_that_insists_on_a_lot_is_served_before_the_others() -> None:
    lots = [lot("first", 1, 5, date(2026, 1, 1)), lot("second", 2, 5)]
    wanted = [Wanted(KIT, 5), Wanted(KIT, 5, lot_id="first")]
    assert taken(allocate(wanted, lots, TODAY)) == [("first", 5), ("second", 5)]


def test_a_line_that_insists_on_a_lot_takes_nothing_of_another() -> None:
    with pytest.raises(domain.StockTooLow) as refusal:
        allocate([Wanted(KIT, 6, lot_id="first")], [lot("first", 1, 5), lot("second", 2, 5)], TODAY)
    assert refusal.value.facts["available"] == 5


def test_two_lines_of_one_item_share_what_is_available() -> None:
    with pytest.raises(domain.StockTooLow) as refusal:
        allocate([Wanted(KIT, 6), Wanted(KIT, 6)], [lot("a", 1, 10)], TODAY)
    assert refusal.value.facts["available"] == 4


def shipped(number: int, quantity: int, received: int = 0, item: Item = KIT) -> ShippedLine:
    return ShippedLine(number, item, f"lot-{number}", quantity, received)


def test_what_is_received_fills_the_lines_in_order() -> None:
    lines = [shipped(1, 5, received=3), shipped(2, 4), shipped(3, 2, item=SHELTER)]
    shares = spread({"emergency_kit": 4, "shelter": 1}, lines)
    assert [(line.number, quantity) for line, quantity in shares] == [(1, 2), (2, 2), (3, 1)]


def test_more_than_shipped_is_refused_with_the_remainder() -> None:
    with pytest.raises(domain.MoreThanShipped) as refusal:
        spread({"emergency_kit": 7}, [shipped(1, 5, received=3), shipped(2, 4)])
    assert (refusal.value.facts["requested"], refusal.value.facts["available"]) == (7, 6)


def test_an_item_that_was_not_shipped_is_not_received() -> None:
    with pytest.raises(domain.NotInShipment):
        spread({"shelter": 1}, [shipped(1, 5)])


@pytest.mark.parametrize("state", [state for state in ShipmentState if state is not ShipmentState.RESERVED])
def test_a_shipment_that_left_is_neither_dispatched_again_nor_cancelled(state: ShipmentState) -> None:
    for step in (Step.DISPATCH, Step.CANCEL):
        with pytest.raises(WrongState):
            next_state(domain.TRANSITIONS, state, step)


@pytest.mark.parametrize("state", [ShipmentState.RESERVED, ShipmentState.CANCELLED])
def test_nothing_is_received_of_a_shipment_that_never_left(state: ShipmentState) -> None:
    for step in (Step.RECEIVE_PART, Step.RECEIVE_REST):
        with pytest.raises(WrongState):
            next_state(domain.TRANSITIONS, state, step)
