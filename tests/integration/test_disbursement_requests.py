"""How the disbursement API takes requests: once per key, with a clear problem for each that cannot be served."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.auth import Role
from shared.config import Settings
from tests.integration.disbursement import EMERGENCY, FUND, ORIGINAL_WON, advance, line, opened, propose
from tests.support import Caller, FixedClock


@pytest.fixture
def api(settings: Settings, clock: FixedClock) -> Iterator[Caller]:
    with opened(settings, clock) as caller:
        yield caller


def test_a_request_sent_many_times_at_once_counts_once(api: Caller) -> None:
    path = "/budget-lines/relief-2025/appropriations"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post(path, EMERGENCY, Role.BUDGET_OFFICER, key="same"), range(24)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert line(api)["current_appropriation"] == 6_000_000_000


def test_a_key_used_for_another_body_is_refused(api: Caller) -> None:
    body = {"name": "기금", "fund_type": "fund"}
    assert api.post("/funds", body, Role.BUDGET_OFFICER, key="k").status_code == 201
    again = api.post("/funds", body | {"name": "다른 기금"}, Role.BUDGET_OFFICER, key="k")
    assert (again.status_code, again.json["type"]) == (422, "urn:dure:problem:idempotency-key-reused")


def test_a_refused_request_may_be_repeated_with_its_key(api: Caller) -> None:
    propose(api, "big", ORIGINAL_WON + 1)
    version = advance(api, "big", "review", "approve").json["version"]

    def commit() -> Any:
        path = "/spending-proposals/big/commit"
        return api.post(path, {}, Role.COMMITMENT_OFFICER, account="c", key="retry", version=version)

    assert commit().status_code == 409
    api.post("/budget-lines/relief-2025/appropriations", EMERGENCY, Role.BUDGET_OFFICER)
    assert commit().status_code == 200


def test_a_bad_request_loses_nothing_and_says_what_is_wrong(api: Caller) -> None:
    client, token = api.client, api.token(Role.BUDGET_OFFICER)
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
    assert [fund["id"] for fund in api.get("/funds", Role.AUDITOR).json["items"]] == [FUND["id"]]


def test_what_does_not_exist_is_not_found(api: Caller) -> None:
    name = {"name": "이름"}
    for path in ("/funds/none/names", "/budget-lines/none/names"):
        assert api.post(path, name, Role.BUDGET_OFFICER, version=1).status_code == 404
    assert api.post("/budget-lines/none/appropriations", EMERGENCY, Role.BUDGET_OFFICER).status_code == 404
    assert propose(api, "d", budget_line_id="none").status_code == 404
    assert api.get("/funds/none", Role.AUDITOR).status_code == 404


def test_a_role_that_may_not_is_told_which_may(api: Caller) -> None:
    answer = api.post("/funds", {"name": "x", "fund_type": "fund"}, Role.COORDINATOR)
    assert (answer.status_code, answer.json["needed_roles"]) == (403, ["budget_officer", "importer"])


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/spending-proposals/d/review", Role.REVIEWER),
        (f"/funds/{FUND['id']}/names", Role.BUDGET_OFFICER),
        ("/budget-lines/relief-2025/names", Role.BUDGET_OFFICER),
    ],
)
def test_an_edit_needs_if_match(api: Caller, path: str, role: Role) -> None:
    propose(api, "d")
    assert api.post(path, {}, role).status_code == 428


def test_the_refusal_is_told_in_the_language_asked_for(api: Caller) -> None:
    path, token = "/api/disbursement/v1/budget-lines/none", api.token(Role.AUDITOR)
    korean = api.client.get(path, headers={"Authorization": f"Bearer {token}"}).text
    english = api.client.get(path, headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"}).text
    assert "찾을 수 없습니다" in korean
    assert "There is no" in english
