"""The audit itself: read, find the equations, judge them, name the cells."""

from collections.abc import Iterator
from typing import Final

from services.ledger.audit.diagnosis import Correction, diagnose
from services.ledger.audit.expressions import Sum, spell
from services.ledger.audit.findings import AuditReport, Finding, FindingClass
from services.ledger.audit.hierarchy import find_hierarchy, mixed_unit_totals
from services.ledger.audit.limits import check_limits, remainder_for_cumulative
from services.ledger.audit.relations import Relation, find_relations
from services.ledger.audit.rounding import Verdict, decimals_of, print_figure
from services.ledger.audit.rules import column_rules
from services.ledger.audit.table import Cell, Table, parse_table

_SPELLED_OUT_TERMS: Final = 4


def audit_table(name: str, text: str) -> AuditReport:
    """Recomputes every derived figure of the table. Raises AuditInputError where there is no table to audit."""
    table = parse_table(name, text)
    hierarchy = find_hierarchy(table)
    mixed = mixed_unit_totals(table, hierarchy)
    rules = column_rules(table, hierarchy.total_row)
    relations = find_relations(table, rules, hierarchy, without=mixed)
    checked = len(mixed) + sum(relation.verdict(table.figures) is not None for relation in relations)
    found = [*mixed.values(), *_judge(table, relations)]
    found += table.defects + hierarchy.defects
    found += check_limits(table, {finding.cell for finding in found})
    return AuditReport(name, tuple(sorted(found, key=lambda finding: finding.cell)), checked)


def _judge(table: Table, relations: list[Relation]) -> Iterator[Finding]:
    """Cells proved wrong first; what they explain is not reported again."""
    corrections, unexplained = diagnose(relations, table.figures)
    for correction in corrections:
        yield _corrected(table, correction)
    figures = {**table.figures, **{correction.cell: correction.value for correction in corrections}}
    reported = {correction.cell for correction in corrections}
    for relation in relations:
        if relation.target in reported:
            continue
        verdict = relation.verdict(figures)
        if verdict is Verdict.TRUNCATED:
            yield _at_target(table, relation, FindingClass.RATE_TRUNCATED)
        elif verdict is Verdict.ROUNDING_DIFFERENCE:
            yield _at_target(table, relation, FindingClass.ROUNDING_DIFFERENCE)
        elif relation in unexplained:
            remainder = remainder_for_cumulative(table, relation)
            yield remainder or _at_target(table, relation, _class_of(relation))


def _class_of(relation: Relation) -> FindingClass:
    if relation.is_sum_of_lines:
        return FindingClass.SUM
    return FindingClass.RATE if relation.is_quotient else FindingClass.DIFFERENCE


def _corrected(table: Table, correction: Correction) -> Finding:
    """The class is that of the equation whose result the cell is; a cell that is nobody's result is an amount."""
    recomputed = print_figure(correction.value, decimals_of(correction.value))
    own = [relation for relation in correction.repaired if relation.target == correction.cell]
    if own:
        return table.finding(correction.cell, _class_of(own[0]), recomputed, _basis(table, own[0]))
    basis = ", ".join(_place(table, relation.target) for relation in correction.repaired)
    return table.finding(correction.cell, FindingClass.AMOUNT, recomputed, basis)


def _at_target(table: Table, relation: Relation, kind: FindingClass) -> Finding:
    exact = relation.exact(table.figures)
    assert exact is not None, "only a relation that was judged is reported"
    recomputed = print_figure(exact, relation.decimals(table.figures))
    return table.finding(relation.target, kind, recomputed, _basis(table, relation))


def _basis(table: Table, relation: Relation) -> str:
    if isinstance(relation.expression, Sum) and len(relation.expression.keys) > _SPELLED_OUT_TERMS:
        first, last = relation.expression.keys[0], relation.expression.keys[-1]
        return f"{_place(table, first)} … {_place(table, last)} ({len(relation.expression.keys)})"
    return spell(relation.expression, table.printed)


def _place(table: Table, cell: Cell) -> str:
    return f"{table.rows[cell[0]].name} {table.headers[cell[1]].name} {table.printed(cell)}"
