"""What each field of a request may hold, written down apart from the product."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
REGION: Final = re.compile(r"\d{10}|group-[A-Za-z0-9._-]{1,58}", re.ASCII)
REGISTRATION_NUMBER: Final = re.compile(r"\d{6}-[1-8]\d{6}")
PHONE: Final = re.compile(r"010-?\d{4}-?\d{4}")
LARGEST_WON: Final = 10**15
LARGEST_QUANTITY: Final = 10**12
MONEY_WORDS: Final = ("원", "KRW")

Form = dict[str, tuple[str, bool]]
"""The fields of a body: what each holds, and whether it must be there."""


def form(described: str) -> Form:
    """`name:text note?:reason`: a `?` after the name marks a field that may be left out."""
    pairs = [word.split(":") for word in described.split()]
    return {name.rstrip("?"): (kind, not name.endswith("?")) for name, kind in pairs}


def is_well_formed(fields: Form, body: Mapping[str, Any]) -> bool:
    required = {name for name, (_, needed) in fields.items() if needed}
    if not required <= set(body) <= set(fields):
        return False
    return all(FORMS[fields[name][0]](value) for name, value in body.items())


def whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def text(longest: int) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        if not isinstance(value, str) or not 1 <= len(value.strip()) <= longest:
            return False
        return not REGISTRATION_NUMBER.search(value) and all(is_seen(character) for character in value)

    return fits


def is_seen(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf")


def one_of(*choices: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in choices


def or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def is_id(value: Any) -> bool:
    return isinstance(value, str) and ID.fullmatch(value) is not None


def is_region(value: Any) -> bool:
    return isinstance(value, str) and REGION.fullmatch(value) is not None


def is_unit(value: Any) -> bool:
    return text(20)(value) and value not in MONEY_WORDS and not value.isdigit()


def is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False


def is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def is_credential(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"kind", "number"}:
        return False
    return is_id(value["kind"]) and text(100)(value["number"])


def are_regions(value: Any) -> bool:
    return isinstance(value, list) and all(is_region(one) for one in value)


def are_grants(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(is_well_formed(GRANT, one) for one in value)


def are_lines(*allowed: str) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        return isinstance(value, list) and bool(value) and all(is_line(line) for line in value)

    def is_line(line: Any) -> bool:
        if not isinstance(line, dict) or not {"item_id", "quantity"} <= set(line) <= set(allowed):
            return False
        return FORMS["quantity"](line["quantity"]) and all(is_id(line[x]) for x in set(line) - {"quantity"})

    return fits


ROLES: Final = (
    "coordinator",
    "drafter",
    "reviewer",
    "approver",
    "commitment_officer",
    "payment_officer",
    "budget_officer",
    "volunteer_manager",
    "auditor",
    "administrator",
    "importer",
)
GRANT: Final = form("role:role body_id:id disaster_id?:id_or_none first_day?:day_or_none last_day?:day_or_none")
FORMS: Final[dict[str, Callable[[Any], bool]]] = {
    "id": is_id,
    "region": is_region,
    "regions": are_regions,
    "text": text(200),
    "unit": is_unit,
    "word": text(40),
    "purpose": text(500),
    "reason": text(1000),
    "log": text(4000),
    "day": is_day,
    "moment": is_moment,
    "yes_no": lambda value: type(value) is bool,
    "consent": lambda value: value is True,
    "won": whole(1, LARGEST_WON),
    "forecast": whole(0, LARGEST_WON),
    "quantity": whole(1, LARGEST_QUANTITY),
    "seats": whole(1, 100_000),
    "year": whole(2000, 2100),
    "fund_type": one_of("general", "special", "fund"),
    "appropriation": one_of(
        "original_appropriation", "supplementary_appropriation", "emergency_appropriation", "supplementary_reduction"
    ),
    "stage": one_of("suppression", "recovery", "livelihood"),
    "basis": one_of("special_disaster_zone", "state_of_disaster", "other"),
    "body_kind": one_of("city", "district", "volunteer_centre", "red_cross", "other"),
    "region_kind": one_of("province", "city", "county", "district", "group"),
    "site_kind": one_of("depot", "shelter", "distribution", "field", "transit"),
    "task_kind": one_of("general", "foreign_residents", "medical"),
    "selection": one_of("first_come", "selected"),
    "role": one_of(*ROLES),
    "grants": are_grants,
    "wanted": are_lines("item_id", "quantity", "lot_id"),
    "received": are_lines("item_id", "quantity"),
    "password": lambda value: isinstance(value, str) and 1 <= len(value) <= 200,
    "said": one_of("assign", "explain", "reopen"),
    "phone": lambda value: isinstance(value, str) and PHONE.fullmatch(value) is not None,
    "nation": lambda value: isinstance(value, str) and re.fullmatch("[A-Z]{2}", value) is not None,
    "credential": is_credential,
}
FORMS.update({f"{kind}_or_none": or_none(FORMS[kind]) for kind in ("id", "region", "text", "day", "stage", "basis")})
