"""Events for measuring: the mix of a relief operation, made by the services' own payload classes."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from services.disbursement import events as money
from services.dispatch import events as people
from services.inventory import events as goods
from shared.bus import Delivery
from shared.events import Event, Payload
from shared.outbox import topic_of

DISASTER: Final = "2025-yeongnam"
FISCAL_YEAR: Final = 2025
FIRST_DAY: Final = date(2025, 3, 22)
FIRST_MOMENT: Final = datetime(2025, 3, 22, tzinfo=UTC)
DAYS: Final = 60
BUDGET_LINES: Final = 12
ITEMS: Final = 12
TASKS: Final = 12

Fact = tuple[str, str, Payload]  # the service that publishes it, its subject, its payload


def names() -> Iterator[Fact]:
    """What the mix refers to: funds, budget lines, items and tasks, with an appropriation for every line."""
    yield "disbursement", "fund", money.FundOpened("fund", "재난관리기금", "fund")
    for number in range(BUDGET_LINES):
        line = f"line-{number:03}"
        named = ("fund", "재난관리기금", FISCAL_YEAR, f"구호지원 {number:03}", "재난구호", None, None)
        yield "disbursement", line, money.BudgetLineOpened(line, *named)
        amount = money.AppropriationChanged(f"{line}-first", line, "original_appropriation", 10**12, None, None)
        yield "disbursement", line, amount
    for number in range(ITEMS):
        yield "inventory", f"item-{number:03}", goods.ItemRegistered(f"item-{number:03}", f"구호물품 {number:03}", "개")
    for number in range(TASKS):
        task = f"task-{number:03}"
        yield "dispatch", task, people.TaskOpened(task, DISASTER, f"일감 {number:03}", "selected")


def mix() -> Iterator[Fact]:
    """Without end: a document committed and paid, a lot received and shipped, a volunteer who comes."""
    number = 0
    while True:
        yield from spending(number)
        yield from shipment(number)
        yield from volunteer(number)
        number += 1


def spending(number: int) -> Iterator[Fact]:
    document, line, amount = f"spending-{number:08}", f"line-{number % BUDGET_LINES:03}", 1_000_000 + number % 977
    spent = (document, line, amount, DISASTER, "recovery", "안동시")
    yield "disbursement", document, money.SpendingProposed(*spent, "0" * 64)
    yield "disbursement", document, money.SpendingCommitted(*spent, "0" * 64)
    yield "disbursement", document, money.PaymentMade(f"{document}-payment", *spent)


def shipment(number: int) -> Iterator[Fact]:
    lot, item, quantity = f"lot-{number:08}", f"item-{number % ITEMS:03}", 10 + number % 7
    name = f"구호물품 {number % ITEMS:03}"
    yield "inventory", lot, goods.StockReceived(lot, item, name, "개", lot, "depot", quantity)
    shipped = (f"shipment-{number:08}", DISASTER, "안동시", None, [goods.Line(item, name, "개", lot, quantity)])
    for payload in (goods.ShipmentReserved, goods.ShipmentDispatched, goods.ShipmentReceived):
        yield "inventory", shipped[0], payload(*shipped)


def volunteer(number: int) -> Iterator[Fact]:
    task = f"task-{number % TASKS:03}"
    applied = (f"sign-up-{number:08}", f"{task}-shift", task, DISASTER, 1)
    for payload in (people.VolunteerApplied, people.SignUpConfirmed, people.AttendanceRecorded):
        yield "dispatch", applied[0], payload(*applied)


def event_of(number: int, count: int, fact: Fact) -> Event:
    """The fact as the `number`th of `count` events, which are spread evenly over all days."""
    service, subject, payload = fact
    day = FIRST_DAY + timedelta(days=number * DAYS // count)
    return Event(
        id=f"{number:032x}",
        source=f"/dure/{service}",
        type=payload.TYPE,
        time=FIRST_MOMENT + timedelta(milliseconds=number),
        subject=subject,
        effective_date=day,
        correlation_id=f"{number:032x}",
        causation_id=None,
        aggregate_version=1,
        data=payload.as_data(),
    )


def deliveries(count: int, facts: Iterator[Fact]) -> Iterator[Delivery]:
    """The first `count` facts as they come from the bus, on one partition of each service's topic."""
    offsets: dict[str, int] = {}
    for number, fact in zip(range(count), facts, strict=False):
        topic = topic_of(fact[0])
        offset = offsets.get(topic, 0)
        offsets[topic] = offset + 1
        yield Delivery(topic, 0, offset, fact[1], event_of(number, count, fact).to_bytes())
