"""Which arithmetic each column of figures must obey, from its header; where headers leave it open, from the figures.

A rule is explicit (the header states a formula), expected (the header's words mean one), or possible (some reading
of it). A merely possible rule is used only where most rows prove it, so an unusual table raises no false alarm.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from services.ledger.audit.expressions import (
    Expression,
    Operation,
    Reference,
    bind,
    evaluate,
    has_constant,
    in_per_cent,
    operators,
    references,
)
from services.ledger.audit.readings import (
    CHANGE,
    CHANGE_RATE,
    REMAINDER,
    Place,
    Strength,
    change_rates,
    changes,
    compositions,
    rates,
    remainders,
)
from services.ledger.audit.rounding import agrees
from services.ledger.audit.table import Cell, Table

_ROWS_TO_PROVE: Final = 200  # a formula that holds so often holds by intent


@dataclass(frozen=True, slots=True)
class Rule:
    """What a column's figures must equal."""

    column: int
    expression: Expression[Place]
    strength: Strength

    def in_row(self, row: int) -> Expression[Cell]:
        return bind(self.expression, lambda place: (row if place[0] is None else place[0], place[1]))


def column_rules(table: Table, total_row: int | None) -> list[Rule]:
    """At most one rule for each column of figures. `total_row` is what shares are measured against."""
    chosen = (_choose(table, list(_candidates(table, column, total_row))) for column in table.figure_columns)
    return [rule for rule in chosen if rule is not None]


def _candidates(table: Table, column: int, total_row: int | None) -> Iterator[Rule]:
    header = table.headers[column]
    explicit = _explicit(table, column)
    if explicit is not None:
        yield Rule(column, explicit, Strength.EXPLICIT)
        return
    if CHANGE_RATE.search(header.stem):
        readings = change_rates(table, column)
    elif table.is_percent(column):
        readings = rates(table, column, total_row)
    elif CHANGE.search(header.stem):
        readings = changes(table, column)
    elif REMAINDER.search(header.stem):
        readings = remainders(table, column)
    elif table.is_additive(column):
        readings = compositions(table, column)
    else:
        return
    for expression, strength in readings:
        yield Rule(column, expression, strength)


def _choose(table: Table, candidates: list[Rule]) -> Rule | None:
    """The reading most rows prove; without proof the first expected one, whose failures are then findings."""
    if not candidates or candidates[0].strength is Strength.EXPLICIT:
        return candidates[0] if candidates else None
    scored = [(_proof(table, rule), rule) for rule in candidates]
    proven = [
        (agreeing, rule)
        for (agreeing, evaluable), rule in scored
        if rule.strength is Strength.POSSIBLE and agreeing >= 2 and 3 * agreeing >= 2 * evaluable
    ]
    # Several rows that all contradict what the words suggest show another meaning, not that many errors.
    expected = [
        (agreeing, rule)
        for (agreeing, evaluable), rule in scored
        if rule.strength is Strength.EXPECTED and (agreeing or evaluable < 3)
    ]
    ranked = sorted(expected + proven, key=lambda reading: -reading[0])  # stable: expected before possible
    return ranked[0][1] if ranked else None


def _proof(table: Table, rule: Rule) -> tuple[int, int]:
    """In how many rows the rule holds, of those where it says something; equal zeros say nothing."""
    agreeing: list[Decimal] = []
    evaluable = 0
    for row in range(min(len(table.rows), _ROWS_TO_PROVE)):
        printed = table.figures.get((row, rule.column))
        exact = evaluate(rule.in_row(row), table.value)
        if printed is None or exact is None or (printed == 0 and exact == 0):
            continue
        evaluable += 1
        if agrees(printed, exact):
            agreeing.append(printed)
    if rule.strength is Strength.POSSIBLE and len(set(agreeing)) < 2:
        return 0, evaluable  # one figure repeated, such as 100.0, is no proof
    return len(agreeing), evaluable


def _explicit(table: Table, column: int) -> Expression[Place] | None:
    """The formula the header states, where all columns it names are in the table."""
    header = table.headers[column]
    formula = header.formula
    try:
        if formula is not None:
            bound: Expression[Place] = bind(formula, lambda label: (None, _labelled(table, label, column)))
        elif (named := _named_formula(table, column)) is not None:
            bound = named
        else:
            return None
    except KeyError:
        return None
    if column in {key[1] for key in references(bound)}:
        return None
    is_quotient = "/" in set(operators(bound))
    return in_per_cent(bound) if table.is_percent(column) and is_quotient and not has_constant(bound) else bound


def _labelled(table: Table, label: str, column: int) -> int:
    """The column with that label; of several the nearest before. Raises KeyError."""
    holders = [index for index, header in enumerate(table.headers) if header.label == label]
    usable = [index for index in holders if index in table.figure_columns]
    if not usable:
        raise KeyError(label)
    return max((index for index in usable if index < column), default=usable[0])


_NAMED: Final = re.compile(r"(.+?)([/÷\-−+])([^/÷\-−+*×]+?)(?:[*×]100)?")


def _named_formula(table: Table, column: int) -> Expression[Place] | None:
    """A formula in words, as in 징수율(징수액/징수결정액). Raises KeyError where a name is no column."""
    for words in table.headers[column].words:
        if match := _NAMED.fullmatch(words):
            left, right = (_column_named(table, match.group(side)) for side in (1, 3))
            operator = {"÷": "/", "−": "-"}.get(match.group(2), match.group(2))
            return Operation(operator, Reference((None, left)), Reference((None, right)))
    return None


def _column_named(table: Table, name: str) -> int:
    for index in table.figure_columns:
        if name in (table.headers[index].stem, "".join(table.headers[index].name.split())):
            return index
    raise KeyError(name)
