"""Geometry of the execution chart: three bars per budget line on one common scale."""

from dataclasses import dataclass
from typing import Any, Final

MEASURES: Final = ("current_appropriation", "committed", "expended")
WIDTH: Final = 360  # user units; the picture scales with the page
LABEL_HEIGHT: Final = 24
BAR_HEIGHT: Final = 14
BAR_GAP: Final = 4
LINE_GAP: Final = 18
VALUE_SPACE: Final = 84  # kept free at the right for the printed figure


@dataclass(frozen=True)
class Bar:
    measure: str
    value_won: int
    y: int
    width: float


@dataclass(frozen=True)
class Group:
    """The bars of one budget line."""

    label: str
    label_y: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Chart:
    width: int
    height: int
    bar_height: int
    groups: tuple[Group, ...]


def execution_chart(rows: list[dict[str, Any]], labels: list[str]) -> Chart:
    """One labelled group per row of the execution report. A negative figure has a bar of no length."""
    largest = max((row[measure] for row in rows for measure in MEASURES), default=0)
    scale = (WIDTH - VALUE_SPACE) / largest if largest > 0 else 0.0
    groups, y = [], 0
    for row, label in zip(rows, labels, strict=True):
        label_y = y + LABEL_HEIGHT - 8
        y += LABEL_HEIGHT
        bars = []
        for measure in MEASURES:
            bars.append(Bar(measure, row[measure], y, round(max(row[measure], 0) * scale, 1)))
            y += BAR_HEIGHT + BAR_GAP
        groups.append(Group(label, label_y, tuple(bars)))
        y += LINE_GAP
    return Chart(WIDTH, max(y - LINE_GAP, 1), BAR_HEIGHT, tuple(groups))
