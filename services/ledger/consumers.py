"""What the ledger reads from the other services, each event mapped to its postings.

The ledger keeps its own idea of every payload: it names the fields it needs and ignores the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.ledger.domain import APPROPRIATION_ACCOUNTS, PERSON, WON, Account, Line, move
from shared.events import Event
from shared.inbox import CannotApply
from shared.outbox import topic_of
from shared.text import is_plain

GROUP: Final = "ledger"
TOPICS: Final = tuple(topic_of(service) for service in ("disbursement", "dispatch", "inventory", "situation"))

Postings = Callable[[Event], list[Line]]


def text(data: Mapping[str, Any], name: str, longest: int = 64) -> str:
    """Raises CannotApply."""
    value = data.get(name)
    if not isinstance(value, str) or not is_plain(value) or not 0 < len(value) <= longest:
        raise CannotApply(f"field {name} is {value!r}, expected a text of 1 to {longest} plain characters")
    return value


def optional_text(data: Mapping[str, Any], name: str) -> str | None:
    return None if data.get(name) is None else text(data, name)


def whole(data: Mapping[str, Any], name: str) -> int:
    """Raises CannotApply."""
    value = data.get(name)
    if type(value) is not int or abs(value) > 2**62:
        raise CannotApply(f"field {name} is {value!r}, expected a whole number")
    return value


def detail(data: Mapping[str, Any], name: str) -> str | int:
    """Raises CannotApply."""
    return whole(data, name) if name == "fiscal_year" else text(data, name, 200)


def appropriation_changed(event: Event) -> list[Line]:
    kind = text(event.data, "kind")
    if kind not in APPROPRIATION_ACCOUNTS:
        raise CannotApply(f"unknown kind of appropriation {kind!r}")
    amount = whole(event.data, "amount_won")
    return move(
        WON,
        text(event.data, "budget_line_id"),
        None,
        amount,
        debit=APPROPRIATION_ACCOUNTS[kind],
        credit=Account.UNCOMMITTED,
    )


def _money(event: Event, *moves: tuple[Account, Account]) -> list[Line]:
    """The event's amount carried along each (debit, credit) pair."""
    data = event.data
    amount, line_id = whole(data, "amount_won"), text(data, "budget_line_id")
    disaster_id = optional_text(data, "disaster_id")
    return [
        line for debit, credit in moves for line in move(WON, line_id, disaster_id, amount, debit=debit, credit=credit)
    ]


def spending_committed(event: Event) -> list[Line]:
    return _money(event, (Account.UNCOMMITTED, Account.COMMITTED_UNPAID))


def commitment_released(event: Event) -> list[Line]:
    return _money(event, (Account.COMMITTED_UNPAID, Account.UNCOMMITTED))


def payment_made(event: Event) -> list[Line]:
    return _money(event, (Account.COMMITTED_UNPAID, Account.EXPENDED), (Account.RELIEF_EXPENSE, Account.CASH))


def payment_reversed(event: Event) -> list[Line]:
    return _money(event, (Account.EXPENDED, Account.UNCOMMITTED), (Account.CASH, Account.RELIEF_EXPENSE))


def stock_received(event: Event) -> list[Line]:
    data = event.data
    return move(
        text(data, "unit", 20),
        text(data, "item_id"),
        None,
        whole(data, "quantity"),
        debit=Account.GOODS_AT_DEPOT,
        credit=Account.GOODS_SOURCE,
    )


def _shipment(debit: Account, credit: Account) -> Postings:
    def post(event: Event) -> list[Line]:
        lines = event.data.get("lines")
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise CannotApply("field lines is not a list of objects")
        disaster_id = optional_text(event.data, "disaster_id")
        return [
            side
            for line in lines
            for side in move(
                text(line, "unit", 20),
                text(line, "item_id"),
                disaster_id,
                whole(line, "quantity"),
                debit=debit,
                credit=credit,
            )
        ]

    return post


def _person(debit: Account, credit: Account) -> Postings:
    def post(event: Event) -> list[Line]:
        data = event.data
        return move(
            PERSON,
            text(data, "task_id"),
            optional_text(data, "disaster_id"),
            whole(data, "quantity"),
            debit=debit,
            credit=credit,
        )

    return post


def sign_up_cancelled(event: Event) -> list[Line]:
    left = Account.PEOPLE_CONFIRMED if event.data.get("was_confirmed") is True else Account.PEOPLE_APPLIED
    return _person(Account.PEOPLE_RELEASED, left)(event)


POSTINGS: Final[dict[str, Postings]] = {
    "disbursement.appropriation_changed.v1": appropriation_changed,
    "disbursement.spending_committed.v1": spending_committed,
    "disbursement.commitment_released.v1": commitment_released,
    "disbursement.payment_made.v1": payment_made,
    "disbursement.payment_reversed.v1": payment_reversed,
    "inventory.stock_received.v1": stock_received,
    "inventory.shipment_reserved.v1": _shipment(Account.GOODS_RESERVED, Account.GOODS_AT_DEPOT),
    "inventory.shipment_cancelled.v1": _shipment(Account.GOODS_AT_DEPOT, Account.GOODS_RESERVED),
    "inventory.shipment_dispatched.v1": _shipment(Account.GOODS_IN_TRANSIT, Account.GOODS_RESERVED),
    "inventory.shipment_received.v1": _shipment(Account.GOODS_DELIVERED, Account.GOODS_IN_TRANSIT),
    "dispatch.volunteer_applied.v1": _person(Account.PEOPLE_APPLIED, Account.PEOPLE_SOURCE),
    "dispatch.sign_up_confirmed.v1": _person(Account.PEOPLE_CONFIRMED, Account.PEOPLE_APPLIED),
    "dispatch.sign_up_declined.v1": _person(Account.PEOPLE_RELEASED, Account.PEOPLE_APPLIED),
    "dispatch.sign_up_cancelled.v1": sign_up_cancelled,
    "dispatch.attendance_recorded.v1": _person(Account.PEOPLE_ATTENDED, Account.PEOPLE_CONFIRMED),
}


@dataclass(frozen=True)
class Naming:
    """An event that gives a name to an id: the kind of thing, and the fields with its id, its name and its details."""

    kind: str
    id_field: str
    name_field: str
    details: tuple[str, ...] = ()


NAMES: Final[dict[str, Naming]] = {
    "situation.disaster_opened.v1": Naming("disaster", "disaster_id", "name"),
    "disbursement.fund_opened.v1": Naming("fund", "fund_id", "name"),
    "disbursement.budget_line_opened.v1": Naming("budget_line", "budget_line_id", "name", ("fund_name", "fiscal_year")),
    "inventory.item_registered.v1": Naming("item", "item_id", "name", ("unit",)),
    "dispatch.task_opened.v1": Naming("task", "task_id", "kind"),
}

FORECAST: Final = "disbursement.year_end_forecast_recorded.v1"

# Ids inside a payload by which a person may look for an event, besides its subject.
TRACEABLE: Final = ("payment_id", "reverses_payment_id", "appropriation_id", "receipt_id", "request_id", "shift_id")


def postings(event: Event) -> list[Line]:
    """The balanced lines of an event; none for an event that moves nothing. Raises CannotApply."""
    post = POSTINGS.get(event.type)
    return post(event) if post else []
