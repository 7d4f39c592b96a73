"""Setting goods aside for a shipment: of each item the lots that leave first, read and locked only as far as needed."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import chain, repeat
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.inventory import domain, store
from services.inventory.domain import Lot, Taking, Wanted
from services.inventory.store import Place, Shelf

# How many lots are looked at first, then, and from then on: most shipments are served from one or two.
PIECES: Final = (4, 32, 256)


def reserve(tx: Connection, depot_id: str, body_id: str, wanted: Iterable[Sequence[Wanted]], on: date) -> list[Taking]:
    """Take what is wanted, item by item in the order of the items' numbers. Raises StockTooLow and TooManyLots."""
    takings: list[Taking] = []
    for lines in wanted:
        lots = _lots(tx, Shelf(depot_id, body_id, lines[0].item.id), lines, on)
        takings += domain.allocate(lines, lots, on, most=max(0, domain.MOST_LOTS - len(takings)))
    for taking in takings:
        must_hold(store.reserve_of_lot(tx, taking.lot.id, taking.quantity))
    return takings


def must_hold(changed: bool) -> None:
    """What a shipment takes was counted under lock, and what it gives back or out was set aside for it; so a guard
    that says no means a defect: undo everything.
    """
    if not changed:
        raise AssertionError("stock is not what it was counted to be")


def _lots(tx: Connection, shelf: Shelf, lines: Sequence[Wanted], on: date) -> list[Lot]:
    """Lots that cover these lines of one item, as far as there are any, and those that a line insists on."""
    wanted = sum(line.quantity for line in lines)
    named = {line.lot_id for line in lines if line.lot_id}
    lots: list[Lot] = []
    last = Place(on, 0)  # in the order in which goods leave, before all that have not expired
    if any(line.lot_id is None for line in lines):
        for rows in _pieces(tx, shelf, on, last):
            lots += _available(tx, rows, on)
            last = _place(rows[-1])
            if len(lots) > domain.MOST_LOTS or sum(lot.available for lot in lots) >= wanted:
                break
    if further := named - {lot.id for lot in lots}:
        lots += _available(tx, store.lock_named_lots(tx, shelf, on, last, further), on)
    return lots


def _pieces(tx: Connection, shelf: Shelf, on: date, after: Place) -> Iterator[list[sa.Row[Any]]]:
    for size in chain(PIECES, repeat(PIECES[-1])):
        if rows := store.lock_next_lots(tx, shelf, on, after, size):
            yield rows
        if len(rows) < size:
            return
        after = _place(rows[-1])


def _place(lot: sa.Row[Any]) -> Place:
    return Place(lot.expires_on, lot.number)


def _available(tx: Connection, rows: Sequence[sa.Row[Any]], on: date) -> list[Lot]:
    """Of these locked lots, those of which something was left on the worst day since `on`."""
    missing = domain.missing_since(on, store.holds_since(tx, [row.id for row in rows], on))
    lots = (Lot(row.id, row.available - missing[row.id], row.expires_on) for row in rows)
    return [lot for lot in lots if lot.available > 0]
