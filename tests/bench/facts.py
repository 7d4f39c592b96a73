"""Events for measuring: the mix of a relief operation, made by the services' own payload classes.

Everything the mix speaks of has a name, so that the ledger finds nothing unknown in it.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from services.disbursement import events as money
from services.dispatch import events as people
from services.inventory import events as goods
from services.situation import events as situation
from shared.bus import Delivery
from shared.events import Event, Payload, written
from shared.outbox import topic_of

DISASTER: Final = "2025-yeongnam-wildfires"
BODY: Final = "city"
FUND: Final = "fund"
DEPOT: Final = "city-depot"
REGIONS: Final = {
    "4717000000": "안동시",
    "4773000000": "의성군",
    "4775000000": "청송군",
    "4776000000": "영양군",
    "4777000000": "영덕군",
    "4885000000": "하동군",
    "4886000000": "산청군",
}
CODES: Final = tuple(REGIONS)
PARTIES: Final = {"red-cross": "대한적십자사 시지사", "volunteer-centre": "시 자원봉사센터"}
STAGES: Final = ("suppression", "recovery", "livelihood")
FISCAL_YEAR: Final = 2025
FIRST_DAY: Final = date(2025, 3, 22)
FIRST_MOMENT: Final = datetime(2025, 3, 22, tzinfo=UTC)
DAYS: Final = 60
BUDGET_LINES: Final = 12
ITEMS: Final = 12
TASKS: Final = 12

Fact = tuple[str, str, Payload]  # the service that publishes it, its subject, its payload
Told = dict[str, Any]  # fields of a payload


def names() -> Iterator[Fact]:
    """What the mix refers to, with an appropriation for every budget line."""
    yield from places()
    yield "disbursement", FUND, money.FundOpened(fund_id=FUND, fund_type="fund", **named("재난관리기금"))
    for number in range(BUDGET_LINES):
        yield from budget_line(f"line-{number:03}", f"구호지원 {number:03}")
    for number in range(ITEMS):
        item = f"item-{number:03}"
        registered = goods.ItemRegistered(item_id=item, unit="개", **named(f"구호물품 {number:03}"))
        yield "inventory", item, registered
    for number in range(TASKS):
        task = f"task-{number:03}"
        told: Told = {"title": f"일감 {number:03}", "english_title": None, "kind": "general", "selection": "selected"}
        yield "dispatch", task, people.TaskOpened(task_id=task, disaster_id=DISASTER, **told, **region(number))


def places() -> Iterator[Fact]:
    """The disaster, its regions, the bodies and the depot."""
    basis: Told = {"basis_kind": None, "basis_reference": None, "basis_date": None}
    told: Told = {"kind": "wildfire", "began_on": FIRST_DAY, "region_ids": list(CODES), **basis}
    opened = situation.DisasterOpened(disaster_id=DISASTER, **named("2025년 영남권 대형 산불"), **told)
    yield "situation", DISASTER, opened
    for code, name in REGIONS.items():
        about: Told = {"kind": "city", "parent_id": None, "valid_from": None, "valid_to": None, "member_ids": []}
        yield "situation", code, situation.RegionRegistered(region_id=code, **named(name), **about)
    for body, name in {BODY: "시", **PARTIES}.items():
        registered = situation.BodyRegistered(body_id=body, kind="other", region_id=None, **named(name))
        yield "situation", body, registered
    site = situation.SiteRegistered(site_id=DEPOT, region_id=CODES[0], kind="depot", body_id=BODY, **named("시 창고"))
    yield "situation", DEPOT, site


def budget_line(line: str, name: str) -> Iterator[Fact]:
    of_fund: Told = {"budget_line_id": line, "fund_id": FUND, "fiscal_year": FISCAL_YEAR}
    programs: Told = {"policy_program": "재난구호", "unit_program": None, "detail_program": None}
    yield "disbursement", line, money.BudgetLineOpened(fund_name="재난관리기금", **of_fund, **programs, **named(name))
    granted: Told = {"kind": "original_appropriation", "authority_reference": None, "decided_on": None}
    yield (
        "disbursement",
        line,
        money.AppropriationChanged(appropriation_id=f"{line}-first", amount_won=10**12, **of_fund, **granted),
    )


def mix() -> Iterator[Fact]:
    """Without end: a document committed and paid, a lot received and shipped, a volunteer who comes."""
    number = 0
    while True:
        yield from spending(number)
        yield from shipment(number)
        yield from volunteer(number)
        number += 1


def spending(number: int) -> Iterator[Fact]:
    document = f"spending-{number:08}"
    spent: Told = {
        "spending_id": document,
        "budget_line_id": f"line-{number % BUDGET_LINES:03}",
        "fund_id": FUND,
        "fiscal_year": FISCAL_YEAR,
        "amount_won": 1_000_000 + number % 977,
        "disaster_id": DISASTER,
        "relief_stage": STAGES[number % len(STAGES)],
        "region_id": CODES[number % len(CODES)],
        "party_id": list(PARTIES)[number % len(PARTIES)],
    }
    yield "disbursement", document, money.SpendingProposed(**spent, content_hash="0" * 64)
    yield "disbursement", document, money.SpendingCommitted(**spent, content_hash="0" * 64)
    yield "disbursement", document, money.PaymentMade(**spent, payment_id=f"{document}-payment")


def shipment(number: int) -> Iterator[Fact]:
    lot, shipped = f"lot-{number:08}", f"shipment-{number:08}"
    of_lot: Told = {
        "item_id": f"item-{number % ITEMS:03}",
        "item_name": f"구호물품 {number % ITEMS:03}",
        "unit": "개",
        "lot_id": lot,
        "quantity": 10 + number % 7,
        "expires_on": None,
    }
    yield "inventory", lot, goods.StockReceived(receipt_id=lot, depot_id=DEPOT, source="시 비축", **of_lot)
    lines = [goods.Line(**of_lot)]
    where: Told = {"depot_id": DEPOT, "disaster_id": DISASTER, "request_id": None, **region(number)}
    for payload in (goods.ShipmentReserved, goods.ShipmentDispatched, goods.ShipmentReceived):
        yield "inventory", shipped, payload(shipment_id=shipped, lines=lines, **where)


def volunteer(number: int) -> Iterator[Fact]:
    task, sign_up = f"task-{number % TASKS:03}", f"sign-up-{number:08}"
    shift: Told = {"shift_id": f"{task}-shift", "task_id": task, "disaster_id": DISASTER, **region(number % TASKS)}
    for payload in (people.VolunteerApplied, people.SignUpConfirmed, people.AttendanceRecorded):
        yield "dispatch", sign_up, payload(sign_up_id=sign_up, quantity=1, **shift)


def named(name: str) -> Told:
    return {"name": name, "english_name": None}


def region(number: int) -> Told:
    return {"region_id": CODES[number % len(CODES)], "site_id": None}


def event_of(number: int, count: int, fact: Fact) -> Event:
    """The fact as the `number`th of `count` events, which are spread evenly over all days."""
    service, subject, payload = fact
    return Event.of(
        id=f"{number:032x}",
        source=f"/dure/{service}",
        type=payload.TYPE,
        time=FIRST_MOMENT + timedelta(milliseconds=number),
        subject=subject,
        effective_date=FIRST_DAY + timedelta(days=number * DAYS // count),
        account="bench",
        body_id=BODY,
        correlation_id=f"{number:032x}",
        causation_id=None,
        aggregate_version=1,
        data=written(payload),
    )


def deliveries(count: int, facts: Iterator[Fact]) -> Iterator[Delivery]:
    """The first `count` facts as they come from the bus, on one partition of each service's topic."""
    offsets: dict[str, int] = {}
    for number, fact in zip(range(count), facts, strict=False):
        topic = topic_of(fact[0])
        offset = offsets.get(topic, 0)
        offsets[topic] = offset + 1
        yield Delivery(topic, 0, offset, fact[1], event_of(number, count, fact).to_bytes())
