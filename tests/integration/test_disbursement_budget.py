"""Funds, budget lines and appropriations: whose they are, what they are called, and for which year they hold."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from services.disbursement import store
from shared.auth import Role
from shared.config import Settings
from shared.http import EXTENSION
from tests.integration.disbursement import (
    DUTIES,
    EMERGENCY,
    FUND,
    ORIGINAL,
    ORIGINAL_WON,
    WILDFIRES,
    advance,
    line,
    opened,
    propose,
    step,
    told,
)
from tests.support import Caller, FixedClock

APPROPRIATIONS = "/budget-lines/relief-2025/appropriations"
FORECASTS = "/budget-lines/relief-2025/forecasts"
NEXT_LINE = {
    "id": "relief-2026",
    "fund_id": FUND["id"],
    "fiscal_year": 2026,
    "name": "구호지원",
    "policy_program": "교류",
}
ENGLISH = "Relief of other local governments"


@pytest.fixture
def api(settings: Settings, clock: FixedClock) -> Iterator[Caller]:
    with opened(settings, clock) as caller:
        yield caller


def open_next_year(api: Caller) -> Any:
    """The line of 2026, opened in April 2025 and in force from New Year's Day."""
    return api.post("/budget-lines", NEXT_LINE | {"effective_date": "2026-01-01"}, Role.BUDGET_OFFICER)


def test_a_fund_and_its_lines_belong_to_the_body_that_opened_it(api: Caller) -> None:
    ((event, fund),) = told(api, "fund_opened")
    assert event.body_id == "city"
    assert fund == {name: FUND[name] for name in ("name", "english_name", "fund_type")} | {"fund_id": FUND["id"]}
    ((_, opened_line),) = told(api, "budget_line_opened")
    assert (opened_line["fund_name"], opened_line["fiscal_year"]) == ("지역교류협력기금", 2025)
    assert line(api)["body_id"] == "city"


def test_the_budget_is_kept_by_budget_officers_and_not_by_administrators(api: Caller) -> None:
    fund = {"name": "재난관리기금", "fund_type": "fund"}
    refused = api.post("/funds", fund, Role.ADMINISTRATOR)
    assert (refused.status_code, refused.json["needed_roles"]) == (403, ["budget_officer", "importer"])
    assert api.post(APPROPRIATIONS, EMERGENCY, Role.ADMINISTRATOR).status_code == 403
    assert api.post("/funds", fund, Role.BUDGET_OFFICER).json["body_id"] == "city"
    assert api.post(APPROPRIATIONS, EMERGENCY, Role.BUDGET_OFFICER).status_code == 201


def test_nobody_keeps_the_budget_of_another_body(api: Caller) -> None:
    name = {"name": "다른 이름"}
    theirs: dict[str, Any] = {"account": "district-budget", "body": "districts"}
    for path, body in (
        (f"/funds/{FUND['id']}/names", name),
        ("/budget-lines", NEXT_LINE),
        ("/budget-lines/relief-2025/names", name),
        (APPROPRIATIONS, EMERGENCY),
        (FORECASTS, {"year_end_forecast_won": 1}),
    ):
        refused = api.post(path, body, Role.BUDGET_OFFICER, version=1, **theirs)
        assert (refused.status_code, refused.json["type"]) == (403, "urn:dure:problem:other-body"), path
        assert (refused.json["body_id"], refused.json["held"]) == ("city", "districts")


def test_a_budget_is_kept_for_every_disaster_or_not_at_all(api: Caller) -> None:
    refused = api.post(APPROPRIATIONS, EMERGENCY, Role.BUDGET_OFFICER, disaster=WILDFIRES)
    assert (refused.status_code, refused.json["type"]) == (403, "urn:dure:problem:other-disaster")


