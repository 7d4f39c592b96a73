"""What the printed table looks like in every format: columns, order, units."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from shared.money import as_of_label, format_number, format_rate, in_unit

TITLE: Final = "예산 집행현황"
UNIT_LINE: Final = "(단위 : 천원, %)"
UNIT_WON: Final = 1_000
TOTAL_NAME: Final = "계"


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    heading: str
    is_rate: bool = False

    def text(self, figures: Mapping[str, Any]) -> str:
        """The figure as printed: thousand won or per cent, △ for negatives, "-" for what was not measured."""
        value = figures[self.key]
        if self.is_rate:
            return format_rate(value)
        return format_number(None if value is None else in_unit(value, UNIT_WON))


def columns(report: Mapping[str, Any]) -> tuple[Column, ...]:
    """Every amount and rate names its basis; the forecast is cumulative and what remains of it stands beside it."""
    year_end = f"’{date.fromisoformat(report['as_of']).year % 100:02d}년말"
    return (
        Column("original_appropriation", "본예산"),
        Column("current_appropriation", "예산현액"),
        Column("committed", "원인행위"),
        Column("expended", "지출액"),
        Column("commitment_rate", "집행률(원인행위)", is_rate=True),
        Column("expenditure_rate", "집행률(지출액)", is_rate=True),
        Column("uncommitted_balance", "집행잔액(원인행위)"),
        Column("unpaid_balance", "집행잔액(지출액)"),
        Column("year_end_forecast", f"{year_end} 예상액(누계)"),
        Column("remaining", "집행예정액(잔여)"),
        Column("forecast_rate", f"{year_end} 집행률", is_rate=True),
    )


def lines(report: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Fund, line and figures of each printed row, the total first."""
    yield "", TOTAL_NAME, report["totals"]
    for row in report["rows"]:
        yield row["fund_name"], row["line_name"], row


def heading(report: Mapping[str, Any]) -> str:
    return f"{date.fromisoformat(report['as_of']).year}년도 {TITLE}"


def as_of_line(report: Mapping[str, Any]) -> str:
    """(’25.4.11. 기준), and for a look back what was known when."""
    label = as_of_label(date.fromisoformat(report["as_of"]))
    known_at = report["known_at"]
    return f"({label})" if known_at is None else f"({label}, {known_at}까지 기록된 사실)"
