"""Sign-ups from application to attendance through the API, on each database."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from services.dispatch import store
from services.dispatch.api import RATE_LIMIT
from shared.auth import Role
from tests.integration.dispatch import (
    CLINIC,
    EVENING,
    HONG,
    LICENCE,
    MANAGER,
    MORNING,
    NOON,
    YEONGNAM,
    Dispatch,
    dispatch_service,  # noqa: F401  # a fixture: pytest finds it here
    slug,
)


def test_a_first_come_volunteer_is_confirmed_at_once(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=2)
    answer = dispatch.sign_up("april-12")
    assert answer.status_code == 201
    body = answer.json
    assert (body["state"], body["task_title"], body["place"]) == ("confirmed", "이재민 텐트 철거", "안동체육관")
    assert re.fullmatch("[A-Z2-9]{10}", body["cancel_code"])
    (task,) = dispatch.call.get("/tasks").json["items"]
    assert [(shift["seats"], shift["taken"], shift["free"]) for shift in task["shifts"]] == [(2, 1, 1)]


def test_a_full_shift_refuses_with_its_numbers(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=1)
    dispatch.sign_up("april-12")
    refused = dispatch.sign_up("april-12", "010-2222-3333")
    assert (refused.status_code, slug(refused)) == (409, "shift-full")
    assert (refused.json["seats"], refused.json["taken"]) == (1, 1)
    with dispatch.database.read() as tx:
        people = tx.execute(sa.select(sa.func.count()).select_from(store.volunteers)).scalar_one()
    assert people == 1, "a refused sign-up leaves no trace"


def test_one_person_signs_up_once_however_the_number_is_written(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=5)
    first = dispatch.sign_up("april-12").json
    assert slug(dispatch.sign_up("april-12", "+82 10 1234 5678")) == "signed-up-before"
    dispatch.call.post(f"/sign-ups/{first['id']}/cancel", {"cancel_code": first["cancel_code"]})
    assert dispatch.sign_up("april-12", "01012345678").status_code == 201, "after a cancellation one may come back"


def test_a_person_is_not_confirmed_in_two_places_at_the_same_hour(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.task("meals", body="red-cross")
    dispatch.shift("tents", "all-day", seats=5)
    dispatch.shift("meals", "forenoon", 5, MORNING, NOON, body="red-cross")
    dispatch.shift("meals", "next", 5, EVENING, "2025-04-12T12:00:00Z", body="red-cross")
    dispatch.sign_up("all-day")
    refused = dispatch.sign_up("forenoon")
    assert (refused.status_code, slug(refused)) == (409, "overlapping-shift")
    assert "all-day" not in refused.text, "a phone number must not reveal where somebody will be"
    assert dispatch.sign_up("next").status_code == 201, "one shift may begin when another ends"


def test_a_resent_sign_up_counts_once_and_gets_the_same_cancel_code(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=5)
    answers = [dispatch.call.post("/shifts/april-12/sign-ups", HONG, key="one-click") for _ in range(3)]
    assert len({answer.get_data() for answer in answers}) == 1
    assert dispatch.seats("april-12") == (5, 1)


def test_selected_volunteers_wait_for_a_decision_within_the_seats(dispatch: Dispatch) -> None:
    dispatch.task("interpreting", kind="foreign_residents", selection="selected")
    dispatch.shift("interpreting", "april-12", seats=2)
    applied = [
        dispatch.sign_up("april-12", f"010-0000-000{number}", nationality=nation).json
        for number, nation in enumerate(["XA", "XB", "XA", "XC"])
    ]
    assert {sign_up["state"] for sign_up in applied} == {"applied"}
    ids = [sign_up["id"] for sign_up in applied]
    assert dispatch.step(ids[0], "confirm", 1).json["state"] == "confirmed"
    assert dispatch.step(ids[1], "waitlist", 1, reason="정원 초과").json["state"] == "waitlisted"
    assert dispatch.step(ids[1], "confirm", 2).json["state"] == "confirmed"
    assert slug(dispatch.step(ids[2], "confirm", 1)) == "shift-full"
    assert dispatch.step(ids[2], "decline", 1).json["state"] == "declined"
    assert dispatch.call.get("/tasks/interpreting/summary", Role.AUDITOR).json == {
        "task_id": "interpreting",
        "title": "이재민 텐트 철거",
        "english_title": "Taking down tents",
        "kind": "foreign_residents",
        "applied": 4,
        "confirmed": 2,
        "waitlisted": 0,
        "declined": 1,
        "cancelled": 0,
        "attended": 0,
        "nationalities": 2,
    }
    assert dispatch.call.get(f"/summary?disaster_id={YEONGNAM}", MANAGER).json["confirmed"] == 2
    assert dispatch.call.get("/summary?disaster_id=another", MANAGER).json == {"items": [], "confirmed": 0}


def test_a_selected_person_confirmed_elsewhere_meanwhile_is_refused(dispatch: Dispatch) -> None:
    dispatch.task("interpreting", selection="selected")
    dispatch.task("tents")
    dispatch.shift("interpreting", "selected", seats=2)
    dispatch.shift("tents", "first-come", seats=2)
    waiting = dispatch.sign_up("selected").json
    assert dispatch.sign_up("first-come").json["state"] == "confirmed"
    assert slug(dispatch.step(waiting["id"], "confirm", 1)) == "overlapping-shift"
    assert dispatch.seats("selected") == (2, 0)


def test_a_medical_task_confirms_only_verified_licences(dispatch: Dispatch) -> None:
    dispatch.task("clinic", **CLINIC)
    dispatch.shift("clinic", "april-12", seats=3)
    doctor = dispatch.sign_up("april-12", credential=LICENCE).json
    assert slug(dispatch.step(doctor["id"], "confirm", 1)) == "credential-unverified"
    verified = dispatch.step(doctor["id"], "verify-credential", 1, verified_reference="면허 조회 제3호").json
    assert (verified["credential_verified"], verified["version"]) == (True, 2)
    assert dispatch.step(doctor["id"], "confirm", 2).json["state"] == "confirmed"
    wrong = dispatch.sign_up("april-12", "010-2222-3333", credential=LICENCE | {"kind": "driving_licence"})
    assert slug(wrong) == "credential-not-asked"


def test_cancelling_again_and_again_frees_the_seat_once(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=2)
    first, _ = (dispatch.sign_up("april-12", phone).json for phone in ("010-1111-1111", "010-2222-2222"))
    path = f"/sign-ups/{first['id']}/cancel"
    wrong = dispatch.call.post(path, {"cancel_code": "WRONGCODE2"})
    assert (wrong.status_code, slug(wrong)) == (403, "wrong-cancel-code")
    for body, roles in [({"cancel_code": first["cancel_code"].lower()}, ()), ({}, (MANAGER,)), ({}, (MANAGER,))]:
        assert dispatch.call.post(path, body, *roles).json["state"] == "cancelled"
    assert dispatch.seats("april-12") == (2, 1)
    (told,) = [event for event in dispatch.events() if event["type"] == "dispatch.sign_up_cancelled.v1"]
    assert told["data"]["was_confirmed"] is True


def test_attendance_follows_confirmation_on_the_day(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=2)
    sign_up = dispatch.sign_up("april-12").json
    assert slug(dispatch.step(sign_up["id"], "attend", 2)) == "shift-not-begun"
    dispatch.clock.set(datetime(2025, 4, 12, 9, tzinfo=UTC))
    assert dispatch.step(sign_up["id"], "attend", 1).status_code == 412
    assert dispatch.step(sign_up["id"], "attend", 2).json["state"] == "attended"
    assert slug(dispatch.call.post(f"/sign-ups/{sign_up['id']}/cancel", {}, MANAGER)) == "wrong-state"
    summary = dispatch.call.get("/tasks/tents/summary", MANAGER).json
    assert (summary["confirmed"], summary["attended"]) == (1, 1)
    dispatch.clock.set(datetime(2025, 4, 13, 9, tzinfo=UTC))
    assert slug(dispatch.sign_up("april-12", "010-2222-3333")) == "shift-over"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"phone": "010-123-456"}, "phone"),
        ({"consent": False}, "consent"),
        ({"consent": 1}, "consent"),
        ({"nationality": "Korea"}, "nationality"),
        ({"name": "홍\u200b길동"}, "name"),
        ({"credential": {"kind": "medical_licence"}}, "credential"),
        ({"resident_number": "900101-1234567"}, "resident_number"),
    ],
)
def test_a_form_with_a_fault_names_the_field(dispatch: Dispatch, change: dict[str, Any], field: str) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=3)
    answer = dispatch.call.post("/shifts/april-12/sign-ups", HONG | change)
    assert answer.status_code == 422
    assert list(answer.json["errors"]["json"]) == [field]
    assert dispatch.seats("april-12") == (3, 0)


def test_one_address_is_slowed_down_but_not_a_manager(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=1)
    for _ in range(RATE_LIMIT):
        assert dispatch.sign_up("april-12").status_code in (201, 409)
    slowed = dispatch.sign_up("april-12")
    assert (slowed.status_code, slug(slowed)) == (429, "too-many-requests")
    assert int(slowed.headers["Retry-After"]) > 0
    assert dispatch.sign_up("april-12", "010-1234-5678", MANAGER).status_code == 409
    elsewhere = {"Idempotency-Key": "other-address", "X-Forwarded-For": "203.0.113.7"}
    answer = dispatch.call.client.post("/api/dispatch/v1/shifts/april-12/sign-ups", json=HONG, headers=elsewhere)
    assert answer.status_code == 409, "the portal on this machine tells whom it speaks for"
    far = {"REMOTE_ADDR": "198.51.100.1"}
    for number in range(RATE_LIMIT + 1):
        headers = {"Idempotency-Key": f"far-{number}", "X-Forwarded-For": f"203.0.113.{number}"}
        answer = dispatch.call.client.post(
            "/api/dispatch/v1/shifts/april-12/sign-ups", json=HONG, headers=headers, environ_base=far
        )
    assert answer.status_code == 429, "whoever comes from afar cannot choose an address"
