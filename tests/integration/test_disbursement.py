"""What the disbursement API accepts, refuses and repeats."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from services.disbursement import store
from services.disbursement.app import create_app
from shared.auth import Role
from shared.config import Settings
from shared.http import EXTENSION
from tests.support import Caller, FixedClock

PARALLEL = 200


@pytest.fixture
def api(settings: Settings, clock: FixedClock) -> Iterator[Caller]:
    app = create_app(settings, clock)
    caller = Caller(app, "disbursement", settings, clock)
    caller.post("/funds", {"id": "fund", "name": "재난관리기금", "fund_type": "fund"}, Role.ADMINISTRATOR)
    line = {"id": "line", "fund_id": "fund", "fiscal_year": 2025, "name": "구호지원", "policy_program": "교류"}
    caller.post("/budget-lines", line, Role.ADMINISTRATOR)
    caller.post(
        "/budget-lines/line/appropriations",
        {"kind": "original_appropriation", "amount_won": 1000},
        Role.ADMINISTRATOR,
    )
    yield caller
    app.extensions[EXTENSION].database.close()


def propose(api: Caller, id_: str, amount_won: int = 100) -> Any:
    body = {"id": id_, "budget_line_id": "line", "amount_won": amount_won, "purpose": "구호", "payee": "적십자사"}
    return api.post("/spending-proposals", body, Role.DRAFTER, account="drafter")


def advance(api: Caller, id_: str, *actions: str) -> Any:
    duties = {"review": Role.REVIEWER, "approve": Role.APPROVER, "commit": Role.COMMITMENT_OFFICER}
    answer = api.get(f"/spending-proposals/{id_}", Role.DRAFTER)
    for action in actions:
        version = answer.json["version"]
        answer = api.post(f"/spending-proposals/{id_}/{action}", {}, duties[action], account=action, version=version)
    return answer


def test_the_last_won_of_a_line_is_committed_once_of_200_at_the_same_time(api: Caller) -> None:
    propose(api, "first", 999)
    assert advance(api, "first", "review", "approve", "commit").status_code == 200
    documents = [f"d{number}" for number in range(PARALLEL)]
    versions = {}
    for id_ in documents:
        propose(api, id_, 1)
        versions[id_] = advance(api, id_, "review", "approve").json["version"]

    def commit(id_: str) -> int:
        path = f"/spending-proposals/{id_}/commit"
        return api.post(path, {}, Role.COMMITMENT_OFFICER, account="commit", version=versions[id_]).status_code

    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(commit, documents))
    assert sorted(codes) == [200] + [409] * (PARALLEL - 1)
    line = api.get("/budget-lines/line", Role.AUDITOR).json
    assert (line["committed"], line["uncommitted_balance"]) == (1000, 0)


def test_a_request_sent_many_times_at_once_counts_once(api: Caller) -> None:
    body = {"kind": "original_appropriation", "amount_won": 7}
    path = "/budget-lines/line/appropriations"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post(path, body, Role.ADMINISTRATOR, key="same"), range(24)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert api.get("/budget-lines/line", Role.AUDITOR).json["current_appropriation"] == 1007


def test_a_key_used_for_another_body_is_refused(api: Caller) -> None:
    body = {"name": "기금", "fund_type": "fund"}
    assert api.post("/funds", body, Role.ADMINISTRATOR, key="k").status_code == 201
    again = api.post("/funds", body | {"name": "다른 기금"}, Role.ADMINISTRATOR, key="k")
    assert (again.status_code, again.json["type"]) == (422, "urn:dure:problem:idempotency-key-reused")


def test_a_refused_request_may_be_repeated_with_its_key(api: Caller) -> None:
    propose(api, "big", 1500)
    version = advance(api, "big", "review", "approve").json["version"]

    def commit() -> Any:
        path = "/spending-proposals/big/commit"
        return api.post(path, {}, Role.COMMITMENT_OFFICER, account="c", key="retry", version=version)

    assert commit().status_code == 409
    api.post(
        "/budget-lines/line/appropriations",
        {
            "kind": "emergency_appropriation",
            "amount_won": 500,
            "authority_reference": "의결",
            "decided_on": "2025-04-11",
        },
        Role.ADMINISTRATOR,
    )
    assert commit().status_code == 200


@pytest.mark.parametrize("missing", [{"authority_reference": "의결"}, {"decided_on": "2025-04-11"}, {}])
def test_an_appropriation_without_a_decision_behind_it_is_refused(api: Caller, missing: dict[str, str]) -> None:
    body = {"kind": "supplementary_appropriation", "amount_won": 5, **missing}
    answer = api.post("/budget-lines/line/appropriations", body, Role.ADMINISTRATOR)
    assert (answer.status_code, answer.json["type"]) == (422, "urn:dure:problem:authority-missing")


def test_a_reduction_never_goes_below_what_is_committed(api: Caller) -> None:
    propose(api, "d", 700)
    advance(api, "d", "review", "approve", "commit")
    body = {
        "kind": "supplementary_reduction",
        "amount_won": 301,
        "authority_reference": "위원회 1호",
        "decided_on": "2025-04-11",
    }
    refused = api.post("/budget-lines/line/appropriations", body, Role.ADMINISTRATOR)
    assert (refused.status_code, refused.json["available_won"]) == (409, 300)
    body["amount_won"] = 300
    assert api.post("/budget-lines/line/appropriations", body, Role.ADMINISTRATOR).status_code == 201


def test_nobody_takes_a_second_duty_on_a_document_whatever_roles_they_hold(api: Caller) -> None:
    every = (
        Role.DRAFTER,
        Role.REVIEWER,
        Role.APPROVER,
        Role.COMMITMENT_OFFICER,
        Role.PAYMENT_OFFICER,
        Role.ADMINISTRATOR,
    )
    body = {"id": "own", "budget_line_id": "line", "amount_won": 1, "purpose": "구호", "payee": "적십자사"}
    api.post("/spending-proposals", body, *every, account="one-person")
    refused = api.post("/spending-proposals/own/review", {}, *every, account="one-person", version=1)
    assert (refused.status_code, refused.json["type"]) == (403, "urn:dure:problem:touched-before")


def test_an_edit_voids_reviews_and_approvals(api: Caller) -> None:
    propose(api, "d", 100)
    version = advance(api, "d", "review", "approve").json["version"]
    edited = api.patch("/spending-proposals/d", {"amount_won": 200}, Role.DRAFTER, account="drafter", version=version)
    assert edited.json["state"] == "proposed"
    refused = api.post(
        "/spending-proposals/d/commit", {}, Role.COMMITMENT_OFFICER, account="c", version=edited.json["version"]
    )
    assert (refused.status_code, refused.json["type"]) == (409, "urn:dure:problem:wrong-state")


def test_an_approval_of_a_version_that_was_edited_meanwhile_is_refused(api: Caller) -> None:
    propose(api, "d", 100)
    advance(api, "d", "review")
    api.patch("/spending-proposals/d", {"amount_won": 999}, Role.DRAFTER, account="drafter", version=2)
    stale = api.post("/spending-proposals/d/approve", {}, Role.APPROVER, account="a", version=2)
    assert (stale.status_code, stale.json["current"]) == (412, 3)


def test_payments_stay_within_the_commitment_and_the_remainder_can_be_released(api: Caller) -> None:
    propose(api, "d", 500)
    version = advance(api, "d", "review", "approve", "commit").json["version"]
    path = "/spending-proposals/d/payments"
    too_much = api.post(path, {"amount_won": 501}, Role.PAYMENT_OFFICER, account="p", version=version)
    assert (too_much.status_code, too_much.json["unpaid_won"]) == (409, 500)
    paid = api.post(path, {"amount_won": 400}, Role.PAYMENT_OFFICER, account="p", version=version)
    released = api.post(
        "/spending-proposals/d/release",
        {"amount_won": 100, "reason": "집행잔액"},
        Role.COMMITMENT_OFFICER,
        account="commit",
        version=paid.json["version"],
    )
    assert (released.json["state"], released.json["committed_won"]) == ("paid", 400)
    assert api.get("/budget-lines/line", Role.AUDITOR).json["uncommitted_balance"] == 600


def test_dates_of_a_document_stay_in_order(api: Caller) -> None:
    body = {"id": "d", "budget_line_id": "line", "amount_won": 1, "purpose": "구호", "payee": "적십자사"}
    on = {"effective_date": "2025-04-10"}
    api.post("/spending-proposals", body | on, Role.DRAFTER, Role.IMPORTER, account="d")
    early = {"effective_date": "2025-04-09"}
    refused = api.post("/spending-proposals/d/review", early, Role.REVIEWER, Role.IMPORTER, account="r", version=1)
    assert (refused.status_code, refused.json["previous_date"]) == (422, "2025-04-10")


@pytest.mark.parametrize(("day", "roles"), [("2025-04-10", ()), ("2025-04-12", ()), ("2025-04-12", (Role.IMPORTER,))])
def test_only_the_import_role_records_past_dates_and_nobody_future_ones(
    api: Caller, day: str, roles: tuple[Role, ...]
) -> None:
    body = {"kind": "original_appropriation", "amount_won": 1, "effective_date": day}
    answer = api.post("/budget-lines/line/appropriations", body, Role.ADMINISTRATOR, *roles)
    assert (answer.status_code, answer.json["type"]) == (422, "urn:dure:problem:effective-date-not-allowed")


@pytest.mark.parametrize("amount", [0, -5, 1.5, 1.0, "100", True, None, 10**16, 1e30])
def test_an_amount_that_is_not_a_positive_whole_number_of_won_is_refused(api: Caller, amount: Any) -> None:
    answer = api.post(
        "/budget-lines/line/appropriations",
        {"kind": "original_appropriation", "amount_won": amount},
        Role.ADMINISTRATOR,
    )
    assert answer.status_code == 422
    assert "amount_won" in answer.json["detail"]


def test_a_bad_request_loses_nothing_and_says_what_is_wrong(api: Caller) -> None:
    client, token = api.client, api.token(Role.ADMINISTRATOR)
    path, headers = "/api/disbursement/v1/funds", {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
    json_type = "application/json"
    deep = "[" * 100_000

    def status(data: str | bytes, content_type: str = json_type, **more: str) -> tuple[int, str]:
        answer = client.post(path, data=data, content_type=content_type, headers=headers | more)
        assert answer.content_type == "application/problem+json"
        return answer.status_code, json.loads(answer.data)["type"].rsplit(":", 1)[1]

    assert status("{") == (400, "bad-request")
    assert status(deep)[0] == 400
    assert status(b"\xff\xfe")[0] == 400
    assert status("name=x", "application/x-www-form-urlencoded") == (415, "unsupported-media-type")
    assert status('{"name": "x", "fund_type": "fund", "secret": 1}')[0] == 422
    assert status('{"name": "' + "x" * 2_000_000 + '"}')[0] == 413
    assert status('{"name": "a\\u0000b", "fund_type": "fund"}')[0] == 422
    assert status('{"name": "\\ud800", "fund_type": "fund"}')[0] == 422
    assert status("{}", **{"Idempotency-Key": "x" * 200}) == (400, "idempotency-key-malformed")
    assert status("{}", Authorization="Bearer forged") == (401, "not-signed-in")
    assert client.post(path, json={}, headers={"Authorization": f"Bearer {token}"}).status_code == 400
    assert client.delete(path).status_code == 405
    assert "GET" in client.delete(path).headers["Allow"]
    assert api.get("/funds?limit=0", Role.AUDITOR).status_code == 422
    assert api.get("/funds?surprise=1", Role.AUDITOR).status_code == 422
    assert api.get("/spending-proposals/unknown", Role.AUDITOR).status_code == 404
    assert [fund["id"] for fund in api.get("/funds", Role.AUDITOR).json["items"]] == ["fund"]


def test_a_role_that_may_not_is_told_which_may(api: Caller) -> None:
    answer = api.post("/funds", {"name": "x", "fund_type": "fund"}, Role.COORDINATOR)
    assert (answer.status_code, answer.json["needed_roles"]) == (403, ["administrator"])


def test_an_edit_needs_if_match(api: Caller) -> None:
    propose(api, "d")
    assert api.post("/spending-proposals/d/review", {}, Role.REVIEWER).status_code == 428


def test_the_refusal_is_told_in_the_language_asked_for(api: Caller) -> None:
    path, token = "/api/disbursement/v1/funds/x", api.token(Role.AUDITOR)
    line = "/api/disbursement/v1/budget-lines/none"
    assert api.client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 404
    korean = api.client.get(line, headers={"Authorization": f"Bearer {token}"}).text
    english = api.client.get(line, headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"}).text
    assert "찾을 수 없습니다" in korean
    assert "There is no" in english


def test_the_database_itself_refuses_an_overspent_line(api: Caller) -> None:
    database = api.client.application.extensions[EXTENSION].database
    for values in ({"committed": 1001}, {"paid": 1}, {"current_appropriation": -1}):
        with pytest.raises(sa.exc.IntegrityError), database.write() as tx:
            tx.execute(sa.update(store.budget_lines).values(**values))
