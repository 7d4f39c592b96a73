"""What can be asked of the services: paths, roles and the form of each body, written down apart from the product."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
REGISTRATION_NUMBER: Final = re.compile(r"\d{6}-[1-8]\d{6}")
PHONE: Final = re.compile(r"010-?\d{4}-?\d{4}")
LARGEST_WON: Final = 10**15
LONGEST_BODY: Final = 160  # of a body in a story
TOKENS: Final = {
    "valid": "",
    "none": "without a token",
    "forged": "with a forged token",
    "expired": "with an expired token",
}
LARGEST_QUANTITY: Final = 10**12


@dataclass(frozen=True)
class Request:
    """One request as data. `version` says which version is named: current, stale, ahead, none, or the same again."""

    op: str
    key: str
    account: str
    roles: tuple[str, ...]
    target: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    version: str = "current"
    token: str = "valid"
    fault: str = ""  # what strikes the service while it answers

    def but(self, **changes: Any) -> "Request":
        return replace(self, **changes)

    def told(self) -> str:
        who = self.account + (" (importer)" if "importer" in self.roles else "")
        body = json.dumps(dict(self.body), ensure_ascii=False, sort_keys=True)
        words = [f"{who}: {self.op}", self.target, body[:LONGEST_BODY] + "…" * (len(body) > LONGEST_BODY)]
        words += [TOKENS[self.token]]
        words += [f"naming the version '{self.version}'"] if self.version != "current" and OPS[self.op].edits else []
        words += [f"[{self.key or 'no key'}]", f"<{self.fault}>" if self.fault else ""]
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class Op:
    """One kind of request. `form` names the fields of its body and what each holds; `?` marks an optional one."""

    service: str
    path: str
    roles: frozenset[str]
    form: dict[str, tuple[str, bool]]
    method: str = "POST"
    status: int = 201
    edits: bool = False
    public: bool = False
    keeps_answer: bool = True


def whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def text(longest: int) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        if not isinstance(value, str) or not 1 <= len(value.strip()) <= longest:
            return False
        return all(ord(character) >= 32 for character in value)

    return fits


def one_of(*choices: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in choices


def is_id(value: Any) -> bool:
    return isinstance(value, str) and ID.fullmatch(value) is not None


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


def is_personal_text(value: Any) -> bool:
    return text(500)(value) and not REGISTRATION_NUMBER.search(value)


def is_credential(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"kind", "number"}:
        return False
    return is_id(value["kind"]) and is_personal_text(value["number"])


def are_lines(*allowed: str) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        return isinstance(value, list) and bool(value) and all(is_line(line) for line in value)

    def is_line(line: Any) -> bool:
        if not isinstance(line, dict) or not {"item_id", "quantity"} <= set(line) <= set(allowed):
            return False
        return FORMS["quantity"](line["quantity"]) and all(is_id(line[x]) for x in set(line) - {"quantity"})

    return fits


FORMS: Final[dict[str, Callable[[Any], bool]]] = {
    "id": is_id,
    "text": text(200),
    "unit": text(20),
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
    "task_kind": one_of("general", "foreign_residents", "medical"),
    "selection": one_of("first_come", "selected"),
    "roles": lambda value: isinstance(value, list) and bool(value),
    "wanted": are_lines("item_id", "quantity", "lot_id"),
    "received": are_lines("item_id", "quantity"),
    "password": lambda value: isinstance(value, str) and 10 <= len(value) <= 200,
    "personal": is_personal_text,
    "phone": lambda value: isinstance(value, str) and PHONE.fullmatch(value) is not None,
    "nation": lambda value: isinstance(value, str) and re.fullmatch("[A-Z]{2}", value) is not None,
    "credential": is_credential,
}


def form(described: str) -> dict[str, tuple[str, bool]]:
    """`name:text note?:reason` as the fields of a body: what each holds, and whether it must be there."""
    pairs = [word.split(":") for word in described.split()]
    return {name.rstrip("?"): (kind, not name.endswith("?")) for name, kind in pairs}


def is_well_formed(op: Op, body: Mapping[str, Any]) -> bool:
    required = {name for name, (_, needed) in op.form.items() if needed}
    if not required <= set(body) <= set(op.form):
        return False
    return all(FORMS[op.form[name][0]](value) for name, value in body.items())


def _op(service: str, path: str, roles: str, described: str = "", **options: Any) -> Op:
    return Op(service, path, frozenset(roles.split()), form(described + " effective_date?:day"), **options)


def _undated(service: str, path: str, roles: str, described: str = "", **options: Any) -> Op:
    return Op(service, path, frozenset(roles.split()), form(described), **options)


def _edit(service: str, path: str, roles: str, described: str = "", **options: Any) -> Op:
    return _op(service, path, roles, described, edits=True, **{"status": 200, **options})


DOCUMENT: Final = "/spending-proposals/{}"
SHIPMENT: Final = "/shipments/{}"
SIGN_UP: Final = "/sign-ups/{}"
CONTENT: Final = "purpose?:purpose payee?:text disaster_id?:id"
EVERYBODY: Final = (
    "coordinator drafter reviewer approver commitment_officer payment_officer volunteer_manager volunteer auditor "
    "administrator importer"
)
ACCOUNT: Final = "id:id display_name:text password:password roles:roles"
TASK: Final = (
    "id:id disaster_id:id title:text place:text kind:task_kind selection:selection host_organisation:text "
    "required_credential?:id"
)
SHIPPING: Final = "id:id depot_id:id disaster_id:id region:text request_id?:id lines:wanted dispatch_now?:yes_no"
APPROPRIATION: Final = "id:id kind:appropriation amount_won:won authority_reference?:text decided_on?:day"

SITUATION: Final = {
    "open_disaster": _op("situation", "/disasters", "administrator", "id:id name:text kind:unit began_on:day"),
    "change_stage": _edit("situation", "/disasters/{}/stages", "administrator", "stage:stage", status=201),
    "write_log": _op("situation", "/log-entries", EVERYBODY, "id:id disaster_id:id text:log"),
    "open_account": _undated("situation", "/accounts", "administrator", ACCOUNT),
}
MONEY: Final = {
    "open_fund": _undated("disbursement", "/funds", "administrator", "id:id name:text fund_type:fund_type"),
    "open_line": _undated(
        "disbursement",
        "/budget-lines",
        "administrator",
        "id:id fund_id:id fiscal_year:year name:text policy_program:text",
    ),
    "appropriate": _op("disbursement", "/budget-lines/{}/appropriations", "administrator", APPROPRIATION),
    "forecast": _op("disbursement", "/budget-lines/{}/forecasts", "administrator", "year_end_forecast_won:forecast"),
    "propose": _op(
        "disbursement",
        "/spending-proposals",
        "drafter",
        "id:id budget_line_id:id amount_won:won purpose:purpose payee:text disaster_id?:id",
    ),
    "revise": _edit(
        "disbursement", DOCUMENT, "drafter", f"budget_line_id?:id amount_won?:won {CONTENT}", method="PATCH"
    ),
    "review": _edit("disbursement", DOCUMENT + "/review", "reviewer", "comment?:reason"),
    "approve": _edit("disbursement", DOCUMENT + "/approve", "approver", "comment?:reason"),
    "reject": _edit("disbursement", DOCUMENT + "/reject", "reviewer approver", "comment?:reason"),
    "commit": _edit("disbursement", DOCUMENT + "/commit", "commitment_officer", "comment?:reason"),
    "release": _edit("disbursement", DOCUMENT + "/release", "commitment_officer", "amount_won:won reason:reason"),
    "pay": _edit("disbursement", DOCUMENT + "/payments", "payment_officer", "id:id amount_won:won", status=201),
    "reverse": _op("disbursement", "/payments/{}/reversals", "payment_officer", "amount_won:won reason:reason"),
}
GOODS: Final = {
    "register_item": _undated("inventory", "/items", "coordinator administrator", "id:id name:text unit:unit"),
    "register_depot": _undated("inventory", "/depots", "coordinator administrator", "id:id name:text"),
    "receive_stock": _op(
        "inventory",
        "/receipts",
        "coordinator",
        "id:id item_id:id depot_id:id quantity:quantity expires_on?:day source:text",
    ),
    "request_goods": _op(
        "inventory", "/requests", "coordinator", "id:id disaster_id:id region:text item_id:id quantity:quantity"
    ),
    "close_request": _edit("inventory", "/requests/{}/close", "coordinator", "reason:reason"),
    "ship": _op("inventory", "/shipments", "coordinator", SHIPPING),
    "dispatch": _edit("inventory", SHIPMENT + "/dispatch", "coordinator"),
    "cancel_shipment": _edit("inventory", SHIPMENT + "/cancel", "coordinator", "reason:reason"),
    "receive_shipment": _edit(
        "inventory", SHIPMENT + "/receipts", "coordinator", "lines:received note?:reason", status=201
    ),
}
PEOPLE: Final = {
    "propose_task": _op("dispatch", "/tasks", "volunteer_manager", TASK),
    "approve_task": _edit("dispatch", "/tasks/{}/approve", "volunteer_manager approver"),
    "close_task": _edit("dispatch", "/tasks/{}/close", "volunteer_manager"),
    "open_shift": _op(
        "dispatch", "/tasks/{}/shifts", "volunteer_manager", "id:id starts_at:moment ends_at:moment seats:seats"
    ),
    "sign_up": _op(
        "dispatch",
        "/shifts/{}/sign-ups",
        "",
        "id:id name:personal phone:phone consent:consent nationality?:nation credential?:credential",
        public=True,
    ),
    "verify": _edit("dispatch", SIGN_UP + "/verify-credential", "volunteer_manager", "verified_reference:personal"),
    "confirm": _edit("dispatch", SIGN_UP + "/confirm", "volunteer_manager", "reason?:personal"),
    "waitlist": _edit("dispatch", SIGN_UP + "/waitlist", "volunteer_manager", "reason?:personal"),
    "decline": _edit("dispatch", SIGN_UP + "/decline", "volunteer_manager", "reason?:personal"),
    "attend": _edit("dispatch", SIGN_UP + "/attend", "volunteer_manager"),
    "cancel_sign_up": _op("dispatch", SIGN_UP + "/cancel", "", "cancel_code?:unit", status=200, public=True),
    "reveal": _undated(
        "dispatch", SIGN_UP + "/reveal", "volunteer_manager", "reason:purpose", status=200, keeps_answer=False
    ),
    "purge": _undated("dispatch", "/purges", "administrator"),
}
OPS: Final[dict[str, Op]] = {**SITUATION, **MONEY, **GOODS, **PEOPLE}
