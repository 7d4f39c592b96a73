"""Forms: reading what was typed, and the options of a choice."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from flask import request

from services.portal import names, visitor
from services.portal.calls import ask_all, services
from services.portal.messages import word
from shared.auth import Role
from shared.clock import seoul_date

STAGES: Final = ("suppression", "recovery", "livelihood")

Option = tuple[str, str]  # a value and its text
Group = tuple[str, Sequence[Option]]  # options under a heading


def field(name: str) -> str:
    return request.form.get(name, "").strip()


def as_typed(name: str) -> str:
    """A password: spaces around it are part of it."""
    return request.form.get(name, "")


def whole_number(name: str) -> int | str:
    """The number typed, thousands separators allowed; anything else as it was typed, for the service to refuse."""
    typed = field(name)
    digits = typed.replace(",", "")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 18 else typed


def named(rows: Iterable[names.Row]) -> list[Option]:
    """Options of a choice: each row's id with its name."""
    return [(row["id"], names.called(row)) for row in rows]


def disasters() -> list[Option]:
    """Every disaster, newest first."""
    return named(ask_all("situation", "/disasters")[::-1])


def disasters_of(role: Role) -> list[Option]:
    """The disasters the account acts in, newest first."""
    account = visitor.account()
    return [(id_, name) for id_, name in disasters() if account and account.may(role, id_)]


def roles() -> list[Option]:
    return [(role.value, word("role", role.value, visitor.language())) for role in Role]


def active_accounts() -> list[Option]:
    """Whoever may sign in: each id with the name it is shown under."""
    found = [one for one in ask_all("situation", "/accounts") if one["state"] == "active"]
    return [(one["id"], f"{one['display_name']} ({one['id']})") for one in found]


def regions() -> list[Group]:
    """Every region that has not ended: groups of regions first, then each province with what lies in it."""
    today = seoul_date(services().clock.now()).isoformat()
    found = [one for one in ask_all("situation", "/regions") if (one["valid_to"] or today) >= today]
    groups = named(one for one in found if one["kind"] == "group")
    choices: list[Group] = [(word("region_kind", "group", visitor.language()), groups)] if groups else []
    for province in (one for one in found if one["kind"] == "province"):
        inside = [one for one in found if one["parent_id"] == province["id"]]
        choices.append((names.called(province), named([province, *inside])))
    return choices


def stages() -> list[Option]:
    return [(stage, word("stage", stage, visitor.language())) for stage in STAGES]


def bodies() -> list[Option]:
    return named(ask_all("situation", "/bodies"))


def depots() -> list[Option]:
    return named(ask_all("situation", "/sites", kind="depot"))


def items() -> list[Option]:
    """Kinds of goods, each with the unit it is counted in."""
    return [(item["id"], f"{names.called(item)} ({item['unit']})") for item in ask_all("inventory", "/items")]


def days_back(days: int) -> dict[str, Any]:
    """Attributes of a date field for something that may be recorded some days late."""
    today = seoul_date(services().clock.now())
    return {"min": today.fromordinal(today.toordinal() - days).isoformat(), "max": today.isoformat()}
