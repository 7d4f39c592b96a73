"""What the ledger reads from the other services, each event mapped to its postings.

The ledger keeps its own idea of every payload: it names the fields it needs and ignores the rest. An event type
that is not in `READINGS` is kept as a break: what nobody decided to leave out must not vanish.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from services.ledger.domain import APPROPRIATION_ACCOUNTS, GOODS, PERSON, WON, Account, Dimensions, Kind, Line, move
from shared.events import Code, Counted, CountedLine, Event, Id, Name, Quantity, Unit, Won, Year
from shared.inbox import CannotApply, UnknownType
from shared.outbox import topic_of

GROUP: Final = "ledger"
TOPICS: Final = tuple(topic_of(service) for service in ("disbursement", "dispatch", "inventory", "situation"))

Lines = tuple[Line, ...]
Counts = dict[tuple[Kind, str, str], int]  # by kind, id and measure: what the owner of that thing counts as well


class View(Counted, frozen=True, kw_only=True):
    """What the ledger looks for in every payload: what it counts, and ids by which a person may look for it."""

    payment_id: Id | None = None
    reverses_payment_id: Id | None = None
    appropriation_id: Id | None = None
    receipt_id: Id | None = None
    request_id: Id | None = None
    shift_id: Id | None = None


class Money(View, frozen=True, kw_only=True):
    budget_line_id: Id
    fund_id: Id
    fiscal_year: Year
    amount_won: Won
    disaster_id: Id | None = None
    region_id: Id | None = None
    party_id: Id | None = None
    relief_stage: Code | None = None

    def dimensions(self) -> Dimensions:
        return Dimensions(
            self.disaster_id or "",
            self.fund_id,
            self.fiscal_year,
            self.region_id or "",
            self.party_id or "",
            self.relief_stage or "",
        )

    def move(self, debit: Account, credit: Account) -> Lines:
        return move(WON, self.budget_line_id, self.dimensions(), self.amount_won, debit=debit, credit=credit)


class Appropriation(Money, frozen=True, kw_only=True):
    kind: Code


class Forecast(View, frozen=True, kw_only=True):
    budget_line_id: Id
    year_end_forecast_won: Won


class Stock(View, frozen=True, kw_only=True):
    item_id: Id
    lot_id: Id
    unit: Unit
    quantity: Quantity


class ShippedLine(CountedLine, frozen=True, kw_only=True):
    item_id: Id
    lot_id: Id
    unit: Unit
    quantity: Quantity


class Shipment(View, frozen=True, kw_only=True):
    disaster_id: Id | None = None
    region_id: Id | None = None
    lines: tuple[ShippedLine, ...]


class Person(View, frozen=True, kw_only=True):
    task_id: Id
    shift_id: Id
    quantity: Quantity
    disaster_id: Id | None = None
    region_id: Id | None = None
    was_confirmed: bool = False


class Named(View, frozen=True, kw_only=True):
    """A payload that gives a name to its subject, from the effective date of its event on."""

    name: Name
    english_name: Name | None = None


class NamedLine(Named, frozen=True, kw_only=True):
    fund_id: Id
    fiscal_year: Year


class NamedItem(Named, frozen=True, kw_only=True):
    unit: Unit


class NamedTask(View, frozen=True, kw_only=True):
    title: Name
    english_title: Name | None = None


class OpenedTask(NamedTask, frozen=True, kw_only=True):
    kind: Code
    disaster_id: Id | None = None


def nothing(_view: Any) -> Lines:
    """Posts no lines: the event changes no amount, but it is a link of the chain like any other."""
    return ()


def no_counts(_view: Any) -> Counts:
    return {}


def appropriation_changed(view: Appropriation) -> Lines:
    if view.kind not in APPROPRIATION_ACCOUNTS:
        raise CannotApply(f"unknown kind of appropriation {view.kind!r}")
    return view.move(APPROPRIATION_ACCOUNTS[view.kind], Account.UNCOMMITTED)


def spending_committed(view: Money) -> Lines:
    return view.move(Account.UNCOMMITTED, Account.COMMITTED_UNPAID)


def commitment_released(view: Money) -> Lines:
    return view.move(Account.COMMITTED_UNPAID, Account.UNCOMMITTED)


def payment_made(view: Money) -> Lines:
    return view.move(Account.COMMITTED_UNPAID, Account.EXPENDED) + view.move(Account.RELIEF_EXPENSE, Account.CASH)


def payment_reversed(view: Money) -> Lines:
    return view.move(Account.EXPENDED, Account.UNCOMMITTED) + view.move(Account.CASH, Account.RELIEF_EXPENSE)


def of_line(**signs: int) -> Callable[[Money], Counts]:
    """What the owner of a budget line adds its amount to, and what it takes it from."""

    def count(view: Money) -> Counts:
        return {(Kind.LINE, view.budget_line_id, name): sign * view.amount_won for name, sign in signs.items()}

    return count


def stock_received(view: Stock) -> Lines:
    accounts = {"debit": Account.GOODS_AT_DEPOT, "credit": Account.GOODS_SOURCE}
    return move(GOODS + view.unit, view.item_id, Dimensions(), view.quantity, **accounts)


def of_receipt(view: Stock) -> Counts:
    return {(Kind.RECEIPT, view.lot_id, "on_hand"): view.quantity}


def _shipment(debit: Account, credit: Account) -> Callable[[Shipment], Lines]:
    def post(view: Shipment) -> Lines:
        dimensions = Dimensions(view.disaster_id or "", region_id=view.region_id or "")
        return tuple(
            side
            for line in view.lines
            for side in move(GOODS + line.unit, line.item_id, dimensions, line.quantity, debit=debit, credit=credit)
        )

    return post


def of_lots(**signs: int) -> Callable[[Shipment], Counts]:
    """What the owner of the lots of a shipment adds their quantities to, and what it takes them from."""

    def count(view: Shipment) -> Counts:
        counts: Counts = {}
        for line in view.lines:
            for name, sign in signs.items():
                key = (Kind.RECEIPT, line.lot_id, name)
                counts[key] = counts.get(key, 0) + sign * line.quantity
        return counts

    return count


def _person(debit: Account, credit: Account) -> Callable[[Person], Lines]:
    def post(view: Person) -> Lines:
        dimensions = Dimensions(view.disaster_id or "", region_id=view.region_id or "")
        return move(PERSON, view.task_id, dimensions, view.quantity, debit=debit, credit=credit)

    return post


def sign_up_cancelled(view: Person) -> Lines:
    left = Account.PEOPLE_CONFIRMED if view.was_confirmed else Account.PEOPLE_APPLIED
    return _person(Account.PEOPLE_RELEASED, left)(view)


def seat_taken(view: Person) -> Counts:
    return {(Kind.SHIFT, view.shift_id, "taken"): view.quantity}


def seat_freed(view: Person) -> Counts:
    return {(Kind.SHIFT, view.shift_id, "taken"): -view.quantity} if view.was_confirmed else {}


@dataclass(frozen=True)
class Reading:
    """How the ledger reads one type of event: what kind of thing its subject is, what it needs, posts and counts."""

    subject: Kind
    view: type[View] = View
    post: Callable[[Any], Lines] = nothing
    count: Callable[[Any], Counts] = no_counts


def _of(service: str, **readings: Reading) -> dict[str, Reading]:
    return {f"{service}.{name}.v1": reading for name, reading in readings.items()}


MONEY: Final = {
    "fund_opened": Reading(Kind.FUND, Named),
    "fund_renamed": Reading(Kind.FUND, Named),
    "budget_line_opened": Reading(Kind.LINE, NamedLine),
    "budget_line_renamed": Reading(Kind.LINE, Named),
    "appropriation_changed": Reading(Kind.LINE, Appropriation, appropriation_changed, of_line(current_appropriation=1)),
    "year_end_forecast_recorded": Reading(Kind.LINE, Forecast),
    "spending_proposed": Reading(Kind.DOCUMENT),
    "spending_decided": Reading(Kind.DOCUMENT),
    "spending_committed": Reading(Kind.DOCUMENT, Money, spending_committed, of_line(committed=1)),
    "commitment_released": Reading(Kind.DOCUMENT, Money, commitment_released, of_line(committed=-1)),
    "payment_made": Reading(Kind.DOCUMENT, Money, payment_made, of_line(paid=1)),
    "payment_reversed": Reading(Kind.DOCUMENT, Money, payment_reversed, of_line(committed=-1, paid=-1)),
}
DEPOT, RESERVED, TRANSIT = Account.GOODS_AT_DEPOT, Account.GOODS_RESERVED, Account.GOODS_IN_TRANSIT
SHIPMENT, DELIVERED = Kind.SHIPMENT, Account.GOODS_DELIVERED
RELIEF_GOODS: Final = {
    "item_registered": Reading(Kind.ITEM, NamedItem),
    "item_renamed": Reading(Kind.ITEM, Named),
    "goods_requested": Reading(Kind.REQUEST),
    "request_closed": Reading(Kind.REQUEST),
    "stock_received": Reading(Kind.RECEIPT, Stock, stock_received, of_receipt),
    "shipment_reserved": Reading(SHIPMENT, Shipment, _shipment(RESERVED, DEPOT), of_lots(reserved=1)),
    "shipment_cancelled": Reading(SHIPMENT, Shipment, _shipment(DEPOT, RESERVED), of_lots(reserved=-1)),
    "shipment_dispatched": Reading(SHIPMENT, Shipment, _shipment(TRANSIT, RESERVED), of_lots(reserved=-1, on_hand=-1)),
    "shipment_received": Reading(SHIPMENT, Shipment, _shipment(DELIVERED, TRANSIT), of_lots(delivered=1)),
}
APPLIED, CONFIRMED, SIGN_UP = Account.PEOPLE_APPLIED, Account.PEOPLE_CONFIRMED, Kind.SIGN_UP
PEOPLE: Final = {
    "task_opened": Reading(Kind.TASK, OpenedTask),
    "task_renamed": Reading(Kind.TASK, NamedTask),
    "task_approved": Reading(Kind.TASK),
    "task_closed": Reading(Kind.TASK),
    "shift_opened": Reading(Kind.SHIFT),
    "volunteer_applied": Reading(SIGN_UP, Person, _person(APPLIED, Account.PEOPLE_SOURCE)),
    "sign_up_confirmed": Reading(SIGN_UP, Person, _person(CONFIRMED, APPLIED), seat_taken),
    "sign_up_declined": Reading(SIGN_UP, Person, _person(Account.PEOPLE_RELEASED, APPLIED)),
    "sign_up_waitlisted": Reading(SIGN_UP),
    "sign_up_cancelled": Reading(SIGN_UP, Person, sign_up_cancelled, seat_freed),
    "attendance_recorded": Reading(SIGN_UP, Person, _person(Account.PEOPLE_ATTENDED, CONFIRMED)),
}
# What is named here is what others may refer to; the rest is told for the record.
NAMED: Final = {"disaster": Kind.DISASTER, "body": Kind.BODY, "region": Kind.REGION, "site": Kind.SITE}
SITUATION: Final[dict[str, Reading]] = {
    "disaster_opened": Reading(Kind.DISASTER, Named),
    "body_registered": Reading(Kind.BODY, Named),
    "region_registered": Reading(Kind.REGION, Named),
    "site_registered": Reading(Kind.SITE, Named),
    **{f"{name}_renamed": Reading(kind, Named) for name, kind in NAMED.items()},
    **{f"{name}_corrected": Reading(kind) for name, kind in NAMED.items()},
    **{
        f"disaster_{what}": Reading(Kind.DISASTER)
        for what in ("stage_changed", "stage_corrected", "basis_stated", "regions_changed")
    },
    **{f"task_force_{what}": Reading(Kind.DISASTER) for what in ("joined", "left")},
    "region_ended": Reading(Kind.REGION),
    **{f"contact_{what}": Reading(Kind.CONTACT) for what in ("registered", "ended")},
    "log_entry_written": Reading(Kind.LOG_ENTRY),
    **{f"account_{what}": Reading(Kind.ACCOUNT) for what in ("opened", "renamed", "disabled", "enabled")},
    **{f"grant_{what}": Reading(Kind.ACCOUNT) for what in ("given", "ended")},
    **{what: Reading(Kind.ACCOUNT) for what in ("password_changed", "signed_in", "access_ended")},
}
BY_SERVICE: Final = {"disbursement": MONEY, "inventory": RELIEF_GOODS, "dispatch": PEOPLE, "situation": SITUATION}
READINGS: Final[dict[str, Reading]] = {
    f"{service}.{name}.v1": reading for service, readings in BY_SERVICE.items() for name, reading in readings.items()
}

# Fields with an id by which a person may look for an event, besides its subject.
TRACEABLE: Final = {
    "payment_id": Kind.PAYMENT,
    "reverses_payment_id": Kind.PAYMENT,
    "appropriation_id": Kind.APPROPRIATION,
    "receipt_id": Kind.RECEIPT,
    "request_id": Kind.REQUEST,
    "shift_id": Kind.SHIFT,
}


class Effect(NamedTuple):
    """What an event does in the ledger."""

    reading: Reading
    view: Any
    lines: Lines

    @property
    def control_amount(self) -> int:
        amount: int = self.view.control_amount
        return amount

    @property
    def counts(self) -> Counts:
        return self.reading.count(self.view)


def read(event: Event) -> Effect:
    """What the event does. Raises CannotApply, UnknownType and MalformedEvent."""
    reading = READINGS.get(event.type)
    if reading is None:
        raise UnknownType(f"the ledger does not know events of the type {event.type}")
    view = event.payload(reading.view)
    return Effect(reading, view, reading.post(view))
