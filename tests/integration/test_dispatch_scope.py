"""Whose volunteers are whose: a task belongs to a body, and only its own people act on it, on each database."""

from typing import Any, Final

import pytest

from services.dispatch.api import blueprint
from services.dispatch.permissions import PERMISSIONS
from shared.auth import Actor, Grant, Role, issue_token
from shared.permissions import Scope
from tests.integration.dispatch import (
    CLINIC,
    EVENING,
    LICENCE,
    MANAGER,
    MORNING,
    TENTS,
    YEONGNAM,
    Dispatch,
    dispatch_service,  # noqa: F401  # a fixture: pytest finds it here
    slug,
)
from tests.support import Answer

SIGN_UP: Final = "/sign-ups/doctor"
# What a body does with its own: the operation, its path, what is sent (nothing where it only reads), and the version.
OWN: Final[dict[str, tuple[str, dict[str, Any] | None, int | None]]] = {
    "rename_task": ("/tasks/clinic/names", {"title": "의료봉사"}, 2),
    "approve_task": ("/tasks/proposed/approve", {}, 1),
    "close_task": ("/tasks/clinic/close", {}, 2),
    "open_shift": ("/tasks/clinic/shifts", {"starts_at": MORNING, "ends_at": EVENING, "seats": 1}, None),
    "list_sign_ups": ("/shifts/april-12/sign-ups", None, None),
    "show_sign_up": (SIGN_UP, None, None),
    "verify_credential": (f"{SIGN_UP}/verify-credential", {"verified_reference": "면허 조회 제3호"}, 1),
    "confirm_sign_up": (f"{SIGN_UP}/confirm", {}, 1),
    "waitlist_sign_up": (f"{SIGN_UP}/waitlist", {}, 1),
    "decline_sign_up": (f"{SIGN_UP}/decline", {}, 1),
    "record_attendance": (f"{SIGN_UP}/attend", {}, 1),
    "reveal_sign_up": (f"{SIGN_UP}/reveal", {"reason": "비상 연락"}, None),
}


def ask(dispatch: Dispatch, operation: str, *roles: Role, **whom: Any) -> Answer:
    path, body, version = OWN[operation]
    if body is None:
        return dispatch.call.get(path, *roles, **whom)
    return dispatch.call.post(path, body, *roles, version=version, **whom)


@pytest.fixture
def clinic(dispatch: Dispatch) -> Dispatch:
    """A task of the city with one who applied, and another task that waits for approval."""
    dispatch.task("clinic", **CLINIC)
    dispatch.shift("clinic", "april-12", seats=3)
    dispatch.sign_up("april-12", credential=LICENCE, id="doctor")
    dispatch.propose("proposed")
    return dispatch


def test_every_operation_has_its_permission_and_no_other_is_listed() -> None:
    assert {operation.name for operation in blueprint.operations} == PERMISSIONS.keys()
    own = {name for name, permission in PERMISSIONS.items() if permission.scope is Scope.BODY}
    assert own == {*OWN, "propose_task"}


@pytest.mark.parametrize("operation", OWN)
def test_a_manager_of_another_body_or_disaster_does_and_sees_nothing(clinic: Dispatch, operation: str) -> None:
    before = clinic.events()
    other_body = ask(clinic, operation, MANAGER, account="manager-b", body="red-cross")
    assert (other_body.status_code, slug(other_body)) == (403, "other-body")
    told = {name: other_body.json[name] for name in ("body_id", "account", "held")}
    assert told == {"body_id": "city", "account": "manager-b", "held": "red-cross"}
    other_disaster = ask(clinic, operation, MANAGER, disaster="gangwon-2019")
    assert (other_disaster.status_code, slug(other_disaster)) == (403, "other-disaster")
    assert other_disaster.json["disaster_id"] == YEONGNAM
    assert clinic.events() == before
    assert clinic.call.get("/reveals", Role.AUDITOR).json["items"] == []


