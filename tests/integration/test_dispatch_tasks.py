"""Volunteer tasks and their shifts through the API, on each database."""

from typing import Any

import pytest

from shared.auth import Role
from tests.integration.dispatch import (
    ANDONG,
    CLINIC,
    MANAGER,
    TENTS,
    YEONGNAM,
    Dispatch,
    dispatch_service,  # noqa: F401  # a fixture: pytest finds it here
    slug,
)

TITLES = {"title": "이재민 텐트와 칸막이 철거", "english_title": "Taking down tents and partitions"}


def test_the_public_sees_approved_tasks_only_and_no_accounts(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    assert dispatch.propose("hidden").json["state"] == "proposed"
    assert [task["id"] for task in dispatch.call.get("/tasks").json["items"]] == ["tents"]
    assert dispatch.call.get("/tasks?state=proposed").json["items"] == []
    assert dispatch.call.get("/tasks/hidden").status_code == 404
    assert "proposed_by" not in dispatch.call.get("/tasks/tents").json
    (proposed,) = dispatch.call.get("/tasks?state=proposed", MANAGER).json["items"]
    assert (proposed["id"], proposed["proposed_by"]) == ("hidden", "proposer")


def test_a_task_says_whose_it_is_and_where(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.task("meals", body="red-cross", site_id=None, region_id="group-yeongnam-wildfires-2025")
    shown = dispatch.call.get("/tasks/tents").json
    assert {name: shown[name] for name in TENTS} == TENTS
    (meals,) = dispatch.call.get("/tasks?body_id=red-cross").json["items"]
    assert (meals["id"], meals["body_id"]) == ("meals", "red-cross")
    assert (meals["site_id"], meals["region_id"]) == (None, "group-yeongnam-wildfires-2025")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"region_id": "안동시"}, "region_id"),
        ({"region_id": "4717"}, "region_id"),
        ({"region": ANDONG}, "region"),
        ({"site_id": "체육관"}, "site_id"),
    ],
)
def test_a_region_is_a_code_and_no_free_text(dispatch: Dispatch, content: dict[str, Any], field: str) -> None:
    answer = dispatch.propose("tents", **content)
    assert answer.status_code == 422
    assert list(answer.json["errors"]["json"]) == [field]


def test_a_task_is_approved_by_another_account_and_only_then_takes_sign_ups(dispatch: Dispatch) -> None:
    dispatch.propose("tents")
    dispatch.shift("tents", "april-12", seats=1)
    assert slug(dispatch.sign_up("april-12")) == "task-not-ready"
    own = dispatch.call.post("/tasks/tents/approve", {}, MANAGER, account="proposer", version=1)
    assert (own.status_code, slug(own)) == (403, "approved-by-self")
    assert dispatch.call.post("/tasks/tents/approve", {}, MANAGER, account="other", version=9).status_code == 412
    approved = dispatch.call.post("/tasks/tents/approve", {}, Role.APPROVER, account="other", version=1)
    assert (approved.status_code, approved.json["approved_by"]) == (200, "other")
    assert dispatch.sign_up("april-12").status_code == 201
    assert dispatch.call.post("/tasks/tents/close", {}, MANAGER, version=2).json["state"] == "closed"
    assert slug(dispatch.sign_up("april-12", "010-2222-3333")) == "task-not-ready"


def test_a_required_credential_needs_selection(dispatch: Dispatch) -> None:
    refused = dispatch.propose("clinic", **CLINIC | {"selection": "first_come"})
    assert (refused.status_code, slug(refused)) == (422, "credential-needs-selection")


def test_a_renamed_task_has_its_new_titles_everywhere_and_tells_them(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=3)
    renamed = dispatch.call.post("/tasks/tents/names", TITLES, MANAGER, version=2)
    assert (renamed.status_code, renamed.headers["ETag"]) == (201, '"3"')
    shown = dispatch.call.get("/tasks/tents").json
    assert {name: shown[name] for name in TITLES} == TITLES
    signed_up = dispatch.sign_up("april-12").json
    assert (signed_up["task_title"], signed_up["task_english_title"]) == tuple(TITLES.values())
    summary = dispatch.call.get("/tasks/tents/summary", Role.AUDITOR).json
    assert (summary["title"], summary["english_title"]) == tuple(TITLES.values())
    told = dispatch.events("tents")[-1]
    assert told["type"] == "dispatch.task_renamed.v1"
    assert (told["aggregateversion"], told["effectivedate"]) == (3, "2025-04-11")
    assert told["data"] == {"task_id": "tents", **TITLES}