def test_money_is_seen_by_those_who_handle_or_audit_it(api: Caller) -> None:
    seeing = {*DUTIES.values(), Role.DRAFTER, Role.BUDGET_OFFICER, Role.AUDITOR}
    for path in ("/funds", f"/funds/{FUND['id']}", "/budget-lines", "/budget-lines/relief-2025", "/spending-proposals"):
        assert {role for role in Role if api.get(path, role).status_code == 200} == seeing, path
    comparing = {role for role in Role if api.get("/balances", role).status_code == 200}
    assert comparing == {Role.AUDITOR, Role.ADMINISTRATOR}


def test_a_fund_is_renamed_from_a_day_on(api: Caller) -> None:
    path, name = f"/funds/{FUND['id']}/names", {"name": "도시외교기금", "english_name": "City Diplomacy Fund"}
    stale = api.post(path, name, Role.BUDGET_OFFICER, version=2)
    assert (stale.status_code, stale.json["current"]) == (412, 1)
    renamed = api.post(path, name | {"effective_date": "2025-04-01"}, Role.BUDGET_OFFICER, version=1)
    assert renamed.json == FUND | name | {"body_id": "city", "version": 2}
    assert api.get(f"/funds/{FUND['id']}", Role.AUDITOR).json == renamed.json
    assert line(api)["fund_name"] == "도시외교기금"
    ((event, data),) = told(api, "fund_renamed")
    assert (str(event.effective_date), event.aggregate_version) == ("2025-04-01", 2)
    assert data == {"fund_id": FUND["id"], **name}


def test_an_older_name_is_not_put_behind_a_newer_one(api: Caller) -> None:
    path, name = f"/funds/{FUND['id']}/names", {"name": "도시외교기금"}
    api.post(path, name | {"effective_date": "2025-04-02"}, Role.BUDGET_OFFICER, version=1)
    older = api.post(path, name | {"effective_date": "2025-04-01"}, Role.BUDGET_OFFICER, version=2)
    assert (older.status_code, older.json["previous_date"]) == (422, "2025-04-02")


def test_a_line_is_renamed_and_its_balances_stay(api: Caller) -> None:
    before = line(api)
    name = {"name": "재해·재난 구호지원", "english_name": ENGLISH}
    renamed = api.post("/budget-lines/relief-2025/names", name, Role.BUDGET_OFFICER, version=before["version"])
    assert renamed.json == before | name | {"version": before["version"] + 1}
    assert line(api) == renamed.json
    ((event, data),) = told(api, "budget_line_renamed")
    assert (str(event.effective_date), data) == ("2025-04-11", name | {"budget_line_id": "relief-2025"})


def test_a_line_that_begins_next_year_is_renamed_from_its_first_day(api: Caller) -> None:
    assert open_next_year(api).status_code == 201
    renamed = api.post("/budget-lines/relief-2026/names", {"name": "구호"}, Role.BUDGET_OFFICER, version=1)
    assert (renamed.json["name"], renamed.json["english_name"]) == ("구호", None)
    ((event, _),) = told(api, "budget_line_renamed")
    assert str(event.effective_date) == "2026-01-01"


@pytest.mark.parametrize("year", [1999, 2101, 20250, -1])
def test_a_line_is_of_a_year_that_can_be_meant(api: Caller, year: int) -> None:
    refused = api.post("/budget-lines", NEXT_LINE | {"fiscal_year": year}, Role.BUDGET_OFFICER)
    assert refused.status_code == 422
    assert "fiscal_year" in refused.json["detail"]


def test_the_budget_of_next_year_is_recorded_in_advance(api: Caller) -> None:
    open_next_year(api)
    path = "/budget-lines/relief-2026/appropriations"
    adopted = api.post(path, ORIGINAL | {"effective_date": "2026-01-01"}, Role.BUDGET_OFFICER)
    assert adopted.json["current_appropriation"] == ORIGINAL_WON
    propose(api, "d", budget_line_id="relief-2026")
    early = advance(api, "d", "review", "approve", "commit")
    assert (early.status_code, early.json["type"]) == (409, "urn:dure:problem:other-fiscal-year")
    too_far = api.post("/budget-lines", NEXT_LINE | {"effective_date": "2026-05-17"}, Role.BUDGET_OFFICER)
    assert (too_far.status_code, too_far.json["latest"]) == (422, "2026-05-16")