@pytest.mark.parametrize("operation", sorted(OWN.keys() - {"record_attendance", "confirm_sign_up"}))
def test_a_manager_for_this_disaster_alone_may(clinic: Dispatch, operation: str) -> None:
    assert ask(clinic, operation, MANAGER, account="other", disaster=YEONGNAM).status_code in (200, 201)


@pytest.mark.parametrize("operation", ["list_sign_ups", "show_sign_up", "reveal_sign_up"])
@pytest.mark.parametrize("role", sorted(set(Role) - {MANAGER}))
def test_only_a_manager_sees_who_signed_up(clinic: Dispatch, operation: str, role: Role) -> None:
    refused = ask(clinic, operation, role)
    assert (refused.status_code, slug(refused)) == (403, "role-missing")


@pytest.mark.parametrize("path", ["/reveals", "/purges", "/balances"])
def test_the_auditor_and_the_administrator_read_the_records(clinic: Dispatch, path: str) -> None:
    for role in Role:
        expected = 200 if role in (Role.AUDITOR, Role.ADMINISTRATOR) else 403
        assert clinic.call.get(path, role, body="red-cross").status_code == expected, role


def test_a_task_belongs_to_the_body_of_its_proposer_within_the_disaster_granted(dispatch: Dispatch) -> None:
    assert dispatch.propose("tents", body="volunteer-centre").json["body_id"] == "volunteer-centre"
    refused = dispatch.call.post("/tasks", TENTS | {"id": "more"}, MANAGER, disaster="gangwon-2019")
    assert (refused.status_code, slug(refused)) == (403, "other-disaster")


def test_who_acts_for_two_bodies_says_for_which_a_task_is_proposed(dispatch: Dispatch) -> None:
    grants = frozenset(Grant(MANAGER, body) for body in ("city", "red-cross"))
    call = dispatch.call
    token = issue_token(Actor("both", grants), signing_key=call.settings.signing_key, now=dispatch.clock.now())

    def post(path: str, body: dict[str, Any], **headers: str) -> Any:
        headers = {"Idempotency-Key": f"both-{next(call.keys)}", "Authorization": f"Bearer {token}"} | headers
        return call.client.post(call.prefix + path, json=body, headers=headers)

    assert slug(post("/tasks", TENTS)) == "which-body"
    proposed = post("/tasks", TENTS, **{"Acting-Body": "red-cross"})
    assert (proposed.status_code, proposed.json["body_id"]) == (201, "red-cross")
    assert dispatch.call.post("/tasks/tents/approve", {}, Role.APPROVER, version=1).status_code == 403
    shift = {"starts_at": MORNING, "ends_at": EVENING, "seats": 1}
    assert post("/tasks/tents/shifts", shift).status_code == 201, "an existing task says whose it is"


def test_cancelling_without_a_code_is_for_the_body_whose_task_it_is(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=3)
    signed_up = [dispatch.sign_up("april-12", f"010-0000-000{number}").json for number in range(3)]
    first, second, third = (f"/sign-ups/{sign_up['id']}/cancel" for sign_up in signed_up)
    for whom in ({"body": "red-cross"}, {"disaster": "gangwon-2019"}):
        refused = dispatch.call.post(first, {}, MANAGER, **whom)
        assert (refused.status_code, slug(refused)) == (403, "wrong-cancel-code")
    assert slug(dispatch.call.post(first, {}, Role.COORDINATOR)) == "wrong-cancel-code"
    assert dispatch.seats("april-12") == (3, 3)
    assert dispatch.call.post(first, {}, MANAGER, disaster=YEONGNAM).status_code == 200
    assert dispatch.call.post(second, {}, Role.IMPORTER).status_code == 200
    with_code = {"cancel_code": signed_up[2]["cancel_code"]}
    assert dispatch.call.post(third, with_code, MANAGER, body="red-cross").status_code == 200
    assert dispatch.seats("april-12") == (3, 0)
    assert {event["actingbody"] for event in dispatch.events()} == {"city"}