def test_a_wrong_title_is_corrected_by_a_further_one_even_after_the_task_was_closed(dispatch: Dispatch) -> None:
    wrong, right = ({"title": title} for title in ("이재민 텐트 설거지", "이재민 텐트 철거"))
    dispatch.task("tents")
    assert dispatch.call.post("/tasks/tents/names", wrong, MANAGER, version=2).status_code == 201
    assert dispatch.call.post("/tasks/tents/close", {}, MANAGER, version=3).status_code == 200
    assert dispatch.call.post("/tasks/tents/names", right, MANAGER).status_code == 428
    assert dispatch.call.post("/tasks/tents/names", right, MANAGER, version=3).status_code == 412
    corrected = dispatch.call.post("/tasks/tents/names", right, MANAGER, version=4).json
    assert (corrected["title"], corrected["english_title"], corrected["state"]) == (right["title"], None, "closed")
    titles = [event["data"]["title"] for event in dispatch.events("tents")]
    assert titles == [right["title"]] * 2 + [wrong["title"]] * 2 + [right["title"]]


def test_older_titles_are_not_put_behind_newer_ones(dispatch: Dispatch) -> None:
    dispatch.propose("tents", Role.IMPORTER, effective_date="2025-04-01")
    for version, (day, expected) in enumerate([("2025-04-05", 201), ("2025-04-05", 201), ("2025-04-04", 422)], start=1):
        names = TITLES | {"effective_date": day}
        answer = dispatch.call.post("/tasks/tents/names", names, Role.IMPORTER, version=version)
        assert answer.status_code == expected, day
    assert (slug(answer), answer.json["previous_date"]) == ("dates-out-of-order", "2025-04-05")


def test_an_event_says_who_for_which_body_where_and_for_what(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.shift("tents", "april-12", seats=3)
    sign_up_id = dispatch.sign_up("april-12").json["id"]
    dispatch.call.post(f"/sign-ups/{sign_up_id}/cancel", {}, MANAGER, account="manager-1")
    place = {"disaster_id": YEONGNAM, "site_id": "andong-gymnasium", "region_id": ANDONG}
    task = {name: TENTS[name] for name in ("title", "english_title", "kind", "selection")}
    shift = {"starts_at": "2025-04-12T00:00:00Z", "ends_at": "2025-04-12T09:00:00Z", "seats": 3}
    person = {"sign_up_id": sign_up_id, "shift_id": "april-12", "task_id": "tents", "quantity": 1}
    told = dispatch.events()
    assert [(event["type"].split(".")[1], event["account"], event["data"]) for event in told] == [
        ("task_opened", "proposer", {"task_id": "tents"} | place | task),
        ("task_approved", "other", {"task_id": "tents"} | place | task),
        ("shift_opened", "x", {"shift_id": "april-12", "task_id": "tents", "title": TENTS["title"]} | place | shift),
        ("volunteer_applied", "anonymous", person | place),
        ("sign_up_confirmed", "anonymous", person | place),
        ("sign_up_cancelled", "manager-1", person | place | {"was_confirmed": True}),
    ]
    assert {event["actingbody"] for event in told} == {"city"}


def test_the_seats_taken_are_listed_page_by_page_for_reconciliation(dispatch: Dispatch) -> None:
    dispatch.task("tents")
    dispatch.task("meals", body="red-cross")
    dispatch.shift("tents", "april-12", seats=3)
    dispatch.shift("meals", "lunch", seats=5, body="red-cross")
    dispatch.sign_up("april-12")
    first = dispatch.call.get("/balances?limit=1", Role.AUDITOR).json
    assert first["items"] == [{"shift_id": "april-12", "task_id": "tents", "seats": 3, "taken": 1}]
    second = dispatch.call.get(f"/balances?limit=1&after={first['next']}", Role.ADMINISTRATOR).json
    assert second == {"items": [{"shift_id": "lunch", "task_id": "meals", "seats": 5, "taken": 0}], "next": None}
    assert dispatch.call.get("/balances", MANAGER).status_code == 403
