"""Which days the facts of dispatch may name, and that a later record says so, on each database."""

from datetime import UTC, datetime

import pytest

from shared.auth import Role
from tests.integration.dispatch import (
    MANAGER,
    Dispatch,
    dispatch_service,  # noqa: F401  # a fixture: pytest finds it here
    slug,
)

IMPORTER = Role.IMPORTER


def test_a_roster_typed_in_within_a_week_is_attendance_of_its_day_and_marked_late(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=2)
    late, prompt = (dispatch.sign_up("april-12", phone).json["id"] for phone in ("010-1111-1111", "010-2222-2222"))
    dispatch.clock.set(datetime(2025, 4, 12, 9, tzinfo=UTC))
    assert dispatch.step(prompt, "attend", 2).status_code == 200
    dispatch.clock.set(datetime(2025, 4, 19, 3, tzinfo=UTC))
    attended = dispatch.step(late, "attend", 2, effective_date="2025-04-12")
    assert (attended.status_code, attended.json["last_effective_date"]) == (200, "2025-04-12")
    for sign_up_id, is_late in [(prompt, False), (late, True)]:
        steps = dispatch.call.get(f"/sign-ups/{sign_up_id}", MANAGER).json["steps"]
        assert [(step["step"], step["late"]) for step in steps] == [
            ("apply", False),
            ("confirm", False),
            ("attend", is_late),
        ]
    roster = dispatch.call.get("/shifts/april-12/sign-ups", MANAGER).json["items"]
    assert {one["id"]: one["late"] for one in roster} == {prompt: False, late: True}
    assert dispatch.events(late)[-1]["effectivedate"] == "2025-04-12"


def test_attendance_of_more_than_a_week_ago_is_refused_with_the_days_and_the_basis(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=2)
    sign_up_id = dispatch.sign_up("april-12").json["id"]
    dispatch.clock.set(datetime(2025, 4, 20, 3, tzinfo=UTC))
    refused = dispatch.step(sign_up_id, "attend", 2, effective_date="2025-04-12")
    assert (refused.status_code, slug(refused)) == (422, "effective-date-not-allowed")
    assert (refused.json["earliest"], refused.json["latest"]) == ("2025-04-13", "2025-04-20")
    assert "종이 명부" in refused.json["detail"]


@pytest.mark.parametrize(
    ("path", "body", "version"),
    [
        ("/tasks/tents/names", {"title": "이재민 텐트 정리"}, 2),
        ("/tasks/tents/close", {}, 2),
        ("/tasks/tents/shifts", {"starts_at": "2025-04-13T00:00Z", "ends_at": "2025-04-13T09:00Z", "seats": 1}, None),
        ("/sign-ups/hong/confirm", {}, 1),
        ("/sign-ups/hong/decline", {}, 1),
        ("/sign-ups/hong/cancel", {}, None),
        ("/sign-ups/hong/verify-credential", {"verified_reference": "면허 조회 제3호"}, 1),
    ],
)
@pytest.mark.parametrize("day", ["2025-04-10", "2025-04-12"])
def test_whatever_else_happens_is_recorded_on_its_own_day(
    dispatch: Dispatch, path: str, body: dict[str, object], version: int | None, day: str
) -> None:
    dispatch.task("tents", selection="selected")
    dispatch.shift("tents", "april-12", seats=2)
    dispatch.sign_up("april-12", id="hong")
    refused = dispatch.call.post(path, body | {"effective_date": day}, MANAGER, version=version)
    assert (refused.status_code, slug(refused)) == (422, "effective-date-not-allowed")


def test_past_dates_are_for_the_import_role_and_in_order(dispatch: Dispatch) -> None:
    content = {"selection": "selected", "effective_date": "2025-04-01"}
    assert dispatch.propose("tents", **content).status_code == 422
    assert dispatch.propose("tents", IMPORTER, **content | {"effective_date": "2009-12-31"}).status_code == 422
    assert dispatch.propose("tents", IMPORTER, **content).status_code == 201
    approval = {"effective_date": "2025-04-02"}
    dispatch.call.post("/tasks/tents/approve", approval, IMPORTER, account="two", version=1)
    shift = {"id": "april-4", "starts_at": "2025-04-04T00:00:00Z", "ends_at": "2025-04-04T09:00:00Z", "seats": 3}
    dispatch.call.post("/tasks/tents/shifts", shift | {"effective_date": "2025-04-02"}, IMPORTER)
    early = dispatch.sign_up("april-4", "010-1111-1111", IMPORTER, effective_date="2025-04-01")
    assert slug(early) == "dates-out-of-order"
    sign_up = dispatch.sign_up("april-4", "010-1111-1111", IMPORTER, id="s-1", effective_date="2025-04-03").json
    assert sign_up["last_effective_date"] == "2025-04-03"
    for step, version, on, expected in [
        ("confirm", 1, "2025-04-02", 422),
        ("confirm", 1, "2025-04-03", 200),
        ("attend", 2, "2025-04-03", 409),
        ("attend", 2, "2025-04-04", 200),
    ]:
        answer = dispatch.step("s-1", step, version, IMPORTER, effective_date=on)
        assert answer.status_code == expected, (step, on)
    told = [
        (event["type"].split(".")[1], event["effectivedate"], event["aggregateversion"])
        for event in dispatch.events("s-1")
    ]
    assert told == [
        ("volunteer_applied", "2025-04-03", 1),
        ("sign_up_confirmed", "2025-04-03", 2),
        ("attendance_recorded", "2025-04-04", 3),
    ]


def test_an_importer_does_not_date_back_the_sign_ups_of_another_body(dispatch: Dispatch) -> None:
    dispatch.propose("tents", IMPORTER, effective_date="2025-04-01")
    approval = {"effective_date": "2025-04-01"}
    dispatch.call.post("/tasks/tents/approve", approval, IMPORTER, account="two", version=1)
    dispatch.shift("tents", "april-12", seats=2)
    path, hong = "/shifts/april-12/sign-ups", {"name": "홍길동", "phone": "010-1234-5678", "consent": True}
    past = hong | {"effective_date": "2025-04-03"}
    assert slug(dispatch.call.post(path, past, IMPORTER, body="red-cross")) == "other-body"
    assert slug(dispatch.call.post(path, past, IMPORTER, disaster="gangwon-2019")) == "other-disaster"
    assert dispatch.call.post(path, hong, IMPORTER, body="red-cross").status_code == 201, "as anybody may, today"
