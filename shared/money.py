"""Figures as Korean public reports write them. Whole numbers in, text out, and back; never a float.

Every rounding here is half-up on the exact quotient (a half goes away from zero), done once.
"""

import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Final

NEGATIVE_SIGN: Final = "△"
NOT_MEASURED: Final = "-"

# Reports print △ only; the others arrive from spreadsheets and keyboards.
_NEGATIVE_MARKS: Final = "△▲▵▴∆Δ▽▼-−‐‑–—"
_ABSENT: Final = frozenset({"", "-", "−", "‐", "‑", "–", "—", "―"})
_GROUPED: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
_WHOLE: Final = re.compile(_GROUPED)
_DECIMAL: Final = re.compile(rf"{_GROUPED}(?:\.[0-9]+)?")
_APOSTROPHES: Final = "’‘'`‵´′＇"
_AS_OF: Final = re.compile(
    rf"[(\[]?\s*(?:(?:(?P<long>[0-9]{{4}})|[{_APOSTROPHES}]\s*(?P<short>[0-9]{{2}}))\s*(?:\.|년)\s*)?"
    r"(?P<month>[0-9]{1,2})\s*(?:\.|월)\s*(?P<day>[0-9]{1,2})\s*(?:\.|일)?\s*(?:현재|기준)?\s*[)\]]?"
)


def divide_half_up(part: int, whole: int) -> int:
    """The quotient as a whole number, a half rounded away from zero. Raises ZeroDivisionError."""
    quotient = (2 * abs(part) + abs(whole)) // (2 * abs(whole))
    return quotient if (part < 0) == (whole < 0) else -quotient


def rate(part: int, whole: int) -> str | None:
    """`part` in per cent of `whole` with one decimal, such as "83.3"; None where `whole` is zero."""
    if whole == 0:
        return None
    tenths = divide_half_up(1000 * part, whole)
    sign = "-" if tenths < 0 else ""
    return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}"


def in_unit(amount_won: int, unit_won: int) -> int:
    """The amount in units of `unit_won` won, for printing in 천원, 백만원 or 억원."""
    if unit_won <= 0:
        raise ValueError(f"a printing unit is a positive number of won, not {unit_won}")
    return divide_half_up(amount_won, unit_won)


def format_number(value: int | None) -> str:
    """1,578 and △1,578; "0" is a measured zero, "-" is not measured."""
    if value is None:
        return NOT_MEASURED
    return f"{NEGATIVE_SIGN if value < 0 else ''}{abs(value):,}"


def format_rate(value: str | None) -> str:
    """A rate as `rate` gives it, for print: △6.6 for "-6.6", "-" for None."""
    if value is None:
        return NOT_MEASURED
    return NEGATIVE_SIGN + value.removeprefix("-") if value.startswith("-") else value


def parse_number(text: str) -> int | None:
    """The whole number printed as `text`; None where nothing was measured. Raises ValueError, also for a decimal."""
    digits, negative = _unsigned(text)
    if digits is None:
        return None
    if not _WHOLE.fullmatch(digits):
        raise ValueError(f"{text!r} is not a whole number")
    value = int(digits.replace(",", ""))
    return -value if negative else value


def parse_rate(text: str) -> Decimal | None:
    """The rate printed as `text`, with or without a % sign; None where nothing was measured. Raises ValueError."""
    digits, negative = _unsigned(text)
    if digits is None:
        return None
    digits = digits.removesuffix("%").rstrip()
    if not _DECIMAL.fullmatch(digits):
        raise ValueError(f"{text!r} is not a rate")
    value = Decimal(digits.replace(",", ""))
    return -value if negative else value


def as_of_label(day: date) -> str:
    """The line under a report's title: ’25.4.11. 기준."""
    return f"’{day.year % 100:02d}.{day.month}.{day.day}. 기준"


def parse_as_of(text: str, *, default_year: int | None = None) -> date:
    """The day of an as-of line in any form reports use. Raises ValueError.

    A line may leave the year out, as in (10.31.기준); `default_year` says which year is then meant.
    """
    match = _AS_OF.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not an as-of line such as ’25.4.11. 기준")
    year = int(match["long"]) if match["long"] else 2000 + int(match["short"]) if match["short"] else default_year
    if year is None:
        raise ValueError(f"{text!r} names no year")
    return date(year, int(match["month"]), int(match["day"]))


def _unsigned(text: str) -> tuple[str | None, bool]:
    """The digits and whether a mark or brackets make them negative; None instead of digits for an empty cell."""
    stripped = unicodedata.normalize("NFKC", text).strip()
    if stripped in _ABSENT:
        return None, False
    if stripped.startswith("(") and stripped.endswith(")"):
        return stripped[1:-1].strip(), True
    if stripped[0] in _NEGATIVE_MARKS:
        return stripped[1:].lstrip(), True
    return stripped.removeprefix("+"), False
