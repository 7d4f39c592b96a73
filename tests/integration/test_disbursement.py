"""Spending documents: who takes which step on them, what a line gives, and what comes back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.auth import Role
from shared.config import Settings
from tests.integration.disbursement import (
    GYEONGBUK,
    ORIGINAL_WON,
    WILDFIRES,
    advance,
    content,
    line,
    opened,
    propose,
    step,
    told,
)
from tests.support import Caller, FixedClock

PARALLEL = 200
MONEY_OF_DOCUMENT = {
    "spending_id": "d",
    "budget_line_id": "relief-2025",
    "fund_id": "intercity-cooperation-fund",
    "fiscal_year": 2025,
    "disaster_id": WILDFIRES,
    "relief_stage": "recovery",
    "region_id": GYEONGBUK,
    "party_id": "red-cross",
}


@pytest.fixture
def api(settings: Settings, clock: FixedClock) -> Iterator[Caller]:
    with opened(settings, clock) as caller:
        yield caller


def test_the_last_won_of_a_line_is_committed_once_of_200_at_the_same_time(api: Caller) -> None:
    propose(api, "first", ORIGINAL_WON - 1)
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
    assert (line(api)["committed"], line(api)["uncommitted_balance"]) == (ORIGINAL_WON, 0)


def test_nobody_takes_a_second_duty_on_a_document_whatever_roles_they_hold(api: Caller) -> None:
    every = (Role.DRAFTER, Role.REVIEWER, Role.APPROVER, Role.COMMITMENT_OFFICER, Role.PAYMENT_OFFICER)
    api.post("/spending-proposals", content("own"), *every, account="one-person")
    refused = api.post("/spending-proposals/own/review", {}, *every, account="one-person", version=1)
    assert (refused.status_code, refused.json["type"]) == (403, "urn:dure:problem:touched-before")


def test_an_import_takes_every_step_on_its_own_day_each_by_another_account(api: Caller) -> None:
    on = {"effective_date": "2025-04-07"}
    api.post("/spending-proposals", content("d", 500) | on, Role.IMPORTER, account="import-drafter")
    same = step(api, "d", "review", on, role=Role.IMPORTER, account="import-drafter")
    assert (same.status_code, same.json["type"]) == (403, "urn:dure:problem:touched-before")
    for action, body in (("review", {}), ("approve", {}), ("commit", {}), ("payments", {"amount_won": 500})):
        answer = step(api, "d", action, body | on, role=Role.IMPORTER, account=f"import-{action}")
        assert answer.json["last_effective_date"] == "2025-04-07", answer.json
    assert answer.json["state"] == "paid"
    assert [taken["late"] for taken in answer.json["steps"]] == [True] * 5
    (event, _) = told(api, "payment_made")[0]
    assert (event.account, event.body_id, str(event.effective_date)) == ("import-payments", "city", "2025-04-07")


def test_a_document_is_the_work_of_its_own_body_alone(api: Caller) -> None:
    propose(api, "d")
    theirs = {"account": "district-officer", "body": "districts"}
    other_payee = {"payee": "다른 단체"}
    patch = api.patch("/spending-proposals/d", other_payee, Role.DRAFTER, version=1, **theirs)
    assert (patch.status_code, patch.json["type"]) == (403, "urn:dure:problem:other-body")
    assert (patch.json["body_id"], patch.json["held"]) == ("city", "districts")
    sent: dict[str, Any] = {"payments": {"amount_won": 1}, "release": {"amount_won": 1, "reason": "집행잔액"}}
    for action in ("review", "approve", "reject", "commit", "release", "payments"):
        refused = step(api, "d", action, sent.get(action), **theirs)
        assert (refused.status_code, refused.json["type"]) == (403, "urn:dure:problem:other-body"), action
    document = api.get("/spending-proposals/d", Role.AUDITOR).json
    assert (document["body_id"], document["payee"], document["version"]) == ("city", "대한적십자사", 1)


def test_a_payment_is_reversed_by_its_own_body_alone(api: Caller) -> None:
    propose(api, "d", 500)
    advance(api, "d", "review", "approve", "commit")
    step(api, "d", "payments", {"amount_won": 500, "id": "p"})
    back = {"amount_won": 100, "reason": "과오지출 반납"}
    refused = api.post("/payments/p/reversals", back, Role.PAYMENT_OFFICER, account="other", body="districts")
    assert (refused.status_code, refused.json["type"]) == (403, "urn:dure:problem:other-body")
    assert api.post("/payments/p/reversals", back, Role.PAYMENT_OFFICER, account="payments").status_code == 201
    assert (line(api)["paid"], line(api)["committed"]) == (400, 400)


def test_money_of_another_body_cannot_be_proposed(api: Caller) -> None:
    refused = api.post("/spending-proposals", content("d"), Role.DRAFTER, account="district-drafter", body="districts")
    assert (refused.status_code, refused.json["type"]) == (403, "urn:dure:problem:other-body")


def test_a_document_stays_with_the_funds_of_its_body(api: Caller) -> None:
    theirs: dict[str, Any] = {"account": "district-budget", "body": "districts"}
    fund = {"id": "district-fund", "name": "자치구 재난관리기금", "fund_type": "fund"}
    api.post("/funds", fund, Role.BUDGET_OFFICER, **theirs)
    other = {"id": "district-line", "fund_id": "district-fund", "fiscal_year": 2025, "policy_program": "재난"}
    api.post("/budget-lines", other | {"name": "구호"}, Role.BUDGET_OFFICER, **theirs)
    propose(api, "d")
    moved = api.patch(
        "/spending-proposals/d", {"budget_line_id": "district-line"}, Role.DRAFTER, account="drafter", version=1
    )
    assert (moved.status_code, moved.json["type"]) == (403, "urn:dure:problem:other-body")
    assert (moved.json["body_id"], moved.json["held"]) == ("districts", "city")


def test_a_document_moved_to_another_line_is_of_that_lines_year(api: Caller) -> None:
    next_year = {"id": "relief-2026", "fund_id": "intercity-cooperation-fund", "fiscal_year": 2026, "name": "구호지원"}
    api.post("/budget-lines", next_year | {"policy_program": "지역교류협력"}, Role.BUDGET_OFFICER)
    propose(api, "d")
    body = {"budget_line_id": "relief-2026"}
    moved = api.patch("/spending-proposals/d", body, Role.DRAFTER, account="drafter", version=1)
    assert (moved.json["fiscal_year"], moved.json["budget_line_id"]) == (2026, "relief-2026")
    assert told(api, "spending_proposed")[-1][1]["fiscal_year"] == 2026


def test_who_acts_in_another_disaster_decides_nothing_here(api: Caller) -> None:
    propose(api, "d")
    advance(api, "d", "review")
    refused = step(api, "d", "approve", disaster="2023-gangneung-wildfire")
    assert (refused.status_code, refused.json["type"]) == (403, "urn:dure:problem:other-disaster")
    assert step(api, "d", "approve", disaster=WILDFIRES).json["state"] == "approved"


def test_who_acts_in_one_disaster_proposes_for_it_alone(api: Caller) -> None:
    here: dict[str, Any] = {"account": "drafter", "disaster": WILDFIRES}
    assert api.post("/spending-proposals", content("d"), Role.DRAFTER, **here).status_code == 201
    for other in ("2023-gangneung-wildfire", None):
        elsewhere = api.post("/spending-proposals", content("e", disaster_id=other), Role.DRAFTER, **here)
        assert (elsewhere.status_code, elsewhere.json["type"]) == (403, "urn:dure:problem:other-disaster")
        moved = api.patch("/spending-proposals/d", {"disaster_id": other}, Role.DRAFTER, version=1, **here)
        assert (moved.status_code, moved.json["type"]) == (403, "urn:dure:problem:other-disaster")


def test_an_edit_voids_reviews_and_approvals(api: Caller) -> None:
    propose(api, "d", 100)
    version = advance(api, "d", "review", "approve").json["version"]
    edited = api.patch("/spending-proposals/d", {"amount_won": 200}, Role.DRAFTER, account="drafter", version=version)
    assert edited.json["state"] == "proposed"
    refused = step(api, "d", "commit")
    assert (refused.status_code, refused.json["type"]) == (409, "urn:dure:problem:wrong-state")


@pytest.mark.parametrize(
    "edit",
    [{"party_id": "volunteer-centre"}, {"region_id": "4800000000"}, {"region_id": "group-yeongnam-wildfires-2025"}],
)
def test_where_the_money_goes_is_part_of_what_was_approved(api: Caller, edit: dict[str, str]) -> None:
    before = propose(api, "d").json
    after = api.patch("/spending-proposals/d", edit, Role.DRAFTER, account="drafter", version=1).json
    assert after["content_hash"] != before["content_hash"]
    assert after.items() >= edit.items()


@pytest.mark.parametrize("region", [{"region": "경상북도"}, {"region_id": "경상북도"}, {"region_id": "47"}])
def test_a_region_is_named_by_its_code_alone(api: Caller, region: dict[str, Any]) -> None:
    refused = propose(api, "d", **region)
    assert refused.status_code == 422
    assert next(iter(region)) in refused.json["errors"]["json"]


def test_an_approval_of_a_version_that_was_edited_meanwhile_is_refused(api: Caller) -> None:
    propose(api, "d", 100)
    advance(api, "d", "review")
    api.patch("/spending-proposals/d", {"amount_won": 999}, Role.DRAFTER, account="drafter", version=2)
    stale = step(api, "d", "approve", version=2)
    assert (stale.status_code, stale.json["current"]) == (412, 3)


def test_payments_stay_within_the_commitment_and_the_remainder_can_be_released(api: Caller) -> None:
    propose(api, "d", 500)
    advance(api, "d", "review", "approve", "commit")
    too_much = step(api, "d", "payments", {"amount_won": 501})
    assert (too_much.status_code, too_much.json["unpaid_won"]) == (409, 500)
    step(api, "d", "payments", {"amount_won": 400})
    released = step(api, "d", "release", {"amount_won": 100, "reason": "집행잔액"}, account="commit")
    assert (released.json["state"], released.json["committed_won"]) == ("paid", 400)
    assert line(api)["uncommitted_balance"] == ORIGINAL_WON - 400


def test_every_movement_of_money_says_from_where_to_where_and_what_for(api: Caller) -> None:
    digest = propose(api, "d", 500).json["content_hash"]
    advance(api, "d", "review", "approve", "commit")
    step(api, "d", "payments", {"amount_won": 400, "id": "p"})
    step(api, "d", "release", {"amount_won": 100, "reason": "집행잔액"}, account="commit")
    back = {"amount_won": 50, "reason": "과오지출 반납"}
    api.post("/payments/p/reversals", back, Role.PAYMENT_OFFICER, account="payments")
    said = {
        "spending_proposed": {"amount_won": 500, "content_hash": digest},
        "spending_committed": {"amount_won": 500, "content_hash": digest},
        "payment_made": {"amount_won": 400, "payment_id": "p"},
        "commitment_released": {"amount_won": 100, "reason": "집행잔액"},
    }
    for event_type, facts in said.items():
        ((event, data),) = told(api, event_type)
        assert data == MONEY_OF_DOCUMENT | facts
        assert (event.subject, event.body_id) == ("d", "city")
    ((_, returned),) = told(api, "payment_reversed")
    assert returned.items() >= (MONEY_OF_DOCUMENT | back | {"reverses_payment_id": "p"}).items()
    (_, decided), _approved = told(api, "spending_decided")
    assert decided == {
        "spending_id": "d",
        "budget_line_id": "relief-2025",
        "decision": "review",
        "content_hash": digest,
        "decided_by": "review",
    }


def test_dates_of_a_document_stay_in_order(api: Caller) -> None:
    on = {"effective_date": "2025-04-10"}
    api.post("/spending-proposals", content("d") | on, Role.IMPORTER, account="d")
    refused = step(api, "d", "review", {"effective_date": "2025-04-09"}, role=Role.IMPORTER)
    assert (refused.status_code, refused.json["previous_date"]) == (422, "2025-04-10")


@pytest.mark.parametrize("day", ["2025-04-10", "2025-04-12"])
def test_every_step_is_recorded_on_its_own_day(api: Caller, day: str) -> None:
    on: dict[str, Any] = {"effective_date": day}

    def check(answer: Any) -> None:
        assert (answer.status_code, answer.json["type"]) == (422, "urn:dure:problem:effective-date-not-allowed")
        assert "소급" in answer.json["basis"]

    check(propose(api, "d", **on))
    propose(api, "d", 500)
    check(api.patch("/spending-proposals/d", on, Role.DRAFTER, account="drafter", version=1))
    for action in ("review", "approve", "commit"):
        check(step(api, "d", action, on))
        advance(api, "d", action)
    check(step(api, "d", "payments", {"amount_won": 500} | on))
    check(step(api, "d", "release", {"amount_won": 500, "reason": "집행잔액"} | on, account="commit"))
    step(api, "d", "payments", {"amount_won": 500, "id": "p"})
    back = {"amount_won": 500, "reason": "과오지출 반납"} | on
    check(api.post("/payments/p/reversals", back, Role.PAYMENT_OFFICER, account="payments"))


def test_money_of_a_line_moves_in_its_own_year_alone(api: Caller, clock: FixedClock) -> None:
    for id_ in ("approved", "committed"):
        propose(api, id_, 500)
        advance(api, id_, "review", "approve")
    advance(api, "committed", "commit")
    step(api, "committed", "payments", {"amount_won": 100, "id": "p"})
    clock.set(datetime(2025, 12, 31, 15, tzinfo=UTC))  # a new year in Korea
    reason = {"amount_won": 100, "reason": "정산"}
    refusals = [
        step(api, "approved", "commit"),
        step(api, "committed", "payments", {"amount_won": 100}),
        step(api, "committed", "release", reason, account="commit"),
        api.post("/payments/p/reversals", reason, Role.PAYMENT_OFFICER, account="payments"),
    ]
    for refused in refusals:
        assert (refused.status_code, refused.json["type"]) == (409, "urn:dure:problem:other-fiscal-year")
        assert (refused.json["fiscal_year"], refused.json["effective_date"]) == (2025, "2026-01-01")
        assert "타지방자치단체 재해·재난 구호지원의 회계연도(2025년)" in refused.json["detail"]
    assert (line(api)["committed"], line(api)["paid"]) == (500, 100)


def test_a_commitment_rests_on_money_of_its_own_day(api: Caller) -> None:
    too_much = ORIGINAL_WON + 1
    advance_of = {"kind": "emergency_appropriation", "amount_won": 1, "effective_date": "2025-04-12"}
    decision = {"authority_reference": "의회 의결", "decided_on": "2025-04-11"}
    path = "/budget-lines/relief-2025/appropriations"
    assert api.post(path, advance_of | decision, Role.BUDGET_OFFICER).status_code == 201
    propose(api, "d", too_much)
    refused = advance(api, "d", "review", "approve", "commit")
    assert (refused.json["type"], refused.json["short_by_won"]) == ("urn:dure:problem:over-commitment", 1)


def test_documents_are_found_by_what_an_inbox_asks_for(api: Caller) -> None:
    propose(api, "waiting")
    propose(api, "reviewed")
    advance(api, "reviewed", "review")

    def found(query: str) -> list[str]:
        items = api.get(f"/spending-proposals?{query}", Role.APPROVER).json["items"]
        return [document["id"] for document in items]

    assert found(f"state=reviewed&body_id=city&disaster_id={WILDFIRES}") == ["reviewed"]
    assert found("budget_line_id=relief-2025") == ["waiting", "reviewed"]
    assert found("body_id=districts") == []
