"""Which row adds up to which, and in what units."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from services.ledger.audit.findings import Finding, FindingClass
from services.ledger.audit.headers import MONEY_UNITS
from services.ledger.audit.rounding import print_figure
from services.ledger.audit.table import Cell, Table, row_key

_TOTAL: Final = re.compile(r"^(총?합계|총계|계|총괄|total)(\(.*\))?$", re.IGNORECASE)
_SUBTOTAL: Final = re.compile(r"(소계|중계|누계|평균)")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    children: Mapping[int, tuple[int, ...]]
    defects: tuple[Finding, ...] = ()

    @property
    def total_row(self) -> int | None:
        """The row everything adds up to, if there is one."""
        below = {child for children in self.children.values() for child in children}
        roots = [row for row in self.children if row not in below]
        return roots[0] if len(roots) == 1 else None

    def leaves(self, row: int) -> list[int]:
        children = self.children.get(row, ())
        return [leaf for child in children for leaf in self.leaves(child)] if children else [row]


def find_hierarchy(table: Table) -> Hierarchy:
    """From the parent column; without one, from a single total row over a flat table."""
    if any(row.parent for row in table.rows):
        return _named(table)
    return _flat(table)


def _named(table: Table) -> Hierarchy:
    assert table.parent_column is not None
    named: dict[str, list[int]] = {}
    for index, row in enumerate(table.rows):
        named.setdefault(row_key(row.name), []).append(index)
    parents: dict[int, int] = {}
    orphans: dict[str, list[int]] = {}
    for index, row in enumerate(table.rows):
        if not row.parent:
            continue
        key = row_key(row.parent)
        if holders := named.get(key):
            # Of several rows with that name (소계 under each part) the nearest above, else the first below.
            parents[index] = max((holder for holder in holders if holder < index), default=holders[0])
        else:
            orphans.setdefault(key, []).append(index)
    circular = {child for child in parents if _runs_in_a_circle(child, parents)}
    lines: dict[int, list[int]] = {}
    for child, parent in parents.items():
        if child not in circular:
            lines.setdefault(parent, []).append(child)
    children = {parent: tuple(below) for parent, below in lines.items()}
    defects = [table.finding((row, table.parent_column), FindingClass.CIRCULAR_PARENT) for row in sorted(circular)]
    for rows in orphans.values():
        defects += [table.finding((row, table.parent_column), FindingClass.MISSING_PARENT) for row in rows]
        below = {leaf for row in rows for leaf in _with_all_below(row, children)}
        homes = sorted(set(range(len(table.rows))) - below, key=lambda row: row not in children)
        home = next((row for row in homes if _fits(table, row, children.get(row, ()), rows)), None)
        if home is not None:
            children[home] = tuple(sorted((*children.get(home, ()), *rows)))
    return Hierarchy(children, tuple(defects))


def _with_all_below(row: int, children: Mapping[int, tuple[int, ...]]) -> Iterator[int]:
    yield row
    for child in children.get(row, ()):
        yield from _with_all_below(child, children)


def _fits(table: Table, parent: int, lines: tuple[int, ...], orphans: list[int]) -> bool:
    """Whether the parent adds up with the orphans: then a mistyped name is the only error, and its sums are not."""
    printed = [
        column for column in table.figure_columns if table.is_additive(column) and table.figures.get((parent, column))
    ]
    return bool(printed) and all(_adds_up(table, column, parent, (*lines, *orphans)) for column in printed)


def _runs_in_a_circle(start: int, parents: Mapping[int, int]) -> bool:
    row = start
    for _ in range(len(parents)):
        if row not in parents:
            return False
        row = parents[row]
        if row == start:
            return True
    return False


def _flat(table: Table) -> Hierarchy:
    """One total row, first or last, over all others. A table that looks nested is left alone."""
    totals = [index for index, row in enumerate(table.rows) if _TOTAL.match(row_key(row.name))]
    if len(totals) != 1 or totals[0] not in (0, len(table.rows) - 1) or len(table.rows) < 3:
        return Hierarchy({})
    lines = tuple(index for index in range(len(table.rows)) if index != totals[0])
    agreeing = [column for column in table.figure_columns if _adds_up(table, column, totals[0], lines)]
    if not agreeing and _looks_nested(table, lines):
        return Hierarchy({})
    return Hierarchy({totals[0]: lines})


def _adds_up(table: Table, column: int, total: int, lines: tuple[int, ...]) -> bool:
    figures = [table.figures[row, column] for row in lines if (row, column) in table.figures]
    printed = table.figures.get((total, column))
    return table.is_additive(column) and bool(printed) and sum(figures, Decimal(0)) == printed


def _looks_nested(table: Table, lines: tuple[int, ...]) -> bool:
    """Subtotals, indented names, or a line that is the sum of two or more lines right below or above it."""
    if any(_SUBTOTAL.search(row_key(table.rows[line].name)) for line in lines):
        return True
    for column in table.figure_columns:
        if not table.is_additive(column):
            continue
        figures = [table.figures.get((line, column), Decimal(0)) for line in lines]
        for ordered in (figures, figures[::-1]):
            for start, figure in enumerate(ordered):
                running = Decimal(0)
                for count, below in enumerate(ordered[start + 1 :], 1):
                    running += below
                    if count >= 2 and figure > 0 and running == figure:
                        return True
    return False


def mixed_unit_totals(table: Table, hierarchy: Hierarchy) -> dict[Cell, Finding]:
    """Printed totals over rows of unlike units, with the honest total of each unit."""
    found: dict[Cell, Finding] = {}
    for total in hierarchy.children:
        leaves = hierarchy.leaves(total)
        units = Counter(unit for leaf in leaves if (unit := table.rows[leaf].unit))
        own = table.rows[total].unit
        if own and units and own not in units and len(units) == 1:
            units[own] += 0  # a total in a unit none of its lines has
        if len(units) < 2:
            continue
        for column in table.figure_columns:
            if _counted_in_row_units(table, column, units) and (total, column) in table.figures:
                found[total, column] = _mixed(table, (total, column), leaves, tuple(units))
    return found


def _counted_in_row_units(table: Table, column: int, units: Iterable[str]) -> bool:
    """Money beside quantities is not in the rows' units, unless these are units of money."""
    return table.is_additive(column) and (not table.headers[column].is_money or set(units) <= MONEY_UNITS)


def _mixed(table: Table, cell: Cell, leaves: list[int], units: tuple[str, ...]) -> Finding:
    sums: dict[str, str] = {}
    for unit in units:
        rows = [(leaf, cell[1]) for leaf in leaves if table.rows[leaf].unit == unit]
        sums[unit] = print_figure(sum((table.figures[row] for row in rows if row in table.figures), Decimal(0)), 0)
    return table.finding(cell, FindingClass.MIXED_UNITS, None, ", ".join(units), sums)