def test_next_years_money_is_committed_in_next_year(api: Caller, clock: FixedClock) -> None:
    open_next_year(api)
    path = "/budget-lines/relief-2026/appropriations"
    api.post(path, ORIGINAL | {"effective_date": "2026-01-01"}, Role.BUDGET_OFFICER)
    propose(api, "d", budget_line_id="relief-2026")
    clock.set(datetime(2026, 1, 2, 3, tzinfo=UTC))
    assert advance(api, "d", "review", "approve", "commit").json["committed_won"] == 100


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (APPROPRIATIONS, EMERGENCY | {"effective_date": "2026-01-01"}),
        ("/budget-lines/relief-2026/appropriations", ORIGINAL | {"effective_date": "2025-04-11"}),
        ("/budget-lines/relief-2026/forecasts", {"year_end_forecast_won": 1}),
    ],
)
def test_an_appropriation_or_a_forecast_takes_effect_in_the_year_of_its_line(
    api: Caller, path: str, body: dict[str, Any]
) -> None:
    open_next_year(api)
    refused = api.post(path, body, Role.BUDGET_OFFICER)
    assert (refused.status_code, refused.json["type"]) == (409, "urn:dure:problem:other-fiscal-year")


def test_a_second_original_appropriation_is_refused_with_the_first(api: Caller) -> None:
    refused = api.post(APPROPRIATIONS, ORIGINAL | {"effective_date": "2025-04-11"}, Role.BUDGET_OFFICER)
    assert (refused.status_code, refused.json["type"]) == (409, "urn:dure:problem:original-exists")
    assert (refused.json["amount_won"], refused.json["effective_date"]) == (1_000_000_000, "2025-01-01")
    assert "1,000,000,000원" in refused.json["detail"]
    assert line(api)["current_appropriation"] == ORIGINAL_WON


