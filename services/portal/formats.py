"""How figures and dates are printed: the habits of Korean work reports (△, 천원, one decimal, ’25. 4. 11. 기준)."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from shared.clock import SEOUL

NONE: Final = "-"  # not measured; a zero is printed as 0
NEGATIVE: Final = "△"
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(value: int | None) -> str:
    """A whole number with thousands separators, whatever its unit."""
    if value is None:
        return NONE
    return f"{NEGATIVE}{-value:,}" if value < 0 else f"{value:,}"


def thousand_won(value_won: int | None) -> str:
    """Won printed in 천원, rounded half up once, here."""
    if value_won is None:
        return NONE
    thousands = (abs(value_won) + 500) // 1000
    return number(-thousands if value_won < 0 else thousands)


def rate(value: str | None) -> str:
    """A rate in percent with one decimal and without the sign, which the unit line names."""
    if value is None:
        return NONE
    percent = Decimal(value).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return f"{NEGATIVE}{-percent}" if percent < 0 else str(percent)


def day(value: str | date | None, language: str = "ko") -> str:
    """`2025. 4. 11.`, in English `11 Apr 2025`."""
    if value is None:
        return NONE
    on = date.fromisoformat(value) if isinstance(value, str) else value
    if language == "en":
        return f"{on.day} {MONTHS[on.month - 1]} {on.year}"
    return f"{on.year}. {on.month}. {on.day}."


def moment(value: str | datetime | None, language: str = "ko") -> str:
    """Date and time in Korea, to the minute."""
    if value is None:
        return NONE
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    local = at.replace(tzinfo=at.tzinfo or UTC).astimezone(SEOUL)
    return f"{day(local.date(), language)} {local:%H:%M}"


def period(starts_at: str, ends_at: str, language: str = "ko") -> str:
    """From when to when; the date of the end only if it is another day."""
    start, end = moment(starts_at, language), moment(ends_at, language)
    start_day, end_day = start.rpartition(" ")[0], end.rpartition(" ")[0]
    return f"{start} – {end.removeprefix(start_day).lstrip() if start_day == end_day else end}"


def as_of(value: str | date, language: str = "ko") -> str:
    """The cut-off date of a report: `’25. 4. 11. 기준`."""
    on = date.fromisoformat(value) if isinstance(value, str) else value
    if language == "en":
        return f"as of {day(on, 'en')}"
    return f"’{on:%y}. {on.month}. {on.day}. 기준"
