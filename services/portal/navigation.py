"""Which pages are offered to whom. What an account may do there is decided by the services."""

from dataclasses import dataclass
from typing import Final

from shared.auth import Role

MONEY_ROLES: Final = (Role.DRAFTER, Role.REVIEWER, Role.APPROVER, Role.COMMITMENT_OFFICER, Role.PAYMENT_OFFICER)
OVERSIGHT_ROLES: Final = (Role.AUDITOR, Role.ADMINISTRATOR)
DOCUMENT_READERS: Final = (*MONEY_ROLES, Role.BUDGET_OFFICER, Role.AUDITOR)
FIGURE_READERS: Final = (*MONEY_ROLES, Role.BUDGET_OFFICER, *OVERSIGHT_ROLES)
RECONCILERS: Final = (Role.BUDGET_OFFICER, *OVERSIGHT_ROLES)


@dataclass(frozen=True)
class Entry:
    """One link of the main menu; without roles it is for everybody."""

    endpoint: str
    key: str
    roles: tuple[Role, ...] = ()


MENU: Final = (
    Entry("home.situation", "nav.situation"),
    Entry("goods.shipments", "nav.shipments", (Role.COORDINATOR,)),
    Entry("goods.stock", "nav.stock", (Role.COORDINATOR,)),
    Entry("goods.requests", "nav.requests", (Role.COORDINATOR,)),
    Entry("money.documents", "nav.documents", DOCUMENT_READERS),
    Entry("audit.execution", "nav.execution", FIGURE_READERS),
    Entry("audit.reconciliation", "nav.reconciliation", RECONCILERS),
    Entry("audit.goods", "nav.goods", OVERSIGHT_ROLES),
    Entry("audit.people", "nav.people", OVERSIGHT_ROLES),
    Entry("accounts.accounts", "nav.accounts", OVERSIGHT_ROLES),
    Entry("volunteers.tasks", "nav.tasks", (Role.VOLUNTEER_MANAGER,)),
    Entry("volunteers.open_tasks", "nav.volunteer"),
)
# Where an account lands after signing in: the first page that fits one of its roles.
LANDING: Final = (
    ("goods.shipments", (Role.COORDINATOR,)),
    ("money.documents", MONEY_ROLES),
    ("volunteers.tasks", (Role.VOLUNTEER_MANAGER,)),
    ("audit.execution", RECONCILERS),
)


def menu_for(roles: frozenset[str]) -> list[Entry]:
    return [entry for entry in MENU if not entry.roles or not roles.isdisjoint(entry.roles)]


def landing_for(roles: frozenset[str]) -> str:
    """The endpoint of the page an account works on."""
    return next((endpoint for endpoint, fitting in LANDING if not roles.isdisjoint(fitting)), "home.situation")
