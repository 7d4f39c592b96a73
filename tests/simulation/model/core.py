"""The words the parts of the model share: what was asked, what is refused, and which facts must be published."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

KOREA = timedelta(hours=9)
Thing = TypeVar("Thing")


class Refused(Exception):
    """The model says no: the status, the slug and the numbers a refusal must carry."""

    def __init__(self, status: int, slug: str, **facts: Any) -> None:
        super().__init__(status, slug, facts)
        self.status = status
        self.slug = slug
        self.facts = facts


def need(holds: bool, status: int, slug: str, **facts: Any) -> None:
    """Raises Refused unless `holds`."""
    if not holds:
        raise Refused(status, slug, **facts)


def known(things: dict[str, Thing], id_: str) -> Thing:
    """Raises Refused 404."""
    need(id_ in things, 404, "not-found", id=id_)
    return things[id_]


def day_in_korea(moment: datetime) -> date:
    return (moment + KOREA).date()


@dataclass(frozen=True)
class Asked:
    """One well-formed request as a rule sees it. `version` is the number in If-Match."""

    now: datetime
    account: str
    roles: frozenset[str]
    target: str
    body: dict[str, Any]
    version: int | None

    @property
    def today(self) -> date:
        return day_in_korea(self.now)

    def day(self) -> date:
        """When it takes effect. Raises Refused."""
        if "effective_date" not in self.body:
            return self.today
        asked = date.fromisoformat(self.body["effective_date"])
        may = asked == self.today or (asked < self.today and "importer" in self.roles)
        need(may, 422, "effective-date-not-allowed", today=self.today.isoformat())
        return asked

    def check_version(self, current: int) -> None:
        need(self.version in (None, current), 412, "stale-version", current=current)


@dataclass(frozen=True)
class Answer:
    """What the product must answer: `told` is part of the body, of a problem the numbers in it."""

    status: int
    slug: str | None
    told: dict[str, Any]
    is_replay: bool = False


@dataclass(frozen=True)
class Fact:
    """One event that must be in the outbox, exactly once; `data` is part of its data."""

    type: str
    subject: str
    version: int
    effective: date
    recorded: datetime
    data: dict[str, Any]


@dataclass
class Book:
    """The facts of each service in the order they were recorded."""

    facts: dict[str, list[Fact]] = field(
        default_factory=lambda: {name: [] for name in ("situation", "inventory", "disbursement", "dispatch")}
    )

    def tell(self, type_: str, subject: str, version: int, asked: Asked, on: date, **data: Any) -> None:
        service = type_.partition(".")[0]
        self.facts[service].append(Fact(f"{type_}.v1", subject, version, on, asked.now, data))
