"""What can be asked of the services: paths, roles, days and bodies, written down apart from the product."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.simulation.forms import ROLES, Form, form

LONGEST_BODY: Final = 160  # of a body in a story
TOKENS: Final = {
    "valid": "",
    "none": "without a token",
    "forged": "with a forged token",
    "expired": "with an expired token",
    "old": "with the oldest token that was kept",
}


@dataclass(frozen=True)
class Request:
    """One request as data. `version` says which version is named: current, stale, ahead, none, or the same again."""

    op: str
    key: str
    account: str
    target: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    version: str = "current"
    token: str = "valid"
    acting_body: str = ""
    fault: str = ""  # what strikes the service while it answers

    def but(self, **changes: Any) -> "Request":
        return replace(self, **changes)

    def told(self) -> str:
        who = self.account + (f" for {self.acting_body}" if self.acting_body else "")
        body = json.dumps(dict(self.body), ensure_ascii=False, sort_keys=True)
        words = [f"{who}: {self.op}", self.target, body[:LONGEST_BODY] + "…" * (len(body) > LONGEST_BODY)]
        words += [TOKENS[self.token]]
        words += [f"naming the version '{self.version}'"] if self.version != "current" and OPS[self.op].edits else []
        words += [f"[{self.key or 'no key'}]", f"<{self.fault}>" if self.fault else ""]
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class Op:
    """One kind of request. `scope` says for whom it is done: system, body or public.

    `back` and `forward` are how many days from today anybody may date it; an importer may go back to 2010.
    """

    service: str
    path: str
    roles: frozenset[str]
    form: Form
    scope: str = "body"
    method: str = "POST"
    status: int = 201
    edits: bool = False
    keeps_answer: bool = True
    takes_key: bool = True
    back: int = 0
    forward: int = 0

    @property
    def is_public(self) -> bool:
        return self.scope == "public"


def _op(service: str, path: str, roles: str, described: str = "", **options: Any) -> Op:
    return _undated(service, path, roles, f"{described} effective_date?:day", **options)


def _undated(service: str, path: str, roles: str, described: str = "", **options: Any) -> Op:
    return Op(service, path, frozenset(roles.split()), form(described), **options)


def _step(service: str, path: str, roles: str, described: str = "", **options: Any) -> Op:
    """An edit that answers with the thing as it is now."""
    return _op(service, path, roles, described, edits=True, **{"status": 200, **options})


def _renames(service: str, path: str, roles: str, **options: Any) -> Op:
    named = "name:text english_name?:text_or_none"
    return _op(service, path, roles, named, **{"back": 30, "edits": True, **options})


def _account(path: str, described: str = "", **options: Any) -> Op:
    return _undated("situation", "/accounts" + path, "administrator", described, **{"scope": "system", **options})


NAME: Final = "english_name?:text_or_none name:text"
BASIS: Final = "basis_kind?:basis_or_none basis_reference?:text_or_none basis_date?:day_or_none"
DISASTER: Final = f"id:id {NAME} kind:word began_on:day region_ids?:regions {BASIS}"
PLACE: Final = f"id:region {NAME} kind:region_kind parent_id?:region_or_none member_ids?:regions"
MASTER: Final = "administrator importer"
SYSTEM: Final = {"scope": "system", "back": 30}

SITUATION: Final = {
    "sign_in": _undated(
        "situation", "/tokens", "", "account:id password:password", scope="public", takes_key=False, keeps_answer=False
    ),
    "sign_out_everywhere": _undated("situation", "/me/sign-out", " ".join(ROLES), scope="system"),
    "change_password": _undated(
        "situation", "/me/password", " ".join(ROLES), "old_password:password password:password", scope="system"
    ),
    "open_account": _account("", "id:id display_name:text password:password grants:grants"),
    "give_grant": _account(
        "/{}/grants",
        "role:role body_id:id disaster_id?:id_or_none first_day?:day_or_none last_day?:day_or_none",
        edits=True,
    ),
    "end_grant": _account("/{}/end", "reason:reason", edits=True),
    "reset_password": _account("/{}/password", "password:password", edits=True),
    "disable": _account("/{}/disable", "reason:reason", edits=True),
    "enable": _account("/{}/enable", "reason:reason", edits=True),
    "sign_out": _account("/{}/sign-out", "reason:reason"),
    "open_disaster": _op("situation", "/disasters", MASTER, DISASTER, **SYSTEM),
    "rename_disaster": _renames("situation", "/disasters/{}/names", MASTER, scope="system"),
    "change_stage": _step("situation", "/disasters/{}/stages", MASTER, "stage:stage", status=201, **SYSTEM),
    "correct_stage": _undated(
        "situation",
        "/disasters/{}/stages/corrections",
        "administrator",
        "stage:stage reason:reason",
        edits=True,
        scope="system",
    ),
    "state_basis": _step("situation", "/disasters/{}/basis", MASTER, BASIS, status=201, **SYSTEM),
    "affect": _step("situation", "/disasters/{}/regions", MASTER, "region_ids:regions", status=201, **SYSTEM),
    "join": _undated(
        "situation",
        "/disasters/{}/bodies",
        MASTER,
        "body_id:id first_day?:day last_day?:day_or_none",
        edits=True,
        forward=365,
        **SYSTEM,
    ),
    "leave": _undated("situation", "/disasters/{}/end", MASTER, "last_day?:day", edits=True, forward=365, **SYSTEM),
    "register_body": _op(
        "situation", "/bodies", MASTER, f"id:id {NAME} kind:body_kind region_id?:region_or_none", **SYSTEM
    ),
    "rename_body": _renames("situation", "/bodies/{}/names", MASTER, scope="system"),
    "register_region": _op("situation", "/regions", MASTER, PLACE, **SYSTEM),
    "rename_region": _renames("situation", "/regions/{}/names", MASTER, scope="system"),
    "end_region": _undated("situation", "/regions/{}/end", MASTER, "valid_to:day", edits=True, scope="system"),
    "register_site": _op(
        "situation",
        "/sites",
        f"{MASTER} coordinator",
        f"id:id {NAME} region_id:region kind:site_kind body_id?:id_or_none",
        **SYSTEM,
    ),
    "rename_site": _renames("situation", "/sites/{}/names", f"{MASTER} coordinator", scope="system"),
    "write_log": _op(
        "situation",
        "/log-entries",
        f"{MASTER} coordinator volunteer_manager",
        "id:id disaster_id:id text:log corrects_id?:id",
        back=7,
    ),
}
DOCUMENT: Final = "/spending-proposals/{}"
WHERE_TO: Final = "disaster_id?:id_or_none relief_stage?:stage_or_none region_id?:region_or_none party_id?:id_or_none"
BUDGET: Final = "budget_officer importer"
MONEY: Final = {
    "open_fund": _op("disbursement", "/funds", BUDGET, f"id:id {NAME} fund_type:fund_type"),
    "rename_fund": _renames("disbursement", "/funds/{}/names", BUDGET),
    "open_line": _op(
        "disbursement",
        "/budget-lines",
        BUDGET,
        f"id:id fund_id:id fiscal_year:year {NAME} policy_program:text",
        forward=400,
    ),
    "rename_line": _renames("disbursement", "/budget-lines/{}/names", BUDGET),
    "appropriate": _op(
        "disbursement",
        "/budget-lines/{}/appropriations",
        BUDGET,
        "id:id kind:appropriation amount_won:won authority_reference?:text decided_on?:day",
        forward=400,
    ),
    "forecast": _op("disbursement", "/budget-lines/{}/forecasts", BUDGET, "year_end_forecast_won:forecast"),
    "propose": _op(
        "disbursement",
        "/spending-proposals",
        "drafter importer",
        f"id:id budget_line_id:id amount_won:won purpose:purpose payee:text {WHERE_TO}",
    ),
    "revise": _step(
        "disbursement",
        DOCUMENT,
        "drafter importer",
        f"budget_line_id?:id amount_won?:won purpose?:purpose payee?:text {WHERE_TO}",
        method="PATCH",
    ),
    "review": _step("disbursement", DOCUMENT + "/review", "reviewer importer", "comment?:reason"),
    "approve": _step("disbursement", DOCUMENT + "/approve", "approver importer", "comment?:reason"),
    "reject": _step("disbursement", DOCUMENT + "/reject", "reviewer approver importer", "comment?:reason"),
    "commit": _step("disbursement", DOCUMENT + "/commit", "commitment_officer importer", "comment?:reason"),
    "release": _step(
        "disbursement", DOCUMENT + "/release", "commitment_officer importer", "amount_won:won reason:reason"
    ),
    "pay": _step(
        "disbursement", DOCUMENT + "/payments", "payment_officer importer", "id:id amount_won:won", status=201
    ),
    "reverse": _op(
        "disbursement", "/payments/{}/reversals", "payment_officer importer", "amount_won:won reason:reason"
    ),
}
SHIPMENT: Final = "/shipments/{}"
SHIPPING: Final = (
    "id:id depot_id:id disaster_id:id region_id:region site_id?:id_or_none request_id?:id_or_none lines:wanted "
    "dispatch_now?:yes_no"
)
FIELD: Final = "coordinator importer"
GOODS: Final = {
    "register_item": _op("inventory", "/items", f"{FIELD} administrator", f"id:id {NAME} unit:unit", scope="system"),
    "rename_item": _renames("inventory", "/items/{}/names", f"{FIELD} administrator", scope="system"),
    "receive_stock": _op(
        "inventory",
        "/receipts",
        FIELD,
        "id:id item_id:id depot_id:id quantity:quantity expires_on?:day_or_none source:text",
        back=7,
    ),
    "request_goods": _op(
        "inventory",
        "/requests",
        FIELD,
        "id:id disaster_id:id region_id:region site_id?:id_or_none item_id:id quantity:quantity",
        back=7,
    ),
    "close_request": _step("inventory", "/requests/{}/close", FIELD, "reason:reason", back=7),
    "ship": _op("inventory", "/shipments", FIELD, SHIPPING, back=7),
    "dispatch": _step("inventory", SHIPMENT + "/dispatch", FIELD, back=7),
    "cancel_shipment": _step("inventory", SHIPMENT + "/cancel", FIELD, "reason:reason", back=7),
    "receive_shipment": _step(
        "inventory", SHIPMENT + "/receipts", FIELD, "lines:received note?:reason", status=201, back=7
    ),
}
SIGN_UP: Final = "/sign-ups/{}"
MANAGER: Final = "volunteer_manager importer"
PEOPLE: Final = {
    "propose_task": _op(
        "dispatch",
        "/tasks",
        MANAGER,
        "id:id disaster_id:id title:text english_title?:text_or_none place:text site_id?:id_or_none "
        "region_id?:region_or_none kind:task_kind selection:selection host_organisation:text "
        "required_credential?:id_or_none",
    ),
    "rename_task": _op("dispatch", "/tasks/{}/names", MANAGER, "title:text english_title?:text_or_none", edits=True),
    "approve_task": _step("dispatch", "/tasks/{}/approve", f"{MANAGER} approver"),
    "close_task": _step("dispatch", "/tasks/{}/close", MANAGER),
    "open_shift": _op("dispatch", "/tasks/{}/shifts", MANAGER, "id:id starts_at:moment ends_at:moment seats:seats"),
    "sign_up": _op(
        "dispatch",
        "/shifts/{}/sign-ups",
        "",
        "id:id name:word phone:phone consent:consent nationality?:nation credential?:credential",
        scope="public",
    ),
    "verify": _step("dispatch", SIGN_UP + "/verify-credential", MANAGER, "verified_reference:text"),
    "confirm": _step("dispatch", SIGN_UP + "/confirm", MANAGER, "reason?:purpose"),
    "waitlist": _step("dispatch", SIGN_UP + "/waitlist", MANAGER, "reason?:purpose"),
    "decline": _step("dispatch", SIGN_UP + "/decline", MANAGER, "reason?:purpose"),
    "attend": _step("dispatch", SIGN_UP + "/attend", MANAGER, back=7),
    "cancel_sign_up": _op("dispatch", SIGN_UP + "/cancel", "", "cancel_code?:word", status=200, scope="public"),
    "reveal": _undated(
        "dispatch", SIGN_UP + "/reveal", "volunteer_manager", "reason:purpose", status=200, keeps_answer=False
    ),
    "purge": _undated("dispatch", "/purges", "administrator", scope="system"),
}
LEDGER: Final = {
    "add_note": _undated(
        "ledger",
        "/differences/{}/notes",
        "administrator budget_officer importer",
        "action:said owner?:id reason:reason",
        scope="system",
    ),
    "retake": _undated("ledger", "/retakes", "administrator", scope="system", status=200),
    "make_anchor": _undated("ledger", "/anchors", "administrator", scope="system"),
}
OPS: Final[dict[str, Op]] = {**SITUATION, **MONEY, **GOODS, **PEOPLE, **LEDGER}
