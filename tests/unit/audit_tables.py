"""Correct published tables, drawn at random: what the audit must leave alone, and where errors are planted."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from shared.money import NEGATIVE_SIGN, divide_half_up, format_number


@dataclass(frozen=True)
class Column:
    """`of` derives a column from those before it; without it the amounts are drawn and summed."""

    header: str
    of: Callable[[dict[str, int]], tuple[int, int] | int] | None = None
    key: str = ""

    @property
    def is_rate(self) -> bool:
        return "률" in self.header


def _change(figures: dict[str, int]) -> int:
    return figures["new"] - figures["old"]


def _share(part: str, whole: str) -> Callable[[dict[str, int]], tuple[int, int]]:
    return lambda figures: (figures[part], figures[whole])


LAYOUTS = {
    "overview": [
        Column("'24년 예산현액(A)", key="old"),
        Column("'25년 예산현액(B)", key="new"),
        Column("증감액(C=B-A)", _change, key="change"),
        Column("증감률(C/A)", _share("change", "old")),
        Column("집행액(D)", key="spent"),
        Column("집행률(D/B)", _share("spent", "new")),
    ],
    "two bases": [
        Column("예산현액", key="budget"),
        Column("원인행위", key="committed"),
        Column("지출액", key="paid"),
        Column("집행률(원인행위)", _share("committed", "budget")),
        Column("집행률(지출액)", _share("paid", "budget")),
        Column("'25년말 예상액", key="forecast"),
        Column("'25년말 집행률", _share("forecast", "budget")),
    ],
    "without formulas": [
        Column("2024년", key="old"),
        Column("2025년", key="new"),
        Column("증감", _change, key="change"),
        Column("증감률(%)", _share("change", "old")),
    ],
    "balance": [
        Column("예산현액 ①", key="budget"),
        Column("집행액 ②", key="spent"),
        Column("집행률(②/①×100)", _share("spent", "budget")),
        Column("집행잔액(③=①-②)", lambda figures: figures["budget"] - figures["spent"], key="left"),
    ],
}
# Amounts that stay in order, so that a correct table has nothing to warn of.
DRAWN = {
    "old": (10**4, 10**9),
    "new": (10**4, 10**9),
    "budget": (10**7, 10**9),
    "forecast": (10**6, 10**7),
    "committed": (10**5, 10**6),
    "spent": (0, 1),
    "paid": (10**3, 10**5),
}


@dataclass(frozen=True)
class Style:
    decimals: int
    percent_sign: bool
    apostrophe: str
    total_first: bool
    line_end: str


@dataclass(frozen=True)
class Drawn:
    """A table as rows of named figures; `figures[row][column]` is a whole number, rates in units of the last digit."""

    columns: list[Column]
    names: list[str]
    parents: list[str]
    figures: list[list[int | None]]
    style: Style

    def text(self, row: int, column: int) -> str:
        value = self.figures[row][column]
        if value is None or not self.columns[column].is_rate:
            return format_number(value)
        digits = f"{abs(value) / 10**self.style.decimals:.{self.style.decimals}f}"
        return f"{NEGATIVE_SIGN if value < 0 else ''}{digits}{'%' if self.style.percent_sign else ''}"

    def csv(self) -> str:
        target = io.StringIO(newline="")
        writer = csv.writer(target, lineterminator=self.style.line_end)
        headers = [column.header.replace("'", self.style.apostrophe) for column in self.columns]
        writer.writerow(["구분", *headers, "parent"])
        order = range(len(self.names)) if self.style.total_first else reversed(range(len(self.names)))
        for row in order:
            writer.writerow(
                [self.names[row], *(self.text(row, column) for column in range(len(self.columns))), self.parents[row]]
            )
        return target.getvalue()

    def with_figure(self, row: int, column: int, value: int) -> "Drawn":
        figures = [list(cells) for cells in self.figures]
        figures[row][column] = value
        return replace(self, figures=figures)


styles = st.builds(
    Style,
    decimals=st.sampled_from([0, 1]),
    percent_sign=st.booleans(),
    apostrophe=st.sampled_from("'’‘`‵"),
    total_first=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n"]),
)


@st.composite
def tables(draw: st.DrawFn, layouts: tuple[str, ...] = tuple(LAYOUTS)) -> Drawn:
    """A total over parts over lines, every figure right."""
    columns = LAYOUTS[draw(st.sampled_from(layouts))]
    style = draw(styles)
    names, parents = ["계"], [""]
    for part in range(draw(st.integers(1, 3))):
        names.append(f"부문{part}")
        parents.append("계")
        for line in range(draw(st.integers(0, 3))):
            names.append(f"사업{part}-{line}")
            parents.append(f"부문{part}")
    amounts: list[dict[str, int]] = [{} for _ in names]
    for key in (column.key for column in columns if column.of is None):
        low, high = DRAWN[key]
        for row in reversed(range(len(names))):
            lines = [amounts[other][key] for other in range(len(names)) if parents[other] == names[row]]
            if lines:
                amounts[row][key] = sum(lines)
            elif key == "spent":
                ceiling = amounts[row].get("budget") or amounts[row]["new"]
                amounts[row][key] = draw(st.integers(low, ceiling))
            else:
                amounts[row][key] = draw(st.integers(low, high))
    figures = [_row_figures(columns, row, style.decimals) for row in amounts]
    return Drawn(columns, names, parents, figures, style)


def _row_figures(columns: list[Column], amounts: dict[str, int], decimals: int) -> list[int | None]:
    figures: list[int | None] = []
    for column in columns:
        value = column.of(amounts) if column.of else amounts[column.key]
        if isinstance(value, tuple):
            part, whole = value
            figures.append(divide_half_up(part * 100 * 10**decimals, whole) if whole else None)
        else:
            amounts.setdefault(column.key, value)
            figures.append(value)
    return figures
