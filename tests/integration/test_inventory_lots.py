"""Which lots a shipment takes, that it looks at no more than it needs, and what many do to each other at once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.inventory import domain, store
from services.inventory.operations.reserving import PIECES
from shared.config import Settings
from shared.db import bulk_insert
from tests.integration.inventory import (
    AUDITOR,
    COORDINATOR,
    DEPOT,
    Inventory,
    opened,
    shipment,
    slug,
)
from tests.support import FixedClock

PARALLEL_REQUESTS, THREADS = 200, 16
LONG_AGO = date(2025, 3, 22)
BODY = "city"


@pytest.fixture
def inventory(settings: Settings, clock: FixedClock) -> Iterator[Inventory]:
    with opened(settings, clock) as inventory:
        yield inventory


def lines_of(answer: Any) -> list[tuple[str, int]]:
    return [(line["lot_id"], line["quantity"]) for line in answer.json["lines"]]


def fill(inventory: Inventory, name: str, count: int, **other: Any) -> None:
    """So many lots of ten kits each, which expire one after the other, as if their receipts had been recorded."""
    lot = {
        "body_id": BODY,
        "item_id": "kit",
        "depot_id": DEPOT,
        "received": 10,
        "on_hand": 10,
        "reserved": 0,
        "source": "시 비축창고",
        "effective_date": LONG_AGO,
        "recorded_at": inventory.clock.now(),
        "seal": "not looked at here",
        "recorded_by": "x",
        "late": False,
        "version": 1,
    } | other
    expiry = {"expires_on": date(2026, 1, 1)} if "expires_on" not in other else {}
    rows = [
        {"id": f"{name}-{number}", **lot, **{key: day + timedelta(number) for key, day in expiry.items()}}
        for number in range(count)
    ]
    with inventory.database.write() as tx:
        bulk_insert(tx, store.lots, list(rows[0]), [tuple(row.values()) for row in rows])


@contextmanager
def reading(inventory: Inventory) -> Iterator[Counter[str]]:
    """How many statements are run meanwhile, how many of them look for lots, and how many rows all of them return."""
    engine: Any = inventory.database.engine
    seen: Counter[str] = Counter()

    def count(_connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        seen["statements"] += 1
        seen["looks for lots"] += statement.startswith("SELECT lots.")
        seen["rows"] += max(0, cursor.rowcount)  # sqlite3 does not know how many there will be

    def count_rows(connection: Any, *_rest: Any) -> None:
        if inventory.database.is_sqlite:
            connection.row_factory = lambda _cursor, row: seen.update(rows=1) or row

    listeners: dict[str, Any] = {"after_cursor_execute": count, "checkout": count_rows}
    for event, listener in listeners.items():
        sa.event.listen(engine, event, listener)
    yield seen
    for event, listener in listeners.items():
        sa.event.remove(engine, event, listener)
    engine.dispose()  # with the connections that still count


def test_goods_leave_in_the_order_in_which_they_expire_and_the_older_receipt_first(inventory: Inventory) -> None:
    for lot_id, expires_on in (
        ("never", None),
        ("newer", "2026-01-01"),
        ("2028", "2028-01-01"),
        ("newest", "2026-01-01"),
    ):
        inventory.stock(lot_id, 2, expires_on=expires_on)
    assert lines_of(inventory.ship(7)) == [("newer", 2), ("newest", 2), ("2028", 2), ("never", 1)]


def test_goods_leave_on_the_day_they_expire_and_never_after(inventory: Inventory) -> None:
    inventory.stock("yesterday", 5, expires_on="2025-04-10", effective_date="2025-03-22")
    inventory.stock("today", 5, expires_on="2025-04-11", effective_date="2025-03-22")
    assert inventory.ship(6).json["available"] == 5
    assert lines_of(inventory.ship(6, effective_date="2025-04-10")) == [("yesterday", 5), ("today", 1)]
    assert lines_of(inventory.ship(4)) == [("today", 4)]


@pytest.mark.parametrize("expires_on", [{}, {"expires_on": date(2026, 1, 1)}, {"expires_on": date.max}])
def test_a_shipment_takes_from_as_many_lots_as_it_needs(inventory: Inventory, expires_on: dict[str, Any]) -> None:
    fill(inventory, "lot", sum(PIECES) + PIECES[-1], **expires_on)
    enough = sum(PIECES) + 1
    sent = lines_of(inventory.ship(10 * enough + 1))
    assert sent == [*((f"lot-{number}", 10) for number in range(enough)), (f"lot-{enough}", 1)]
    assert lines_of(inventory.ship(9)) == [(f"lot-{enough}", 9)]


def test_a_line_that_insists_on_a_lot_is_served_before_the_others(inventory: Inventory) -> None:
    inventory.stock("first", 5, expires_on="2026-01-01")
    inventory.stock("second", 5)
    five = {"item_id": "kit", "quantity": 5}
    assert lines_of(inventory.ship(0, lines=[five, five | {"lot_id": "first"}])) == [("first", 5), ("second", 5)]


def test_a_line_may_insist_on_the_lot_that_leaves_last(inventory: Inventory) -> None:
    fill(inventory, "lot", 40)
    two = {"item_id": "kit", "quantity": 2}
    with reading(inventory) as seen:
        sent = inventory.ship(0, lines=[two | {"lot_id": "lot-39"}, two])
    assert lines_of(sent) == [("lot-0", 2), ("lot-39", 2)]
    assert seen["looks for lots"] == 3  # the one that was named, the first ones, and the named one in its turn


def test_a_line_that_insists_on_a_lot_takes_nothing_of_another(inventory: Inventory) -> None:
    inventory.stock("first", 5)
    inventory.stock("second", 5)
    refused = inventory.ship(0, lines=[{"item_id": "kit", "quantity": 6, "lot_id": "first"}])
    assert (refused.status_code, refused.json["available"]) == (409, 5)


@pytest.mark.parametrize("expires_on", ["2025-04-10", None])
def test_a_lot_that_is_spoiled_or_empty_is_not_shipped_by_naming_it(
    inventory: Inventory, expires_on: str | None
) -> None:
    inventory.stock("r1", 5, expires_on=expires_on, effective_date="2025-03-22")
    lines = [{"item_id": "kit", "quantity": 5, "lot_id": "r1"}]
    if expires_on is None:
        assert inventory.ship(0, lines=lines, dispatch_now=True).status_code == 201
    refused = inventory.ship(0, lines=lines)
    assert (refused.status_code, refused.json["available"]) == (409, 0)


@pytest.mark.parametrize(
    "other", [{"item_id": "shelter", "quantity": 1}, {"item_id": "kit", "quantity": 1}], ids=["item", "depot"]
)
def test_a_lot_of_another_item_or_depot_is_not_shipped(inventory: Inventory, other: dict[str, Any]) -> None:
    inventory.stock("elsewhere", 5, depot_id="south-depot")
    refused = inventory.ship(0, lines=[other | {"lot_id": "elsewhere"}])
    assert (refused.status_code, slug(refused)) == (422, "lot-elsewhere")


def test_lines_that_take_of_the_same_lot_become_one(inventory: Inventory) -> None:
    inventory.stock("kits", 10)
    inventory.stock("shelters", 10, "shelter")
    names = ("kit", "shelter", "kit")
    sent = inventory.ship(0, lines=[{"item_id": item_id, "quantity": 2} for item_id in names])
    assert lines_of(sent) == [("shelters", 2), ("kits", 4)]  # items in the order in which they were registered


def test_a_shipment_of_too_many_lots_is_refused_with_what_fits(inventory: Inventory) -> None:
    fill(inventory, "lot", domain.MOST_LOTS + 100)
    refused = inventory.ship(10 * domain.MOST_LOTS + 1)
    assert (refused.status_code, slug(refused)) == (422, "too-many-lots")
    facts = (refused.json["requested"], refused.json["available"], refused.json["most"])
    assert facts == (10 * domain.MOST_LOTS + 1, 10 * domain.MOST_LOTS, domain.MOST_LOTS)
    assert len(inventory.ship(10 * domain.MOST_LOTS).json["lines"]) == domain.MOST_LOTS


LOTS_NOT_NEEDED: dict[str, dict[str, Any]] = {
    "left over": {},
    "used up": {"on_hand": 0, "expires_on": date(2025, 12, 1)},
    "spoiled": {"expires_on": date(2025, 4, 10)},
    "of another body": {"body_id": "districts", "expires_on": date(2025, 12, 1)},
    "in another depot": {"depot_id": "south-depot", "expires_on": date(2025, 12, 1)},
}


@pytest.mark.parametrize("others", LOTS_NOT_NEEDED)
def test_a_shipment_reads_no_more_where_there_are_thousands_of_lots(inventory: Inventory, others: str) -> None:
    fill(inventory, "needed", PIECES[0], expires_on=date(2025, 12, 31))

    def ship() -> Counter[str]:
        with reading(inventory) as seen:
            assert lines_of(inventory.ship(3, dispatch_now=True)) == [("needed-0", 3)]
        return seen

    ship()
    before = ship()
    fill(inventory, "lot", 2_000, **LOTS_NOT_NEEDED[others])
    assert ship() == before
    assert before["looks for lots"] == 1
    assert before["rows"] < 20


def test_the_lots_that_leave_next_are_found_by_their_index_and_in_its_order(inventory: Inventory) -> None:
    fill(inventory, "lot", 2_000)
    asked = {"depot_id": DEPOT, "body_id": BODY, "item_id": "kit", "on": date(2025, 4, 11), "at_most": PIECES[0]}
    query = store.NEXT_LOTS.params(**asked, after_day=date(2025, 4, 11), after_number=0)
    with inventory.database.write() as tx:
        text = query.compile(dialect=tx.dialect, compile_kwargs={"literal_binds": True})
        tx.exec_driver_sql("ANALYZE lots")
        explain = "EXPLAIN QUERY PLAN" if inventory.database.is_sqlite else "EXPLAIN"
        plan = "\n".join(str(row) for row in tx.exec_driver_sql(f"{explain} {text}"))
    assert "lots_to_leave" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_of_parallel_requests_for_the_last_unit_one_succeeds(inventory: Inventory) -> None:
    inventory.stock("last", 1)

    def take(_: int) -> int:
        caller = Inventory(inventory.app, inventory.settings, inventory.clock)
        return caller.post("/shipments", shipment(1), COORDINATOR).status_code

    with ThreadPoolExecutor(THREADS) as threads:
        answers = Counter(threads.map(take, range(PARALLEL_REQUESTS)))
    assert answers == {201: 1, 409: PARALLEL_REQUESTS - 1}
    assert inventory.lot("last") == (1, 1, 0)
    assert len(inventory.told("shipment_reserved")) == 1


def test_parallel_reservations_dispatches_and_cancellations_lose_nothing(inventory: Inventory) -> None:
    """Several lots and items at once, named in either order: nobody waits in a circle and every unit is accounted."""
    for number in range(3):
        inventory.stock(f"kits-{number}", 20, expires_on=f"202{9 - number}-01-01")
        inventory.stock(f"shelters-{number}", 20, "shelter")

    def work(number: int) -> tuple[str, int]:
        caller = Inventory(inventory.app, inventory.settings, inventory.clock)
        lines = [{"item_id": "kit", "quantity": 3}, {"item_id": "shelter", "quantity": 3}]
        if number % 4 == 0:
            lines.append({"item_id": "kit", "quantity": 1, "lot_id": f"kits-{number % 3}"})
        made = caller.ship(0, lines=lines[:: 1 if number % 2 else -1])
        if made.status_code != 201:
            return "refused", made.status_code
        if number % 3 == 0:
            return "cancelled", caller.step(made.json["id"], "cancel", 1, {"reason": "회차"}).status_code
        return "dispatched", caller.step(made.json["id"], "dispatch", 1).status_code

    with ThreadPoolExecutor(THREADS) as threads:
        results = Counter(threads.map(work, range(60)))
    assert set(results) <= {("cancelled", 200), ("dispatched", 200), ("refused", 409)}
    left: Counter[str] = Counter()
    for _, data in inventory.told("shipment_dispatched"):
        for line in data["lines"]:
            left[line["item_id"]] += line["quantity"]
    assert left["shelter"] == 3 * results["dispatched", 200]
    for item_id in ("kit", "shelter"):
        lots = inventory.get(f"/stock?item_id={item_id}", AUDITOR).json["items"]
        assert sum(row["on_hand"] for row in lots) == 60 - left[item_id]
        assert sum(row["reserved"] for row in lots) == 0
