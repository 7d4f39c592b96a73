"""What an audit says: findings with the numbers, in English and Korean."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class AuditInputError(Exception):
    """The table cannot be audited at all; the message is a sentence for the person who handed it in."""


class Severity(StrEnum):
    ERROR = "error"  # a printed figure is wrong
    WARNING = "warning"  # the figures agree but say something that must not happen
    NOTICE = "notice"  # explained by rounding


class FindingClass(StrEnum):
    RATE = "rate"  # not the quotient of its columns
    # Cut off at the first decimal instead of rounded half-up. A rate cut to a whole per cent is plainly `rate`:
    # reports print one decimal, so there the decimal is missing as well.
    RATE_TRUNCATED = "rate_truncated"
    DIFFERENCE = "difference"  # not what its column's formula gives
    SUM = "sum"  # not the sum of the lines that name it as parent
    AMOUNT = "amount"  # an input that contradicts several agreeing figures at once
    ROUNDING_DIFFERENCE = "rounding_difference"  # off by one in the last printed unit (단수차)
    MIXED_UNITS = "mixed_units"  # a total over unlike units
    REMAINDER_FOR_CUMULATIVE = "remainder_for_cumulative"  # forecast column prints what is left, its rate is cumulative
    MISSING_PARENT = "missing_parent"  # adds up to a row that is not in the table
    CIRCULAR_PARENT = "circular_parent"  # adds up to itself, at whatever distance
    UNREADABLE_FIGURE = "unreadable_figure"  # digits that form no number, such as 1,23
    MISSING_CELL = "missing_cell"  # the row ends before a column of figures
    OVER_APPROPRIATION = "over_appropriation"  # executed more than appropriated
    PAID_OVER_COMMITTED = "paid_over_committed"  # paid more than committed
    FORECAST_BELOW_COMMITTED = "forecast_below_committed"  # year-end forecast below what is already committed


SEVERITIES: Final = {
    FindingClass.ROUNDING_DIFFERENCE: Severity.NOTICE,
    FindingClass.OVER_APPROPRIATION: Severity.WARNING,
    FindingClass.PAID_OVER_COMMITTED: Severity.WARNING,
    FindingClass.FORECAST_BELOW_COMMITTED: Severity.WARNING,
}

# Each sentence may use {printed}, {recomputed}, {basis} and {sums}.
SENTENCES: Final[Mapping[FindingClass, tuple[str, str]]] = {
    FindingClass.RATE: (
        "{printed} is printed; {basis} gives {recomputed}.",
        "{printed}(으)로 표기되었으나 {basis} 계산값은 {recomputed}입니다.",
    ),
    FindingClass.RATE_TRUNCATED: (
        "{printed} is printed: the quotient was cut off, not rounded; {basis} gives {recomputed}.",
        "{printed}은(는) 반올림하지 않고 버림한 값입니다. {basis} 계산값은 {recomputed}입니다.",
    ),
    FindingClass.DIFFERENCE: (
        "{printed} is printed; {basis} gives {recomputed}.",
        "{printed}(으)로 표기되었으나 {basis} 계산값은 {recomputed}입니다.",
    ),
    FindingClass.SUM: (
        "{printed} is printed; the sum of {basis} is {recomputed}.",
        "{printed}(으)로 표기되었으나 {basis}의 합계는 {recomputed}입니다.",
    ),
    FindingClass.AMOUNT: (
        "{printed} is printed, but {basis} agree only with {recomputed}.",
        "{printed}(으)로 표기되었으나 {basis}와(과) 맞는 값은 {recomputed}입니다.",
    ),
    FindingClass.ROUNDING_DIFFERENCE: (
        "{printed} is printed and {basis} gives {recomputed}: a rounding difference.",
        "{printed}(으)로 표기, {basis} 계산값은 {recomputed}: 단수차입니다.",
    ),
    FindingClass.MIXED_UNITS: (
        "{printed} adds unlike units ({basis}); by unit it is {sums}.",
        "{printed}은(는) 서로 다른 단위({basis})를 더한 값입니다. 단위별 합계는 {sums}입니다.",
    ),
    FindingClass.REMAINDER_FOR_CUMULATIVE: (
        "{printed} is what remains to be executed, while the rate beside it is cumulative: {basis} gives {recomputed}.",
        "{printed}은(는) 남은 금액이나 옆의 비율은 누계 기준입니다. {basis} 누계는 {recomputed}입니다.",
    ),
    FindingClass.MISSING_PARENT: (
        "The line adds up to {printed!r}, and no row has that name.",
        "상위 항목 {printed!r}이(가) 표에 없습니다.",
    ),
    FindingClass.CIRCULAR_PARENT: (
        "The line adds up to {printed!r}, which adds up to this line again.",
        "상위 항목 {printed!r}이(가) 다시 이 항목에 합산되어 순환합니다.",
    ),
    FindingClass.UNREADABLE_FIGURE: (
        "{printed!r} is not a figure: its digits or separators form no number.",
        "{printed!r}은(는) 숫자로 읽을 수 없습니다.",
    ),
    FindingClass.MISSING_CELL: (
        "The row ends before this column, so its figures cannot be checked.",
        "행이 이 열에 이르지 않아 수치를 확인할 수 없습니다.",
    ),
    FindingClass.OVER_APPROPRIATION: (
        "{printed} is executed, above the appropriation: {basis}.",
        "{printed}은(는) 예산을 넘는 집행입니다: {basis}.",
    ),
    FindingClass.PAID_OVER_COMMITTED: (
        "{printed} is paid, above the commitment: {basis}.",
        "{printed}은(는) 원인행위액을 넘는 지출입니다: {basis}.",
    ),
    FindingClass.FORECAST_BELOW_COMMITTED: (
        "{printed} is forecast for the year's end, below what is already executed: {basis}.",
        "연말 예상액 {printed}이(가) 이미 집행한 금액보다 적습니다: {basis}.",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One cell that does not agree with its table. `line` is the line in the file, counted from 1."""

    cell: tuple[int, int]  # row and column in the table, from 0
    table: str
    row: str
    column: str
    line: int
    printed: str
    recomputed: str | None
    kind: FindingClass
    basis: str = ""
    sums: Mapping[str, str] | None = None  # honest totals by unit, of a total over unlike units

    @property
    def severity(self) -> Severity:
        return SEVERITIES.get(self.kind, Severity.ERROR)

    def sentences(self) -> tuple[str, str]:
        """The finding in English and in Korean."""
        by_unit = ", ".join(f"{amount}{unit}" for unit, amount in (self.sums or {}).items())
        english, korean = (
            sentence.format(printed=self.printed, recomputed=self.recomputed, basis=self.basis, sums=by_unit)
            for sentence in SENTENCES[self.kind]
        )
        return english, korean

    def as_dict(self) -> dict[str, Any]:
        english, korean = self.sentences()
        return {
            "table": self.table,
            "row": self.row,
            "column": self.column,
            "line": self.line,
            "printed": self.printed,
            "recomputed": self.recomputed,
            "class": self.kind.value,
            "severity": self.severity.value,
            "message": english,
            "message_ko": korean,
            **({"sums": dict(self.sums)} if self.sums is not None else {}),
        }


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All findings of one table, in the order of its cells, and how many figures were recomputed."""

    table: str
    findings: tuple[Finding, ...]
    checked: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "checked": self.checked,
            "findings": [finding.as_dict() for finding in self.findings],
        }
