"""What was measured: medians with their spread, and beside them what is wanted."""

import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Wanted:
    """A bound on the ratio of a measure or, where there is none, on its median."""

    sign: Literal["<=", ">="]
    bound: float

    def is_met_by(self, value: float) -> bool:
        return value <= self.bound if self.sign == "<=" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}"


@dataclass(frozen=True)
class Measure:
    """One figure, a value per repeat. A ratio compares it with what ran beside it in the same repeat."""

    values: Sequence[float]
    unit: str
    ratios: Sequence[float] | None = None
    wanted: Wanted | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """From the smallest repeat to the largest."""
        return max(self.values) - min(self.values)

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def is_met(self) -> bool | None:
        if self.wanted is None:
            return None
        return self.wanted.is_met_by(self.median if self.ratio is None else self.ratio)

    def as_json(self) -> dict[str, Any]:
        return {
            "median": self.median,
            "spread": self.spread,
            "unit": self.unit,
            "ratio": self.ratio,
            "wanted": str(self.wanted) if self.wanted else None,
            "met": self.is_met,
        }


@dataclass
class Results:
    measures: dict[str, Measure] = field(default_factory=dict)

    def add(
        self,
        name: str,
        values: Sequence[float],
        unit: str,
        *,
        beside: Sequence[float] | None = None,
        wanted: Wanted | None = None,
    ) -> None:
        """`beside` are the values of the repeats this measure is divided by."""
        ratios = [value / other for value, other in zip(values, beside, strict=True)] if beside else None
        self.measures[name] = Measure(values, unit, ratios, wanted)

    def table(self) -> str:
        """As Markdown."""
        lines = ["| measure | median | spread | unit | ratio | wanted | |", "|--|--:|--:|--|--:|--:|--|"]
        for name, measure in self.measures.items():
            ratio = "" if measure.ratio is None else f"{measure.ratio:.2f}"
            verdict = {None: "", True: "met", False: "missed"}[measure.is_met]
            lines.append(
                f"| {name} | {shown(measure.median)} | {shown(measure.spread)} | {measure.unit} | {ratio} |"
                f" {measure.wanted or ''} | {verdict} |"
            )
        return "\n".join(lines)

    def write(self, path: Path, machine: dict[str, Any]) -> None:
        """Whole or not at all."""
        content = {"machine": machine, "measures": {name: one.as_json() for name, one in self.measures.items()}}
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)


def shown(value: float) -> str:
    """Three digits are all that such a measurement can tell."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that is not exceeded by `percent` of them."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
