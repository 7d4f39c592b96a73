"""Operation by role by scope: each is asked for with every role, for one's own body and disaster and for others.

What is tried is the table that the services obey and that docs/permissions.md shows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from deploy.docs import blueprints_of
from services import standalone
from shared.app import CONTROL_TOTALS
from shared.auth import Role
from shared.config import load_settings
from shared.http import EXTENSION, Operation
from shared.permissions import Scope
from tests.support import Caller, FixedClock

FIRE: Final = "2025-yeongnam-wildfires"
GROUP: Final = "group-yeongnam-wildfires-2025"
NO_PERMISSION: Final = {"role-missing", "other-body", "other-disaster", "which-body", "not-signed-in"}
REASON: Final = {"reason": "시험"}
RENAME: Final = {"name": "새 이름"}
SHIFT: Final = {"starts_at": "2025-04-20T00:00:00Z", "ends_at": "2025-04-20T06:00:00Z", "seats": 5}
TASK: Final = {
    "disaster_id": FIRE,
    "title": "물품 분류",
    "kind": "general",
    "selection": "selected",
    "place": "체육관",
    "host_organisation": "시 자원봉사센터",
}
PERSON: Final = {"name": "봉사자", "phone": "010-0000-0001", "consent": True}
GOODS: Final = [{"item_id": "tent", "quantity": 1}]
TRIP: Final = {"depot_id": "city-depot", "disaster_id": FIRE, "region_id": GROUP, "lines": GOODS}
NEED: Final = {"disaster_id": FIRE, "region_id": GROUP, "item_id": "tent", "quantity": 5}
STOCK: Final = {"item_id": "tent", "depot_id": "city-depot", "quantity": 50, "source": "시 비축"}
SPENDING: Final = {
    "budget_line_id": "relief",
    "amount_won": 1000,
    "purpose": "구호",
    "payee": "대한적십자사",
    "disaster_id": FIRE,
}
LINE: Final = {"fund_id": "fund", "fiscal_year": 2025, "name": "구호지원", "policy_program": "교류"}
ORIGINAL: Final = {"kind": "original_appropriation", "amount_won": 10**6}

# What the records that are acted on are made of, in this order, by the importer for the body `city`.
RECORDS: Final[dict[str, list[tuple[str, dict[str, Any]]]]] = {
    "situation": [
        ("/bodies", {"id": "city", "name": "시", "kind": "city"}),
        ("/region-imports", {"rows": [{"id": "4700000000", "name": "경상북도", "kind": "province"}]}),
        (
            "/disasters",
            {
                "id": FIRE,
                "name": "대형 산불",
                "kind": "wildfire",
                "began_on": "2025-03-22",
                "region_ids": ["4700000000"],
            },
        ),
    ],
    "inventory": [
        ("/items", {"id": "tent", "name": "쉘터", "unit": "동"}),
        ("/receipts", {"id": "lot", **STOCK}),
        ("/requests", {"id": "need", **NEED}),
        ("/shipments", {"id": "trip", **TRIP}),
    ],
    "disbursement": [
        ("/funds", {"id": "fund", "name": "기금", "fund_type": "fund"}),
        ("/budget-lines", {"id": "relief", **LINE}),
        ("/budget-lines/relief/appropriations", ORIGINAL),
        ("/spending-proposals", {"id": "document", **SPENDING}),
        ("/spending-proposals", {"id": "paid", **SPENDING}),
        *((f"/spending-proposals/paid/{step}", {}) for step in ("review", "approve", "commit")),
        ("/spending-proposals/paid/payments", {"id": "payment", "amount_won": 500}),
    ],
    "dispatch": [
        ("/tasks", {"id": "task", **TASK}),
        ("/tasks", {"id": "open", **TASK}),
        ("/tasks/open/approve", {}),
        ("/tasks/open/shifts", {"id": "shift", **SHIFT}),
        ("/shifts/shift/sign-ups", {"id": "sign-up", **PERSON}),
    ],
    "ledger": [],
}
# A request that would do, for each operation on the records of a body.
EXAMPLES: Final[dict[str, tuple[str, dict[str, Any] | None]]] = {
    "write_log_entry": ("/log-entries", {"disaster_id": FIRE, "text": "상황"}),
    "receive_stock": ("/receipts", STOCK),
    "request_goods": ("/requests", NEED),
    "close_request": ("/requests/need/close", REASON),
    "ship": ("/shipments", TRIP),
    "dispatch": ("/shipments/trip/dispatch", {}),
    "cancel": ("/shipments/trip/cancel", REASON),
    "receive_shipment": ("/shipments/trip/receipts", {"lines": GOODS}),
    "open_fund": ("/funds", {"name": "새 기금", "fund_type": "fund"}),
    "rename_fund": ("/funds/fund/names", RENAME),
    "open_budget_line": ("/budget-lines", LINE),
    "rename_budget_line": ("/budget-lines/relief/names", RENAME),
    "change_appropriation": ("/budget-lines/relief/appropriations", ORIGINAL),
    "record_forecast": ("/budget-lines/relief/forecasts", {"year_end_forecast_won": 5}),
    "propose_spending": ("/spending-proposals", SPENDING),
    "revise_spending_proposal": ("/spending-proposals/document", {"amount_won": 5}),
    "review_spending_proposal": ("/spending-proposals/document/review", {}),
    "approve_spending_proposal": ("/spending-proposals/document/approve", {}),
    "reject_spending_proposal": ("/spending-proposals/document/reject", {}),
    "commit_spending": ("/spending-proposals/document/commit", {}),
    "release_commitment": ("/spending-proposals/paid/release", {"amount_won": 1, **REASON}),
    "pay_spending": ("/spending-proposals/paid/payments", {"amount_won": 1}),
    "reverse_payment": ("/payments/payment/reversals", {"amount_won": 1, **REASON}),
    "propose_task": ("/tasks", TASK),
    "rename_task": ("/tasks/task/names", {"title": "새 이름"}),
    "approve_task": ("/tasks/task/approve", {}),
    "close_task": ("/tasks/task/close", {}),
    "open_shift": ("/tasks/task/shifts", SHIFT),
    "list_sign_ups": ("/shifts/shift/sign-ups", None),
    "show_sign_up": ("/sign-ups/sign-up", None),
    "verify_credential": ("/sign-ups/sign-up/verify-credential", {"verified_reference": "시험"}),
    "confirm_sign_up": ("/sign-ups/sign-up/confirm", {}),
    "waitlist_sign_up": ("/sign-ups/sign-up/waitlist", {}),
    "decline_sign_up": ("/sign-ups/sign-up/decline", {}),
    "record_attendance": ("/sign-ups/sign-up/attend", {}),
    "reveal_sign_up": ("/sign-ups/sign-up/reveal", REASON),
}


@dataclass(frozen=True)
class System:
    """Every service by itself, with the records in it."""

    callers: dict[str, Caller]

    def ask(self, service: str, operation: Operation, *roles: Role, **whom: Any) -> str | None:
        """The slug of the problem it ends in, if it does."""
        path, body = EXAMPLES.get(operation.name, (re.sub(r"<[^>]+>", "nothing", operation.rule), {}))
        options = {"key": None} if operation.method == "GET" else {"version": 1}
        caller = self.callers[service]
        send = {"GET": caller.get, "POST": caller.post, "PATCH": caller.patch}[operation.method]
        answer = (
            send(path, *roles, **whom) if operation.method == "GET" else send(path, body, *roles, **options, **whom)
        )
        assert answer.status_code < 500, answer.text
        return answer.json["type"].rpartition(":")[2] if answer.status_code >= 400 and answer.is_json else None


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    settings = load_settings({"DURE_HOME": str(tmp_path_factory.mktemp("services")), "DURE_LOG_LEVEL": "error"})
    clock = FixedClock()
    apps = {module.NAME: module.create_app(settings, clock) for module in standalone.SERVICES}
    callers = {name: Caller(app, name, settings, clock) for name, app in apps.items()}
    for name, records in RECORDS.items():
        versions: dict[str, int] = {}
        for number, (path, body) in enumerate(records):
            record = path.split("/")[2] if path.count("/") > 1 else ""
            answer = callers[name].post(
                path, body, Role.IMPORTER, account=f"importer-{number}", version=versions.get(record)
            )
            assert answer.status_code in (200, 201), f"{path}: {answer.text}"
            versions[body.get("id") or record] = answer.json.get("version", 1)
    yield System(callers)
    for app in apps.values():
        app.extensions[EXTENSION].database.close()


OPERATIONS: Final = [
    (module.NAME, operation)
    for module in standalone.SERVICES
    for blueprint in blueprints_of(module.NAME)
    for operation in blueprint.operations
] + [
    (module.NAME, Operation("control_totals", "GET", "/control-totals", CONTROL_TOTALS))
    for module in standalone.SERVICES
]
OF_A_BODY: Final = [one for one in OPERATIONS if one[1].permission.scope is Scope.BODY]


def named(operation: Any) -> str:
    return operation.name if isinstance(operation, Operation) else str(operation)


def test_every_operation_of_a_body_is_tried() -> None:
    assert {operation.name for _, operation in OF_A_BODY} == EXAMPLES.keys()


@pytest.mark.parametrize(("service", "operation"), OPERATIONS, ids=named)
def test_an_operation_is_refused_to_every_role_that_the_table_does_not_name(
    system: System, service: str, operation: Operation
) -> None:
    is_public = operation.permission.scope is Scope.PUBLIC
    assert (system.ask(service, operation) == "not-signed-in") == (not is_public)
    for role in Role:
        slug = system.ask(service, operation, role, body="somewhere", account=f"only-{role}")
        allowed = is_public or role in operation.permission.roles
        assert (slug == "role-missing") == (not allowed), role


@pytest.mark.parametrize(("service", "operation"), OF_A_BODY, ids=named)
def test_what_belongs_to_a_body_is_refused_to_every_other(system: System, service: str, operation: Operation) -> None:
    for role in operation.permission.roles:
        slug = system.ask(service, operation, role, body="districts", acting_body="city", account=f"other-{role}")
        assert slug == "other-body", role


@pytest.mark.parametrize(("service", "operation"), OF_A_BODY, ids=named)
def test_what_belongs_to_a_disaster_is_refused_to_a_grant_for_another(
    system: System, service: str, operation: Operation
) -> None:
    for role in operation.permission.roles:
        slug = system.ask(service, operation, role, disaster="another-disaster", account=f"elsewhere-{role}")
        assert slug == "other-disaster", role


@pytest.mark.parametrize(("service", "operation"), OF_A_BODY, ids=named)
def test_an_operation_is_open_to_the_roles_of_the_body(system: System, service: str, operation: Operation) -> None:
    for role in operation.permission.roles:
        assert system.ask(service, operation, role, account=f"rightful-{role}") not in NO_PERMISSION, role
