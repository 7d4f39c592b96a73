"""The service of volunteers through its HTTP API, on each database."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from services.dispatch import store
from services.dispatch.api import RATE_LIMIT
from services.dispatch.app import create_app
from shared.auth import Role
from shared.config import Settings
from shared.db import Database
from shared.http import EXTENSION
from tests.support import Caller, FixedClock

MANAGER = Role.VOLUNTEER_MANAGER
MORNING, NOON, EVENING = (f"2025-04-12T{hour}:00:00Z" for hour in ("00", "03", "09"))
HONG = {"name": "홍길동", "phone": "010-1234-5678", "consent": True}
PERSONAL = ("홍길동", "01012345678", "010-1234-5678", "의사-12345")


@dataclass
class Dispatch:
    """The service and short words for what is done with it."""

    call: Caller
    database: Database
    clock: FixedClock

    def caller(self) -> Caller:
        """Another caller, for a thread of its own."""
        return Caller(self.call.client.application, "dispatch", self.call.settings, self.clock)

    def task(self, id_: str, **content: Any) -> None:
        """An approved task; one account proposes and another approves."""
        body = {
            "id": id_,
            "disaster_id": "yeongnam-2025",
            "title": "이재민 텐트 철거",
            "place": "안동체육관",
            "kind": "general",
            "selection": "first_come",
            "host_organisation": "자원봉사센터",
        }
        assert self.call.post("/tasks", body | content, MANAGER, account="proposer").status_code == 201
        assert self.call.post(f"/tasks/{id_}/approve", {}, MANAGER, account="other", version=1).status_code == 200

    def shift(self, task_id: str, id_: str, seats: int, starts_at: str = MORNING, ends_at: str = EVENING) -> None:
        body = {"id": id_, "starts_at": starts_at, "ends_at": ends_at, "seats": seats}
        assert self.call.post(f"/tasks/{task_id}/shifts", body, MANAGER).status_code == 201

    def sign_up(self, shift_id: str, phone: str = "010-1234-5678", *roles: Role, **content: Any) -> Any:
        return self.call.post(f"/shifts/{shift_id}/sign-ups", HONG | {"phone": phone} | content, *roles)

    def step(self, sign_up_id: str, step: str, version: int, **body: Any) -> Any:
        return self.call.post(f"/sign-ups/{sign_up_id}/{step}", body, MANAGER, version=version)

    def seats(self, shift_id: str) -> tuple[int, int]:
        """Seats and how many are taken, as the table has them."""
        with self.database.read() as tx:
            row = tx.execute(sa.select(store.shifts).where(store.shifts.c.id == shift_id)).one()
        return row.seats, row.taken

    def events(self) -> list[dict[str, Any]]:
        with self.database.read() as tx:
            return [json.loads(body) for body in tx.execute(sa.select(store.outbox.c.body).order_by("id")).scalars()]

    def everything_stored(self) -> str:
        """All rows of all tables as one text."""
        with self.database.read() as tx:
            rows = [row for table in store.metadata.sorted_tables for row in tx.execute(sa.select(table))]
        return "\n".join(
            " ".join(cell.decode() if isinstance(cell, bytes) else str(cell) for cell in row) for row in rows
        )


@pytest.fixture
def dispatch(settings: Settings, clock: FixedClock) -> Iterator[Dispatch]:
    app = create_app(settings, clock)
    database: Database = app.extensions[EXTENSION].database
    yield Dispatch(Caller(app, "dispatch", settings, clock), database, clock)
    database.close()


def at_once(work: list[Callable[[], Any]]) -> list[Any]:
    """Start every piece of work in a thread of its own at the same moment and collect the answers."""
    barrier = Barrier(len(work))

    def run(piece: Callable[[], Any]) -> Any:
        barrier.wait(timeout=30)
        return piece()

    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(run, piece) for piece in work]]


def slug(answer: Any) -> str:
    return str(answer.get_json()["type"]).rpartition(":")[2]


def test_a_first_come_volunteer_is_confirmed_at_once(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=2)
    answer = dispatch.sign_up("april-12")
    assert answer.status_code == 201
    body = answer.get_json()
    assert (body["state"], body["task_title"], body["place"]) == ("confirmed", "이재민 텐트 철거", "안동체육관")
    assert re.fullmatch("[A-Z2-9]{10}", body["cancel_code"])
    (task,) = dispatch.call.get("/tasks").get_json()["items"]
    assert [(shift["seats"], shift["taken"], shift["free"]) for shift in task["shifts"]] == [(2, 1, 1)]


def test_the_public_sees_approved_tasks_only_and_no_accounts(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    body = {
        "id": "hidden",
        "disaster_id": "d",
        "title": "t",
        "place": "p",
        "kind": "general",
        "selection": "selected",
        "host_organisation": "h",
    }
    assert dispatch.call.post("/tasks", body, MANAGER, account="proposer").get_json()["state"] == "proposed"
    assert [task["id"] for task in dispatch.call.get("/tasks").get_json()["items"]] == ["tents"]
    assert dispatch.call.get("/tasks?state=proposed").get_json()["items"] == []
    assert dispatch.call.get("/tasks/hidden").status_code == 404
    assert "proposed_by" not in dispatch.call.get("/tasks/tents").get_json()
    (proposed,) = dispatch.call.get("/tasks?state=proposed", MANAGER).get_json()["items"]
    assert (proposed["id"], proposed["proposed_by"]) == ("hidden", "proposer")


def test_a_task_is_approved_by_another_account_and_only_then_takes_sign_ups(dispatch: Dispatch) -> None:
    body = {
        "id": "tents",
        "disaster_id": "d",
        "title": "t",
        "place": "p",
        "kind": "general",
        "selection": "first_come",
        "host_organisation": "h",
    }
    dispatch.call.post("/tasks", body, MANAGER, account="proposer")
    dispatch.shift("tents", "april-12", seats=1)
    assert slug(dispatch.sign_up("april-12")) == "task-not-ready"
    own = dispatch.call.post("/tasks/tents/approve", {}, MANAGER, account="proposer", version=1)
    assert (own.status_code, slug(own)) == (403, "approved-by-self")
    assert dispatch.call.post("/tasks/tents/approve", {}, MANAGER, account="other", version=9).status_code == 412
    assert dispatch.call.post("/tasks/tents/approve", {}, MANAGER, account="other", version=1).status_code == 200
    assert dispatch.sign_up("april-12").status_code == 201
    assert dispatch.call.post("/tasks/tents/close", {}, MANAGER, version=2).get_json()["state"] == "closed"
    assert slug(dispatch.sign_up("april-12", "010-2222-3333")) == "task-not-ready"


def test_a_full_shift_refuses_with_its_numbers(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=1)
    dispatch.sign_up("april-12")
    refused = dispatch.sign_up("april-12", "010-2222-3333")
    assert (refused.status_code, slug(refused)) == (409, "shift-full")
    assert (refused.get_json()["seats"], refused.get_json()["taken"]) == (1, 1)
    assert "2222" not in dispatch.everything_stored(), "a refused sign-up leaves no trace"


def test_one_person_signs_up_once_however_the_number_is_written(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=5)
    first = dispatch.sign_up("april-12").get_json()
    assert slug(dispatch.sign_up("april-12", "+82 10 1234 5678")) == "signed-up-before"
    dispatch.call.post(f"/sign-ups/{first['id']}/cancel", {"cancel_code": first["cancel_code"]})
    assert dispatch.sign_up("april-12", "01012345678").status_code == 201, "after a cancellation one may come back"


def test_a_person_is_not_confirmed_in_two_places_at_the_same_hour(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.task("meals")
    dispatch.shift("tents", "all-day", seats=5)
    dispatch.shift("meals", "forenoon", 5, MORNING, NOON)
    dispatch.shift("meals", "next", 5, EVENING, "2025-04-12T12:00:00Z")
    dispatch.sign_up("all-day")
    refused = dispatch.sign_up("forenoon")
    assert (refused.status_code, slug(refused)) == (409, "overlapping-shift")
    assert "all-day" not in refused.get_data(as_text=True), "a phone number must not reveal where somebody will be"
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
        dispatch.sign_up("april-12", f"010-0000-000{number}", nationality=nation).get_json()
        for number, nation in enumerate(["XA", "XB", "XA", "XC"])
    ]
    assert {sign_up["state"] for sign_up in applied} == {"applied"}
    ids = [sign_up["id"] for sign_up in applied]
    assert dispatch.step(ids[0], "confirm", 1).get_json()["state"] == "confirmed"
    assert dispatch.step(ids[1], "waitlist", 1, reason="정원 초과").get_json()["state"] == "waitlisted"
    assert dispatch.step(ids[1], "confirm", 2).get_json()["state"] == "confirmed"
    assert slug(dispatch.step(ids[2], "confirm", 1)) == "shift-full"
    assert dispatch.step(ids[2], "decline", 1).get_json()["state"] == "declined"
    summary = dispatch.call.get("/tasks/interpreting/summary", Role.AUDITOR).get_json()
    assert summary == {
        "task_id": "interpreting",
        "title": "이재민 텐트 철거",
        "kind": "foreign_residents",
        "applied": 4,
        "confirmed": 2,
        "waitlisted": 0,
        "declined": 1,
        "cancelled": 0,
        "attended": 0,
        "nationalities": 2,
    }
    assert dispatch.call.get("/summary?disaster_id=yeongnam-2025", MANAGER).get_json()["confirmed"] == 2
    assert dispatch.call.get("/summary?disaster_id=another", MANAGER).get_json() == {"items": [], "confirmed": 0}


def test_a_selected_person_confirmed_elsewhere_meanwhile_is_refused(dispatch: Dispatch) -> None:
    dispatch.task("interpreting", selection="selected")
    dispatch.task("tents")
    dispatch.shift("interpreting", "selected", seats=2)
    dispatch.shift("tents", "first-come", seats=2)
    waiting = dispatch.sign_up("selected").get_json()
    assert dispatch.sign_up("first-come").get_json()["state"] == "confirmed"
    assert slug(dispatch.step(waiting["id"], "confirm", 1)) == "overlapping-shift"
    assert dispatch.seats("selected") == (2, 0)


def test_a_medical_task_confirms_only_verified_licences(dispatch: Dispatch) -> None:
    dispatch.task("clinic", kind="medical", selection="selected", required_credential="medical_licence")
    dispatch.shift("clinic", "april-12", seats=3)
    licence = {"kind": "medical_licence", "number": "의사-12345"}
    doctor = dispatch.sign_up("april-12", credential=licence).get_json()
    assert slug(dispatch.step(doctor["id"], "confirm", 1)) == "credential-unverified"
    verified = dispatch.step(doctor["id"], "verify-credential", 1, verified_reference="면허 조회 제3호").get_json()
    assert (verified["credential_verified"], verified["version"]) == (True, 2)
    assert dispatch.step(doctor["id"], "confirm", 2).get_json()["state"] == "confirmed"
    wrong = dispatch.sign_up("april-12", "010-2222-3333", credential=licence | {"kind": "driving_licence"})
    assert slug(wrong) == "credential-not-asked"
    both = {
        "id": "x",
        "disaster_id": "d",
        "title": "t",
        "place": "p",
        "kind": "medical",
        "selection": "first_come",
        "required_credential": "medical_licence",
        "host_organisation": "h",
    }
    assert slug(dispatch.call.post("/tasks", both, MANAGER)) == "credential-needs-selection"


def test_cancelling_again_and_again_frees_the_seat_once(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=2)
    first, _ = (dispatch.sign_up("april-12", phone).get_json() for phone in ("010-1111-1111", "010-2222-2222"))
    path = f"/sign-ups/{first['id']}/cancel"
    wrong = dispatch.call.post(path, {"cancel_code": "WRONGCODE2"})
    assert (wrong.status_code, slug(wrong)) == (403, "wrong-cancel-code")
    for body, roles in [({"cancel_code": first["cancel_code"].lower()}, ()), ({}, (MANAGER,)), ({}, (MANAGER,))]:
        assert dispatch.call.post(path, body, *roles).get_json()["state"] == "cancelled"
    assert dispatch.seats("april-12") == (2, 1)
    (told,) = [event for event in dispatch.events() if event["type"] == "dispatch.sign_up_cancelled.v1"]
    assert told["data"]["was_confirmed"] is True


def test_attendance_follows_confirmation_on_the_day(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=2)
    sign_up = dispatch.sign_up("april-12").get_json()
    assert slug(dispatch.step(sign_up["id"], "attend", 2)) == "shift-not-begun"
    dispatch.clock.set(datetime(2025, 4, 12, 9, tzinfo=UTC))
    assert dispatch.step(sign_up["id"], "attend", 1).status_code == 412
    assert dispatch.step(sign_up["id"], "attend", 2).get_json()["state"] == "attended"
    assert slug(dispatch.call.post(f"/sign-ups/{sign_up['id']}/cancel", {}, MANAGER)) == "wrong-state"
    summary = dispatch.call.get("/tasks/tents/summary", MANAGER).get_json()
    assert (summary["confirmed"], summary["attended"]) == (1, 1)
    dispatch.clock.set(datetime(2025, 4, 13, 9, tzinfo=UTC))
    assert slug(dispatch.sign_up("april-12", "010-2222-3333")) == "shift-over"


def test_past_dates_are_for_the_import_role_and_in_order(dispatch: Dispatch) -> None:
    body = {
        "id": "tents",
        "disaster_id": "d",
        "title": "t",
        "place": "p",
        "kind": "general",
        "selection": "selected",
        "host_organisation": "h",
        "effective_date": "2025-04-01",
    }
    assert dispatch.call.post("/tasks", body, MANAGER).status_code == 422
    importing = (MANAGER, Role.IMPORTER)
    assert dispatch.call.post("/tasks", body, *importing, account="one").status_code == 201
    approval = {"effective_date": "2025-04-02"}
    dispatch.call.post("/tasks/tents/approve", approval, *importing, account="two", version=1)
    shift = {"id": "april-4", "starts_at": "2025-04-04T00:00:00Z", "ends_at": "2025-04-04T09:00:00Z", "seats": 3}
    dispatch.call.post("/tasks/tents/shifts", shift | {"effective_date": "2025-04-02"}, *importing)
    assert (
        slug(dispatch.sign_up("april-4", "010-1111-1111", *importing, effective_date="2025-04-01"))
        == "dates-out-of-order"
    )
    sign_up = dispatch.sign_up("april-4", "010-1111-1111", *importing, id="s-1", effective_date="2025-04-03").get_json()
    assert sign_up["last_effective_date"] == "2025-04-03"
    for step, version, on, expected in [
        ("confirm", 1, "2025-04-02", 422),
        ("confirm", 1, "2025-04-03", 200),
        ("attend", 2, "2025-04-03", 409),
        ("attend", 2, "2025-04-04", 200),
    ]:
        answer = dispatch.call.post(f"/sign-ups/s-1/{step}", {"effective_date": on}, *importing, version=version)
        assert answer.status_code == expected, (step, on)
    told = [
        (event["type"].split(".")[1], event["effectivedate"], event["aggregateversion"])
        for event in dispatch.events()
        if event["subject"] == "s-1"
    ]
    assert told == [
        ("volunteer_applied", "2025-04-03", 1),
        ("sign_up_confirmed", "2025-04-03", 2),
        ("attendance_recorded", "2025-04-04", 3),
    ]


def test_personal_data_is_nowhere_in_the_clear(dispatch: Dispatch) -> None:
    dispatch.task("clinic", kind="medical", selection="selected", required_credential="medical_licence")
    dispatch.shift("clinic", "april-12", seats=3)
    licence = {"kind": "medical_licence", "number": "의사-12345"}
    sign_up_id = dispatch.sign_up("april-12", credential=licence).get_json()["id"]
    dispatch.step(sign_up_id, "verify-credential", 1, verified_reference="홍길동 면허 확인")
    dispatch.step(sign_up_id, "decline", 2, reason="홍길동 님 요청")
    dispatch.call.post(f"/sign-ups/{sign_up_id}/reveal", {"reason": "비상 연락"}, MANAGER)
    listed = dispatch.call.get("/shifts/april-12/sign-ups", MANAGER).get_json()["items"]
    assert [(item["name"], item["phone"]) for item in listed] == [("홍*동", "010-****-5678")]
    shown = dispatch.call.get(f"/sign-ups/{sign_up_id}", MANAGER).get_json()
    assert [step["step"] for step in shown["steps"]] == ["apply", "verify_credential", "decline"]
    everything = dispatch.everything_stored()
    assert not [text for text in PERSONAL if text in everything]
    assert not [text for text in PERSONAL if text in json.dumps(dispatch.events(), ensure_ascii=False)]


def test_plain_data_is_shown_for_a_reason_that_is_kept(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=3)
    path = f"/sign-ups/{dispatch.sign_up('april-12', nationality='XA').get_json()['id']}/reveal"
    assert dispatch.call.post(path, {"reason": "비상 연락"}, Role.AUDITOR).status_code == 403
    assert dispatch.call.post(path, {}, MANAGER).status_code == 422
    for _ in range(2):
        shown = dispatch.call.post(path, {"reason": "비상 연락"}, MANAGER, account="manager-1", key="same").get_json()
        assert (shown["name"], shown["phone"], shown["nationality"]) == ("홍길동", "010-1234-5678", "XA")
    log = dispatch.call.get("/reveals", Role.AUDITOR).get_json()["items"]
    assert [(entry["account"], entry["reason"]) for entry in log] == [("manager-1", "비상 연락")] * 2


def test_personal_data_is_purged_when_its_time_is_over_and_the_counts_stay(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=3)
    dispatch.shift("tents", "may-12", 3, "2025-05-12T00:00:00Z", "2025-05-12T09:00:00Z")
    old = dispatch.sign_up("april-12", nationality="XA").get_json()
    dispatch.sign_up("april-12", "010-2222-3333", nationality="XB")
    young = dispatch.sign_up("may-12", nationality="XA").get_json()
    before = dispatch.call.get("/tasks/tents/summary", MANAGER).get_json()
    assert old["purge_after"] == "2025-10-12"

    dispatch.clock.set(datetime(2025, 10, 12, 3, tzinfo=UTC))
    assert dispatch.call.post("/purges", {}, MANAGER).status_code == 403
    assert dispatch.call.post("/purges", {}, Role.ADMINISTRATOR).get_json()["sign_ups"] == 0
    dispatch.clock.set(datetime(2025, 10, 13, 3, tzinfo=UTC))
    entry = dispatch.call.post("/purges", {}, Role.ADMINISTRATOR).get_json()
    assert (entry["sign_ups"], entry["volunteers"]) == (2, 1), "one of the two has another sign-up"
    assert dispatch.call.post("/purges", {}, Role.ADMINISTRATOR).get_json()["sign_ups"] == 0

    gone = dispatch.call.get(f"/sign-ups/{old['id']}", MANAGER).get_json()
    assert (gone["name"], gone["phone"], gone["nationality"]) == (None, None, None)
    kept = dispatch.call.get(f"/sign-ups/{young['id']}", MANAGER).get_json()
    assert (kept["name"], kept["phone"]) == ("홍*동", "010-****-5678")
    refused = dispatch.call.post(f"/sign-ups/{old['id']}/reveal", {"reason": "문의"}, MANAGER)
    assert (refused.status_code, slug(refused)) == (410, "purged")
    with dispatch.database.read() as tx:
        rows = tx.execute(sa.select(store.sign_ups).where(store.sign_ups.c.purged_at.is_not(None))).mappings().all()
    assert [{row[name] for name in store.PURGED} for row in rows] == [{None}] * 2
    assert dispatch.call.get("/tasks/tents/summary", MANAGER).get_json() == before
    log = dispatch.call.get("/purges", Role.AUDITOR).get_json()["items"]
    assert [item["sign_ups"] for item in log] == [0, 2, 0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"phone": "010-123-456"}, "phone"),
        ({"consent": False}, "consent"),
        ({"consent": 1}, "consent"),
        ({"nationality": "Korea"}, "nationality"),
        ({"name": "홍길동 900101-1234567"}, "name"),
        ({"credential": {"kind": "medical_licence", "number": "900101-1234567"}}, "credential"),
        ({"resident_number": "900101-1234567"}, "resident_number"),
    ],
)
def test_a_form_with_a_fault_names_the_field(dispatch: Dispatch, change: dict[str, Any], field: str) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=3)
    answer = dispatch.call.post("/shifts/april-12/sign-ups", HONG | change)
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]["json"]) == [field]
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


def test_200_sign_ups_for_the_last_seat_confirm_exactly_one(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=3)
    for phone in ("010-1111-1111", "010-2222-2222"):
        dispatch.sign_up("april-12", phone)
    people = [HONG | {"phone": f"010-9000-{number:04}"} for number in range(200)]
    answers = at_once(
        [partial(dispatch.caller().post, "/shifts/april-12/sign-ups", person, MANAGER) for person in people]
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 199
    assert {slug(answer) for answer in answers if answer.status_code == 409} == {"shift-full"}
    assert dispatch.seats("april-12") == (3, 3)
    confirmed = [event for event in dispatch.events() if event["type"] == "dispatch.sign_up_confirmed.v1"]
    assert len(confirmed) == 3


def test_parallel_sign_ups_of_one_person_confirm_one_of_the_overlapping_shifts(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    names = [f"shift-{number}" for number in range(20)]
    for name in names:
        dispatch.shift("tents", name, seats=5)
    answers = at_once([partial(dispatch.caller().post, f"/shifts/{name}/sign-ups", HONG, MANAGER) for name in names])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    assert sum(dispatch.seats(name)[1] for name in names) == 1


def test_parallel_confirmations_of_one_person_take_one_seat(dispatch: Dispatch) -> None:
    dispatch.task("interpreting", selection="selected")
    names = [f"shift-{number}" for number in range(10)]
    for name in names:
        dispatch.shift("interpreting", name, seats=5)
    ids = [dispatch.sign_up(name).get_json()["id"] for name in names]
    answers = at_once(
        [partial(dispatch.caller().post, f"/sign-ups/{id_}/confirm", {}, MANAGER, version=1) for id_ in ids]
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert sum(dispatch.seats(name)[1] for name in names) == 1


def test_parallel_cancellations_free_one_seat(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=5)
    first = dispatch.sign_up("april-12").get_json()
    dispatch.sign_up("april-12", "010-2222-3333")
    path, body = f"/sign-ups/{first['id']}/cancel", {"cancel_code": first["cancel_code"]}
    answers = at_once([partial(dispatch.caller().post, path, body) for _ in range(20)])
    assert {answer.status_code for answer in answers} == {200}
    assert dispatch.seats("april-12") == (5, 1)


def test_purges_beside_new_sign_ups_of_the_same_person_lose_neither(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=5)
    dispatch.sign_up("april-12")
    dispatch.clock.set(datetime(2025, 10, 13, 3, tzinfo=UTC))
    names = [f"2025-10-{day}" for day in range(20, 28)]
    for name in names:
        dispatch.shift("tents", name, 5, f"{name}T00:00:00Z", f"{name}T09:00:00Z")
    sign_ups = [partial(dispatch.caller().post, f"/shifts/{name}/sign-ups", HONG, MANAGER) for name in names]
    purges = [partial(dispatch.caller().post, "/purges", {}, Role.ADMINISTRATOR) for _ in names]
    answers = at_once([*sign_ups, *purges])
    assert {answer.status_code for answer in answers} == {201}
    assert sum(answer.get_json().get("sign_ups", 0) for answer in answers) == 1
    with dispatch.database.read() as tx:
        counted = [row.sign_ups for row in tx.execute(sa.select(store.volunteers))]
    assert counted == [len(names)]


def test_the_database_itself_refuses_an_overbooked_shift(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=1)
    with pytest.raises(sa.exc.IntegrityError), dispatch.database.write() as tx:
        tx.execute(sa.update(store.shifts).values(taken=2))