def test_of_many_original_appropriations_at_the_same_time_one_counts(api: Caller) -> None:
    open_next_year(api)
    path, body = "/budget-lines/relief-2026/appropriations", ORIGINAL | {"effective_date": "2026-01-01"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post(path, body, Role.BUDGET_OFFICER), range(24)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 23
    assert api.get("/budget-lines/relief-2026", Role.AUDITOR).json["current_appropriation"] == ORIGINAL_WON


def test_an_appropriation_says_which_fund_and_year_it_changes(api: Caller) -> None:
    api.post(APPROPRIATIONS, EMERGENCY | {"id": "emergency-2025-04-03"}, Role.BUDGET_OFFICER)
    (_, original), (event, emergency) = told(api, "appropriation_changed")
    assert (original["kind"], original["decided_on"]) == ("original_appropriation", None)
    assert emergency == EMERGENCY | {
        "appropriation_id": "emergency-2025-04-03",
        "budget_line_id": "relief-2025",
        "fund_id": FUND["id"],
        "fiscal_year": 2025,
    }
    assert event.body_id == "city"


def test_a_forecast_says_which_fund_and_year_it_is_of(api: Caller) -> None:
    forecast = {"year_end_forecast_won": 6_000_000_000}
    assert api.post(FORECASTS, forecast, Role.BUDGET_OFFICER).json.items() >= (forecast | {"late": False}).items()
    ((event, data),) = told(api, "year_end_forecast_recorded")
    assert data == forecast | {"budget_line_id": "relief-2025", "fund_id": FUND["id"], "fiscal_year": 2025}
    assert event.aggregate_version == line(api)["version"]


@pytest.mark.parametrize(
    "decision",
    [
        {"authority_reference": "의결"},
        {"decided_on": "2025-04-11"},
        {},
        {"authority_reference": "의결", "decided_on": "2025-04-12", "effective_date": "2025-04-30"},
    ],
)
def test_an_appropriation_without_a_decision_behind_it_is_refused(api: Caller, decision: dict[str, str]) -> None:
    body = {"kind": "supplementary_appropriation", "amount_won": 5, **decision}
    answer = api.post(APPROPRIATIONS, body, Role.BUDGET_OFFICER)
    assert (answer.status_code, answer.json["type"]) == (422, "urn:dure:problem:authority-missing")
    assert answer.json["latest_date"] == "2025-04-11"


def test_a_reduction_never_goes_below_what_is_committed(api: Caller) -> None:
    propose(api, "d", ORIGINAL_WON - 300)
    advance(api, "d", "review", "approve", "commit")
    body = EMERGENCY | {"kind": "supplementary_reduction", "amount_won": 301}
    refused = api.post(APPROPRIATIONS, body, Role.BUDGET_OFFICER)
    assert (refused.status_code, refused.json["available_won"]) == (409, 300)
    assert api.post(APPROPRIATIONS, body | {"amount_won": 300}, Role.BUDGET_OFFICER).status_code == 201


@pytest.mark.parametrize(
    ("day", "role"), [("2025-04-10", Role.BUDGET_OFFICER), ("2009-12-31", Role.IMPORTER), ("2026-05-17", Role.IMPORTER)]
)
def test_an_appropriation_is_backdated_by_an_import_alone(api: Caller, day: str, role: Role) -> None:
    answer = api.post(APPROPRIATIONS, EMERGENCY | {"effective_date": day}, role)
    assert (answer.status_code, answer.json["type"]) == (422, "urn:dure:problem:effective-date-not-allowed")
    assert api.post(APPROPRIATIONS, EMERGENCY | {"effective_date": "2025-04-03"}, Role.IMPORTER).status_code == 201
    listed = api.get(APPROPRIATIONS, Role.AUDITOR).json["items"]
    assert [(row["effective_date"], row["late"]) for row in listed] == [("2025-01-01", True), ("2025-04-03", True)]


@pytest.mark.parametrize("amount", [0, -5, 1.5, 1.0, "100", True, None, 10**16, 1e30])
def test_an_amount_that_is_not_a_positive_whole_number_of_won_is_refused(api: Caller, amount: Any) -> None:
    answer = api.post(APPROPRIATIONS, EMERGENCY | {"amount_won": amount}, Role.BUDGET_OFFICER)
    assert answer.status_code == 422
    assert "amount_won" in answer.json["detail"]


def test_the_balances_to_compare_with_are_paged(api: Caller) -> None:
    open_next_year(api)
    propose(api, "d", 500)
    advance(api, "d", "review", "approve", "commit")
    step(api, "d", "payments", {"amount_won": 200})
    first = api.get("/balances?limit=1", Role.AUDITOR).json
    assert first["items"] == [
        {
            "budget_line_id": "relief-2025",
            "current_appropriation": ORIGINAL_WON,
            "committed": 500,
            "paid": 200,
        }
    ]
    rest = api.get(f"/balances?after={first['next']}", Role.ADMINISTRATOR).json
    assert [(row["budget_line_id"], row["committed"]) for row in rest["items"]] == [("relief-2026", 0)]
    assert rest["next"] is None


def test_the_database_itself_refuses_an_overspent_line(api: Caller) -> None:
    database = api.client.application.extensions[EXTENSION].database
    for values in ({"committed": ORIGINAL_WON + 1}, {"paid": 1}, {"current_appropriation": -1}):
        with pytest.raises(sa.exc.IntegrityError), database.write() as tx:
            tx.execute(sa.update(store.budget_lines).values(**values))


def test_the_database_itself_refuses_a_second_original_appropriation(api: Caller) -> None:
    database, table = api.client.application.extensions[EXTENSION].database, store.appropriations
    with database.read() as tx:
        first = tx.execute(sa.select(table)).one()._asdict()
    again = first | {"id": "second", "number": first["number"] + 1}
    with pytest.raises(sa.exc.IntegrityError), database.write() as tx:
        tx.execute(sa.insert(table), again)
    with database.write() as tx:
        tx.execute(sa.insert(table), again | {"kind": "supplementary_appropriation"})
