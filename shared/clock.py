"""Time enters the system here and nowhere else; rules and use cases are handed `now`."""

from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def seoul_date(moment: datetime) -> date:
    """The calendar date in Korea at `moment`: what an effective date means."""
    return moment.astimezone(SEOUL).date()


def format_utc(moment: datetime) -> str:
    """RFC 3339 with microseconds and a Z: sorts as text in the order of time."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_utc(text: str) -> datetime:
    """The moment written as RFC 3339. Raises ValueError if it names no time zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return moment.astimezone(UTC)
