"""Figures that agree with each other and still say something that must not happen."""

import re
from collections.abc import Collection, Iterator
from itertools import product

from services.ledger.audit.findings import Finding, FindingClass
from services.ledger.audit.readings import COMMITTED, EXPENDED, FORECAST, appropriations
from services.ledger.audit.relations import Relation
from services.ledger.audit.rounding import Verdict, decimals_of, judge_rate, print_figure
from services.ledger.audit.table import Cell, Table


def remainder_for_cumulative(table: Table, relation: Relation) -> Finding | None:
    """A forecast whose rate is right only for what is executed plus what is printed."""
    if not relation.is_quotient or not _is_forecast(table, relation.target):
        return None
    printed_rate = table.figures[relation.target]
    forecasts = [cell for cell in sorted(relation.cells - {relation.target}) if _is_forecast(table, cell)]
    executed = [(relation.target[0], column) for column in _columns(table, COMMITTED) + _columns(table, EXPENDED)]
    for forecast, spent in product(forecasts, executed):
        if not table.figures.get(spent):
            continue
        cumulative = table.figures[forecast] + table.figures[spent]
        exact = relation.exact({**table.figures, forecast: cumulative})
        if exact is not None and judge_rate(printed_rate, exact) is Verdict.AGREES:
            recomputed = print_figure(cumulative, decimals_of(cumulative))
            basis = f"{table.printed(spent)} + {table.printed(forecast)}"
            return table.finding(forecast, FindingClass.REMAINDER_FOR_CUMULATIVE, recomputed, basis)
    return None


def _is_forecast(table: Table, cell: Cell) -> bool:
    return FORECAST.search(table.headers[cell[1]].stem) is not None


def _columns(table: Table, name: re.Pattern[str]) -> list[int]:
    return [
        column
        for column in table.figure_columns
        if name.search(table.headers[column].stem) and table.is_additive(column)
    ]


def check_limits(table: Table, faulty: Collection[Cell]) -> Iterator[Finding]:
    """Warnings on spending, in rows whose figures are otherwise sound."""
    committed, expended = _columns(table, COMMITTED), _columns(table, EXPENDED)
    forecasts = _columns(table, FORECAST)
    for row in range(len(table.rows)):
        if any(faulty_row == row for faulty_row, _ in faulty):
            continue
        for column in committed + expended:
            ceiling = _ceiling(table, column)
            if ceiling is not None:
                yield from _above(table, (row, column), (row, ceiling), FindingClass.OVER_APPROPRIATION)
        if len(committed) == len(expended) == 1:
            yield from _above(table, (row, expended[0]), (row, committed[0]), FindingClass.PAID_OVER_COMMITTED)
        for column in forecasts:
            highest = max(
                ((row, other) for other in committed + expended if (row, other) in table.figures),
                key=lambda cell: table.figures[cell],
                default=None,
            )
            if highest is not None:
                yield from _below(table, (row, column), highest, FindingClass.FORECAST_BELOW_COMMITTED)


def _ceiling(table: Table, column: int) -> int | None:
    """The appropriation of the column's year; a budget of another year is no ceiling."""
    year = table.headers[column].year
    found = next(iter(appropriations(table, year)), None)
    return None if found is None or (year and table.headers[found].year not in (None, year)) else found


def _above(table: Table, cell: Cell, ceiling: Cell, kind: FindingClass) -> Iterator[Finding]:
    if _comparable(table, cell, ceiling) and table.figures[cell] > table.figures[ceiling]:
        yield table.finding(cell, kind, None, _comparison(table, cell, ">", ceiling))


def _below(table: Table, cell: Cell, floor: Cell, kind: FindingClass) -> Iterator[Finding]:
    if _comparable(table, cell, floor) and table.figures[cell] < table.figures[floor]:
        yield table.finding(cell, kind, None, _comparison(table, cell, "<", floor))


def _comparable(table: Table, cell: Cell, other: Cell) -> bool:
    """Both measured, and not in unlike printing units such as 천원 and 백만원."""
    units = {table.headers[cell[1]].unit, table.headers[other[1]].unit} - {None}
    return cell in table.figures and other in table.figures and len(units) < 2


def _comparison(table: Table, cell: Cell, sign: str, other: Cell) -> str:
    def text(one: Cell) -> str:
        return f"{table.headers[one[1]].name} {table.printed(one)}"

    return f"{text(cell)} {sign} {text(other)}"
