"""The words the parts of the model share: who asks for whom, what is refused, and which facts must be published."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from tests.simulation.catalogue import Op
from tests.simulation.people import Grant

KOREA: Final = timedelta(hours=9)
IMPORTS_FROM: Final = date(2010, 1, 1)
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


def need_new(things: Any, id_: str) -> None:
    """Raises Refused 409."""
    need(id_ not in things, 409, "already-exists", id=id_)


def in_order(on: date, before: date) -> None:
    """Raises Refused."""
    need(on >= before, 422, "dates-out-of-order", previous_date=before.isoformat())


def day_in_korea(moment: datetime) -> date:
    return (moment + KOREA).date()


def day_in(body: dict[str, Any], name: str) -> date | None:
    return date.fromisoformat(body[name]) if body.get(name) else None


@dataclass(frozen=True)
class Person:
    """Whoever a token names, with the grants that hold today. Nobody signed in is anonymous."""

    account: str = "anonymous"
    grants: tuple[Grant, ...] = ()

    def acts_for(self, roles: frozenset[str], body: str, disaster: str | None) -> bool:
        return any(
            grant.role in roles and grant.body == body and grant.disaster in (None, disaster) for grant in self.grants
        )


class Versioned(Protocol):
    version: int


@dataclass
class Asked:
    """One well-formed request as a rule sees it. `version` is the number in If-Match."""

    op: Op
    now: datetime
    person: Person
    target: str
    body: dict[str, Any]
    version: int | None
    acting_body: str | None
    done_for: str | None = None  # the body it is done for, once that is settled

    @property
    def account(self) -> str:
        return self.person.account

    @property
    def today(self) -> date:
        return day_in_korea(self.now)

    @property
    def is_import(self) -> bool:
        return any(grant.role == "importer" for grant in self.person.grants)

    def day(self, name: str = "effective_date") -> date:
        """When it takes effect. Raises Refused."""
        asked = day_in(self.body, name)
        if asked is None or asked == self.today:
            return self.today
        earliest = IMPORTS_FROM if self.is_import else self.today - timedelta(days=self.op.back)
        latest = self.today + timedelta(days=self.op.forward)
        told = {"today": self.today, "earliest": earliest, "latest": latest}
        facts = {fact: day.isoformat() for fact, day in told.items()}
        need(earliest <= asked <= latest, 422, "effective-date-not-allowed", **facts)
        return asked

    def act_for(self, body: str | None = None, disaster: str | None = None) -> str:
        """Settle for which body it is done; `body` and `disaster` are those of the record. Raises Refused."""
        if self.op.is_public:
            assert body
            self.done_for = body
            return body
        fitting = [grant for grant in self.person.grants if grant.role in self.op.roles]
        whole_system = self.op.scope == "system"
        named = self.acting_body if whole_system else body or self.acting_body
        need(named is None or any(grant.body == named for grant in fitting), 403, "other-body", body_id=named)
        possible = {
            grant.body
            for grant in fitting
            if named in (None, grant.body) and (whole_system or grant.disaster in (None, disaster))
        }
        need(bool(possible), 403, "other-disaster", disaster_id=disaster or "-")
        need(len(possible) == 1, 422, "which-body", held=", ".join(sorted(possible)))
        self.done_for = possible.pop()
        return self.done_for

    def settle(self) -> None:
        """What is done for the whole system is done for the account's own body. Raises Refused."""
        if self.done_for is None:
            self.act_for()

    def check_version(self, thing: Versioned) -> None:
        need(self.version in (None, thing.version), 412, "stale-version", current=thing.version)


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
    account: str
    body: str
    data: dict[str, Any]

    @property
    def service(self) -> str:
        return self.type.partition(".")[0]


@dataclass
class Book:
    """The facts of each service in the order they were recorded."""

    facts: dict[str, list[Fact]] = field(
        default_factory=lambda: {name: [] for name in ("situation", "inventory", "disbursement", "dispatch")}
    )

    def tell(self, type_: str, subject: str, version: int, asked: Asked, on: date | None = None, **data: Any) -> None:
        asked.settle()
        assert asked.done_for
        service = type_.partition(".")[0]
        fact = Fact(f"{type_}.v1", subject, version, on or asked.today, asked.now, asked.account, asked.done_for, data)
        self.facts[service].append(fact)
