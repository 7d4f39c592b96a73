"""Rules of relief goods, without I/O."""

from datetime import date

import pytest

from services.inventory import domain, events
from services.inventory.domain import (
    Hold,
    Item,
    Lot,
    ShipmentState,
    ShippedLine,
    Step,
    Taking,
    Wanted,
    allocate,
    missing_since,
    spread,
)
from services.inventory.schemas import MOST_LINES
from shared.events import LARGEST_QUANTITY, LONGEST_EVENT_BYTES, canonical_json
from shared.refusals import WrongState, next_state

KIT = Item("emergency_kit", "응급구호세트", "개")
SHELTER = Item("shelter", "이동식 대피소", "동")
TODAY = date(2025, 3, 25)


def lot(id_: str, available: int) -> Lot:
    return Lot(id_, available, expires_on=None)


def taken(takings: list[Taking]) -> list[tuple[str, int]]:
    return [(taking.lot.id, taking.quantity) for taking in takings]


def test_the_lot_that_leaves_first_is_emptied_first() -> None:
    lots = [lot("first", 10), lot("second", 10), lot("third", 10)]
    assert taken(allocate([Wanted(KIT, 25)], lots, TODAY)) == [("first", 10), ("second", 10), ("third", 5)]


def test_a_refusal_names_what_was_asked_for_and_what_is_there() -> None:
    with pytest.raises(domain.StockTooLow) as refusal:
        allocate([Wanted(SHELTER, 549)], [lot("a", 500), lot("b", 40)], TODAY)
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
    lots = [lot("first", 5), lot("second", 5)]
    wanted = [Wanted(KIT, 5), Wanted(KIT, 5, lot_id="first")]
    assert taken(allocate(wanted, lots, TODAY)) == [("first", 5), ("second", 5)]


def test_a_line_that_insists_on_a_lot_takes_nothing_of_another() -> None:
    with pytest.raises(domain.StockTooLow) as refusal:
        allocate([Wanted(KIT, 6, lot_id="first")], [lot("first", 5), lot("second", 5)], TODAY)
    assert refusal.value.facts["available"] == 5


def test_two_lines_of_one_item_share_what_is_available() -> None:
    with pytest.raises(domain.StockTooLow) as refusal:
        allocate([Wanted(KIT, 6), Wanted(KIT, 6)], [lot("a", 10)], TODAY)
    assert refusal.value.facts["available"] == 4


def test_lines_that_take_of_one_lot_are_one_taking() -> None:
    assert taken(allocate([Wanted(KIT, 6), Wanted(KIT, 4)], [lot("a", 20)], TODAY)) == [("a", 10)]


def test_a_shipment_takes_of_a_limited_number_of_lots() -> None:
    lots = [lot("a", 5), lot("b", 5), lot("c", 5)]
    assert taken(allocate([Wanted(KIT, 10)], lots, TODAY, most=2)) == [("a", 5), ("b", 5)]
    with pytest.raises(domain.TooManyLots) as refusal:
        allocate([Wanted(KIT, 11)], lots, TODAY, most=2)
    assert (refusal.value.facts["requested"], refusal.value.facts["available"]) == (11, 10)


def test_the_largest_shipment_fits_into_an_event() -> None:
    id_, quantity = "x" * 64, LARGEST_QUANTITY
    text = {"item_name": "\N{FIRE}" * 200, "unit": "\N{FIRE}" * 20}  # four bytes each
    line = events.Line(item_id=id_, lot_id=id_, expires_on=TODAY, quantity=quantity, **text)
    where = dict.fromkeys(("depot_id", "disaster_id", "region_id", "site_id", "request_id"), id_)
    lots = domain.MOST_LOTS + MOST_LINES  # every line may insist on a lot besides
    told = events.ShipmentReserved(shipment_id=id_, lines=[line] * lots, **where)
    assert len(canonical_json(told)) < LONGEST_EVENT_BYTES - 10_000  # what the envelope says besides


def april(day: int) -> date:
    return date(2025, 4, day)


def test_nothing_is_missing_of_a_lot_that_nobody_took_of_since() -> None:
    assert missing_since(april(1), []) == {}


def test_what_was_called_off_later_is_missing_on_the_days_between() -> None:
    hold = Hold("a", 10, reserved_on=april(3), cancelled_on=april(5))
    assert [missing_since(april(day), [hold])["a"] for day in (1, 3, 4)] == [10, 10, 10]
    assert missing_since(april(5), [])["a"] == 0  # such a hold ended no later than that day


def test_the_worst_day_counts_and_not_the_sum_of_all() -> None:
    holds = [Hold("a", 10, april(2), april(3)), Hold("a", 7, april(3), april(4)), Hold("b", 1, april(4), april(5))]
    assert missing_since(april(1), holds) == {"a": 10, "b": 1}


def test_what_was_taken_later_and_stands_makes_up_for_what_was_called_off() -> None:
    """Of a lot of 20, 10 were set aside on the 2nd until the 4th, and 12 after that: 8 are left now, 10 were before."""
    holds = [Hold("a", 10, april(2), april(4)), Hold("a", 12, april(4), None)]
    assert missing_since(april(1), holds) == {}


def shipped(number: int, quantity: int, received: int = 0, item: Item = KIT) -> ShippedLine:
    return ShippedLine(number, item, f"lot-{number}", None, quantity, received)


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
