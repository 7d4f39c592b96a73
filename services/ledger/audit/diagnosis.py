"""From equations that fail to the cell that is wrong.

One wrong amount breaks every equation it stands in. Where a single other value of one cell repairs two or more of them
and breaks none, that cell is the error; an equation that fails alone is reported at its result, unless other figures
vouch for the result and for all but one of its inputs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.ledger.audit.relations import Figures, Relation, relations_by_cell
from services.ledger.audit.rounding import Verdict, decimals_of, half_up
from services.ledger.audit.table import Cell

_FINE: Final = frozenset({None, Verdict.AGREES, Verdict.TRUNCATED, Verdict.ROUNDING_DIFFERENCE})


@dataclass(frozen=True, slots=True)
class Correction:
    """`cell` should read `value`; `repaired` are the equations that then hold."""

    cell: Cell
    value: Decimal
    repaired: tuple[Relation, ...]


def diagnose(relations: list[Relation], figures: Figures) -> tuple[list[Correction], list[Relation]]:
    """The cells proved wrong, and the failing equations that stay unexplained."""
    values = dict(figures)
    touching = relations_by_cell(relations)
    corrections: list[Correction] = []
    failing = [relation for relation in relations if relation.verdict(values) is Verdict.WRONG]
    while len(failing) > 1:
        suspects = {cell: None for relation in failing for cell in (relation.target, *sorted(relation.cells))}
        found = [
            correction
            for cell in suspects
            if sum(cell in relation.cells for relation in failing) > 1
            for correction in _corrections(cell, touching(cell), values)
            if len(correction.repaired) > 1
        ]
        if not found:
            break
        best = max(found, key=lambda correction: len(correction.repaired))
        corrections.append(best)
        values[best.cell] = best.value
        failing = [relation for relation in failing if relation.verdict(values) is Verdict.WRONG]
    for relation in failing:
        if (correction := _alone(relation, touching, values)) is not None:
            corrections.append(correction)
            values[correction.cell] = correction.value
    explained = {relation for correction in corrections for relation in correction.repaired}
    return corrections, [relation for relation in failing if relation not in explained]


def _alone(
    relation: Relation, touching: Callable[[Cell], list[Relation]], values: dict[Cell, Decimal]
) -> Correction | None:
    """Of an amount that fails alone, the result; but the one input that can repair it where the result cannot."""
    if relation.is_quotient:
        return None
    result = next(_corrections(relation.target, touching(relation.target), values), None)
    if result is not None:
        return result
    inputs = sorted(relation.cells - {relation.target})
    ways = [way for cell in inputs for way in _corrections(cell, touching(cell), values) if relation in way.repaired]
    return ways[0] if len(ways) == 1 else None


def _corrections(cell: Cell, relations: list[Relation], values: dict[Cell, Decimal]) -> Iterator[Correction]:
    failing = [relation for relation in relations if relation.verdict(values) is Verdict.WRONG]
    if cell not in values:
        return
    decimals = decimals_of(values[cell])
    for relation in failing:
        if relation.is_quotient and relation.target != cell:
            continue  # a rounded rate does not tell an amount
        solution = _solve(relation, cell, values)
        if solution is None:
            continue
        value = half_up(solution, decimals)
        repaired_values = {**values, cell: value}
        repaired = tuple(other for other in failing if other.verdict(repaired_values) in _FINE)
        spoiled = any(
            other.verdict(values) in _FINE and other.verdict(repaired_values) is Verdict.WRONG for other in relations
        )
        if repaired and not spoiled:
            yield Correction(cell, value, repaired)


def _solve(relation: Relation, cell: Cell, values: dict[Cell, Decimal]) -> Fraction | None:
    """The value of `cell` for which the equation holds; it is linear in every cell, or the cell is its result."""
    if relation.target == cell:
        return relation.exact(values)
    at_zero = relation.exact({**values, cell: Decimal(0)})
    at_one = relation.exact({**values, cell: Decimal(1)})
    if at_zero is None or at_one is None or at_zero == at_one:
        return None
    return (Fraction(values[relation.target]) - at_zero) / (at_one - at_zero)
