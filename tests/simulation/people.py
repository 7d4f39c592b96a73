"""Who is there when a life begins: bodies, places, disasters and accounts, as the requests that make them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from tests.simulation.catalogue import Request

CITY, RED_CROSS, CENTRE = "city", "red-cross", "volunteer-centre"
FIRES, FLOOD = "wildfires-2025", "flood-2025"
GROUP: Final = "group-yeongnam-wildfires-2025"
BODIES: Final = {
    CITY: ("서울특별시", "city"),
    RED_CROSS: ("대한적십자사", "red_cross"),
    CENTRE: ("서울시자원봉사센터", "volunteer_centre"),
}
PROVINCE: Final = "4700000000"
REGIONS: Final = {"4717000000": ("안동시", "city"), "4773000000": ("의성군", "county")}
# Codes that nobody registered yet.
FURTHER_REGIONS: Final = {"4775000000": "청송군", "4776000000": "영양군", "4777000000": "영덕군"}
SITES: Final = {"depot-seoul": "depot", "shelter-andong": "shelter"}
PASSWORD: Final = "a-password-of-nobody"
NEW_PASSWORD: Final = "another-password-of-nobody"


@dataclass(frozen=True)
class Grant:
    """A role held for one body, in one disaster or in all, between two days or without end."""

    role: str
    body: str
    disaster: str | None = None
    first_day: date | None = None
    last_day: date | None = None

    def holds_on(self, day: date) -> bool:
        return (self.first_day or date.min) <= day <= (self.last_day or date.max)


def _in(body: str, *roles: str, disaster: str | None = None) -> tuple[Grant, ...]:
    return tuple(Grant(role, body, disaster) for role in roles)


ACCOUNTS: Final[dict[str, tuple[Grant, ...]]] = {
    "administrator-1": _in(CITY, "administrator"),
    "administrator-2": _in(RED_CROSS, "administrator"),
    "budget-1": _in(CITY, "budget_officer"),
    "budget-2": _in(CITY, "budget_officer") + _in(RED_CROSS, "budget_officer"),
    "drafter-1": _in(CITY, "drafter"),
    "drafter-2": _in(RED_CROSS, "drafter"),
    "drafter-3": _in(CITY, "drafter", disaster=FLOOD) + _in(RED_CROSS, "drafter", disaster=FIRES),
    "reviewer-1": _in(CITY, "reviewer") + _in(RED_CROSS, "reviewer"),
    "reviewer-2": _in(CITY, "reviewer", disaster=FIRES),
    "head-1": _in(CITY, "reviewer", "approver"),
    "approver-1": _in(CITY, "approver") + _in(RED_CROSS, "approver"),
    "commitments-1": _in(CITY, "commitment_officer") + _in(RED_CROSS, "commitment_officer"),
    "payments-1": _in(CITY, "payment_officer") + _in(RED_CROSS, "payment_officer"),
    "payments-2": _in(CITY, "payment_officer"),
    "coordinator-1": _in(CITY, "coordinator"),
    "coordinator-2": _in(CITY, "coordinator") + _in(RED_CROSS, "coordinator"),
    "coordinator-3": _in(RED_CROSS, "coordinator", disaster=FIRES),
    "manager-1": _in(CITY, "volunteer_manager"),
    "manager-2": _in(CITY, "volunteer_manager") + _in(CENTRE, "volunteer_manager"),
    "manager-3": _in(CENTRE, "volunteer_manager"),
    "auditor-1": _in(CITY, "auditor"),
    "importer-1": _in(CITY, "importer"),
    "importer-2": _in(CITY, "importer"),
    "importer-3": _in(CITY, "importer") + _in(RED_CROSS, "importer"),
    "importer-4": _in(CITY, "importer"),
    "importer-5": _in(CITY, "importer"),
    # Held a duty once, and gets one later.
    "former-1": (Grant("coordinator", CITY, first_day=date(2025, 1, 1), last_day=date(2025, 3, 21)),),
    "coming-1": (Grant("drafter", CITY), Grant("coordinator", CITY, first_day=date(2025, 4, 1))),
}
# With tokens that an operator signed: who opens the first accounts, and who holds everything at once, as no account
# should. Situation knows neither.
EVERYBODY: Final = "everything-1"
OPERATOR: Final = "operator"
OUTSIDERS: Final[dict[str, tuple[Grant, ...]]] = {
    OPERATOR: _in(CITY, "administrator"),
    EVERYBODY: _in(
        CITY,
        *("drafter", "reviewer", "approver", "commitment_officer", "payment_officer", "budget_officer"),
        *("volunteer_manager", "coordinator", "administrator"),
    ),
}


def setup() -> Iterator[Request]:
    """What makes the world that every life begins in."""
    for number, (op, body) in enumerate(_beginnings(), start=1):
        yield Request(op, f"setup-{number}", OPERATOR, body=body)


def _beginnings() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "register_region", {"id": PROVINCE, "name": "경상북도", "kind": "province"}
    for id_, (name, kind) in REGIONS.items():
        yield "register_region", {"id": id_, "name": name, "kind": kind, "parent_id": PROVINCE}
    yield "register_region", {"id": GROUP, "name": "영남 산불", "kind": "group", "member_ids": sorted(REGIONS)}
    for id_, (name, kind) in BODIES.items():
        yield "register_body", {"id": id_, "name": name, "kind": kind}
    for id_, kind in SITES.items():
        site = {"name": "임시 장소", "region_id": min(REGIONS), "kind": kind, "body_id": CITY}
        yield "register_site", {"id": id_, **site}
    for id_, kind in ((FIRES, "wildfire"), (FLOOD, "flood")):
        disaster = {"name": "경북 산불", "english_name": "Yeongnam wildfires", "kind": kind, "began_on": "2025-03-22"}
        yield "open_disaster", {"id": id_, **disaster, "region_ids": [GROUP]}
    for id_, grants in ACCOUNTS.items():
        told = {"id": id_, "display_name": "시험 계정", "password": PASSWORD}
        yield "open_account", {**told, "grants": [grant_body(grant) for grant in grants]}


def grant_body(grant: Grant) -> dict[str, Any]:
    days = {"first_day": grant.first_day, "last_day": grant.last_day}
    told = {"role": grant.role, "body_id": grant.body, "disaster_id": grant.disaster}
    return told | {name: day.isoformat() for name, day in days.items() if day}
