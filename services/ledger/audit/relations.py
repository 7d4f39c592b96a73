"""The equations a table must satisfy, one for each derived cell, and the verdict on each."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from services.ledger.audit.expressions import Expression, Sum, evaluate, operators, references
from services.ledger.audit.headers import MONEY_UNITS
from services.ledger.audit.hierarchy import Hierarchy
from services.ledger.audit.rounding import Verdict, decimals_of, judge_amount, judge_rate
from services.ledger.audit.rules import Rule
from services.ledger.audit.table import Cell, Table

Figures = Mapping[Cell, Decimal]


@dataclass(frozen=True, slots=True)
class Relation:
    """`target` must show what `expression` gives, up to `tolerance` in the last printed unit (0 for counted things)."""

    target: Cell
    expression: Expression[Cell]
    is_quotient: bool
    tolerance: int

    @property
    def cells(self) -> frozenset[Cell]:
        return frozenset(references(self.expression)) | {self.target}

    @property
    def is_sum_of_lines(self) -> bool:
        return isinstance(self.expression, Sum) and all(row != self.target[0] for row, _ in self.expression.keys)

    def exact(self, figures: Figures) -> Fraction | None:
        return evaluate(self.expression, lambda cell: Fraction(figures[cell]) if cell in figures else None)

    def decimals(self, figures: Figures) -> int:
        """The precision of the comparison: of the target, and in sums of any line."""
        if self.is_quotient:
            return decimals_of(figures[self.target])
        return max(decimals_of(figures[cell]) for cell in self.cells if cell in figures)

    def verdict(self, figures: Figures) -> Verdict | None:
        """None where the table does not print enough to tell."""
        printed, exact = figures.get(self.target), self.exact(figures)
        if printed is None or exact is None:
            return None
        if self.is_quotient:
            return judge_rate(printed, exact)
        return judge_amount(printed, exact, tolerance=self.tolerance, decimals=self.decimals(figures))


def find_relations(
    table: Table, rules: list[Rule], hierarchy: Hierarchy, *, without: Collection[Cell]
) -> list[Relation]:
    """Every rule in every row, and every total over its lines, except totals that cannot be added."""
    found = []
    for rule in rules:
        if _has_unlike_units(table, rule):
            continue
        is_quotient = "/" in set(operators(rule.expression))
        for row in range(len(table.rows)):
            tolerance = _tolerance(table, rule.column, row)
            found.append(Relation((row, rule.column), rule.in_row(row), is_quotient, tolerance))
    for total, lines in hierarchy.children.items():
        for column in table.figure_columns:
            if table.is_additive(column) and (total, column) not in without:
                places = tuple((line, column) for line in lines)
                found.append(Relation((total, column), Sum(places), False, _tolerance(table, column, total)))
    return [relation for relation in found if relation.target not in set(references(relation.expression))]


def relations_by_cell(relations: list[Relation]) -> Callable[[Cell], list[Relation]]:
    index: dict[Cell, list[Relation]] = {}
    for relation in relations:
        for cell in relation.cells:
            index.setdefault(cell, []).append(relation)
    return lambda cell: index.get(cell, [])


def _has_unlike_units(table: Table, rule: Rule) -> bool:
    """Columns in different printing units, such as 천원 and 백만원, are not compared."""
    columns = {column for _, column in references(rule.expression)}
    if not table.is_percent(rule.column) and "*" not in set(operators(rule.expression)):
        columns.add(rule.column)
    return len({unit for column in columns if (unit := table.headers[column].unit) in MONEY_UNITS}) > 1


def _tolerance(table: Table, column: int, row: int) -> int:
    """Amounts in 천원 are themselves rounded, so they may be off by one; counted things and whole won may not."""
    header, unit = table.headers[column], table.rows[row].unit
    if header.is_money:
        counted = "원" in (header.unit, unit)
    else:
        counted = header.is_count or unit == "원" or (unit is not None and unit not in MONEY_UNITS)
    return 0 if counted else 1
