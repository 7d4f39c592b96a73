"""The relief of April 2025, loaded through the public APIs, gives the figures that were published."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services import standalone
from services.ledger import reports
from services.ledger.reports import Horizon
from shared.auth import Actor, Role, issue_token
from shared.config import load_settings
from tests.acceptance.conftest import Home

LINE = "타지방자치단체 재해·재난 구호지원"
BILLION = 1_000_000_000


def row_as_of(home: Home, as_of: str) -> dict[str, Any]:
    report = home.json("report", "execution", "--as-of", as_of, "--format", "json")
    (row,) = [row for row in report["rows"] if row["line_name"] == LINE]
    return dict(row)


def test_the_published_table_of_11_april_comes_out(home: Home) -> None:
    row = row_as_of(home, "2025-04-11")
    assert row["current_appropriation"] == 6 * BILLION
    assert row["committed"] == row["expended"] == 5 * BILLION
    assert row["commitment_rate"] == row["expenditure_rate"] == "83.3"
    assert row["year_end_forecast"] == 6 * BILLION
    assert row["remaining"] == 1 * BILLION
    assert row["forecast_rate"] == "100.0"


@pytest.mark.parametrize(
    ("as_of", "appropriation", "executed", "rate"),
    [
        ("2025-03-25", 1 * BILLION, 1 * BILLION, "100.0"),
        ("2025-04-02", 1 * BILLION, 1 * BILLION, "100.0"),
        ("2025-04-03", 6 * BILLION, 1 * BILLION, "16.7"),
    ],
)
def test_earlier_days_show_what_was_so_then(
    home: Home, as_of: str, appropriation: int, executed: int, rate: str
) -> None:
    row = row_as_of(home, as_of)
    assert (row["current_appropriation"], row["committed"], row["expended"]) == (appropriation, executed, executed)
    assert row["expenditure_rate"] == rate


def test_reconciliation_names_the_amount_that_belongs_to_no_disaster(home: Home) -> None:
    finished = home.ask("reconcile", "--format", "json")
    assert finished.returncode == 1  # a difference is a finding, even an explained one
    result = json.loads(finished.stdout)
    (line,) = result["lines"]
    assert line["unattributed"]["amount"] == 500_000_000
    assert [row["amount"] for row in line["by_disaster"]] == [4_500_000_000]
    assert [finding["kind"] for finding in result["findings"]] == ["unattributed"]
    assert LINE in result["findings"][0]["sentence"]
    assert "500,000,000" in result["findings"][0]["sentence"]


def test_source_and_ledger_agree_in_count_and_sum_for_every_topic(home: Home) -> None:
    sources = home.json("reconcile", "--format", "json")["sources"]
    assert {row["topic"].split(".")[1] for row in sources} == {"situation", "inventory", "disbursement", "dispatch"}
    assert all(row["agrees"] and row["source_count"] == row["ledger_count"] > 0 for row in sources)


def test_the_chain_verifies_and_a_rebuild_finds_no_drift(home: Home) -> None:
    assert home.ask("verify").returncode == 0
    checked = home.ask("rebuild", "--check")
    assert checked.returncode == 0, checked.stdout.decode()
    assert json.loads(checked.stdout)["entries"] > 600


def test_a_document_is_traced_to_its_events_and_entries(home: Home) -> None:
    traced = home.json("trace", "entrusted-relief-gyeongbuk")
    types = [event["type"].split(".")[1] for event in traced["events"]]
    assert types == ["spending_proposed", "spending_decided", "spending_decided", "spending_committed", "payment_made"]
    assert [entry["event_type"] for entry in traced["entries"]] == [
        "disbursement.spending_committed.v1",
        "disbursement.payment_made.v1",
    ]


def test_loading_twice_changes_nothing(home: Home) -> None:
    before = home.report("2025-04-11"), home.run("verify").stdout
    home.load()
    assert (home.report("2025-04-11"), home.run("verify").stdout) == before


def test_the_real_stack_reports_the_same_bytes_as_the_embedded_one(embedded: Home, real: Home) -> None:
    for as_of in ("2025-03-25", "2025-04-02", "2025-04-03", "2025-04-11", "2025-12-31"):
        question = ("report", "execution", "--as-of", as_of, "--format", "json")
        assert embedded.ask(*question).stdout == real.ask(*question).stdout != b""


@pytest.fixture(scope="module")
def system(embedded: Home) -> Any:
    opened = standalone.create_app(load_settings(embedded.environment))
    yield opened
    opened.close()


def test_goods_are_counted_by_unit_and_never_in_one_total(system: Any) -> None:
    answer = system.gateway.call("ledger", "GET", "/goods", query={"as_of": "2025-04-11"}).body
    assert {row["unit"]: row["dispatched"] for row in answer["units"]} == {"동": 549, "대": 13, "개": 722_608}
    assert "723170" not in json.dumps(answer)
    here = system.gateway.call(
        "inventory", "GET", "/totals", query={"as_of": "2025-04-11"}, token=token_for(Role.COORDINATOR)
    ).body
    assert {row["unit"]: row["quantity"] for row in here["units"]} == {"동": 549, "대": 13, "개": 722_608}


def test_volunteers_are_58_and_71_and_27_of_160_applicants_from_18_nations(system: Any) -> None:
    with system.service("ledger").database.read() as tx:
        people = reports.people(tx, Horizon(datetime(2025, 4, 11, tzinfo=UTC).date()))
    assert people["confirmed"] == 156
    confirmed = {row["task_id"]: row["confirmed"] for row in people["items"]}
    assert confirmed["city-and-centre-volunteers"] == 58
    assert confirmed["foreign-residents"] == 71
    assert confirmed["medical-volunteers"] == 27
    summary = system.gateway.call(
        "dispatch", "GET", "/tasks/foreign-residents/summary", token=token_for(Role.VOLUNTEER_MANAGER)
    ).body
    assert (summary["applied"], summary["nationalities"]) == (160, 18)


def test_one_more_won_is_refused_on_the_day_the_line_was_exhausted(system: Any) -> None:
    def call(path: str, role: Role, body: dict[str, Any], version: int | None = None) -> Any:
        return system.gateway.call(
            "disbursement",
            "POST",
            path,
            token=token_for(role, Role.IMPORTER),
            json=body | {"effective_date": "2025-04-02"},
            key=f"one-won{path}",
            version=version,
        )

    content = {
        "id": "one-won",
        "budget_line_id": "relief-to-other-governments-2025",
        "amount_won": 1,
        "purpose": "구호",
        "payee": "대한적십자사",
    }
    call("/spending-proposals", Role.DRAFTER, content)
    call("/spending-proposals/one-won/review", Role.REVIEWER, {}, 1)
    call("/spending-proposals/one-won/approve", Role.APPROVER, {}, 2)
    refused = call("/spending-proposals/one-won/commit", Role.COMMITMENT_OFFICER, {}, 3)
    assert refused.status == 409
    assert (refused.body["requested_won"], refused.body["available_won"], refused.body["short_by_won"]) == (1, 0, 1)
    assert "의회" in refused.body["detail"]


def test_the_api_gives_the_same_json_as_the_command(system: Any, embedded: Home) -> None:
    answer = system.gateway.call(
        "ledger", "GET", "/execution", query={"as_of": "2025-04-11"}, token=token_for(Role.AUDITOR)
    ).body
    assert answer == json.loads(embedded.report("2025-04-11"))


def token_for(*roles: Role) -> str:
    actor = Actor(f"test-{roles[0].value.replace('_', '-')}", frozenset(roles))
    return issue_token(actor, secret=load_settings({}).secret, now=datetime.now(UTC))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("load", "/nowhere"), 2, "does not exist"),
        (("report", "execution", "--as-of", "yesterday"), 2, "does not match"),
        (("report", "execution", "--as-of", "2025-04-11", "--known-at", "noon"), 1, "known_at"),
        (("trace", "nothing-like-it"), 1, "nothing-like-it"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(embedded: Home, arguments: tuple[str, ...], code: int, says: str) -> None:
    finished = embedded.run(*arguments)
    assert (finished.returncode, finished.stdout) == (code, b"")
    assert says in finished.stderr.decode()
    assert "Traceback" not in finished.stderr.decode()


def test_a_broken_scenario_is_named(tmp_path: Path, embedded: Home) -> None:
    (tmp_path / "scenario.json").write_text('{"name": "half"}')
    finished = embedded.run("load", str(tmp_path))
    assert finished.returncode == 2
    assert "disaster" in finished.stderr.decode()


def test_every_bad_key_of_the_environment_is_reported_at_once() -> None:
    bad = {"DURE_PROFILE": "production", "DURE_HOEM": "x", "DURE_BUS_PARTITIONS": "0", "DURE_BUS_URL": "amqp://x"}
    finished = Home(bad).run("verify")
    assert finished.returncode == 2
    said = finished.stderr.decode()
    for key in ("DURE_SECRET", "DURE_PERSONAL_DATA_KEY", "DURE_HOEM", "DURE_BUS_PARTITIONS", "DURE_BUS_URL"):
        assert key in said
