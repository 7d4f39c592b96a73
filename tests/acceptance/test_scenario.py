"""The relief of April 2025, loaded through the public APIs, gives the figures that were published."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services import standalone
from services.ledger import reports
from services.ledger.reports import Horizon
from shared.auth import Actor, Grant, Role, issue_token
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


def test_reconciliation_names_the_amount_that_belongs_to_no_disaster_and_why(home: Home) -> None:
    finished = home.ask("reconcile", "--format", "json")
    assert finished.returncode == 0, "every difference is explained"
    result = json.loads(finished.stdout)
    (line,) = [line for line in result["lines"] if line["line_name"] == LINE]
    assert line["unattributed"]["amount"] == 500_000_000
    assert [row["amount"] for row in line["by_disaster"]] == [4_500_000_000]
    (finding,) = result["findings"]
    assert (finding["kind"], finding["amount"], finding["is_open"]) == ("unattributed", 500_000_000, False)
    assert LINE in finding["sentence"]
    assert "500,000,000" in finding["sentence"]
    assert "50억" in finding["resolution"]


def test_source_and_ledger_agree_in_count_and_sum_for_every_topic(home: Home) -> None:
    sources = home.json("reconcile", "--format", "json")["sources"]
    assert {row["topic"].split(".")[1] for row in sources} == {"situation", "inventory", "disbursement", "dispatch"}
    assert all(row["agrees"] and row["source_count"] == row["ledger_count"] > 0 for row in sources)


def test_the_balances_of_the_owners_are_those_the_ledger_counts(home: Home) -> None:
    assert home.json("reconcile", "--format", "json")["counts"] == []


def test_the_chain_verifies_and_a_rebuild_finds_no_drift(home: Home) -> None:
    assert home.ask("verify").returncode == 0
    checked = home.run("rebuild", "--check")
    assert checked.returncode == 0, checked.stdout.decode()
    assert json.loads(checked.stdout)["entries"] > 600


def test_an_anchor_that_was_kept_elsewhere_still_fits_and_an_altered_one_does_not(home: Home, tmp_path: Path) -> None:
    kept = tmp_path / "anchor.json"
    made = home.run("anchor", "--output", str(kept))
    assert json.loads(made.stdout) == json.loads(kept.read_text())
    assert home.run("verify", "--anchor", str(kept)).returncode == 0
    altered = json.loads(kept.read_text())
    altered["anchor"]["chains"][0]["hash"] = "0" * 64
    kept.write_text(json.dumps(altered))
    refused = home.run("verify", "--anchor", str(kept))
    assert (refused.returncode, b"was changed" in refused.stderr) == (1, True)
    kept.write_text("not an anchor")
    assert home.run("verify", "--anchor", str(kept)).returncode == 2


def test_a_document_is_traced_to_its_events_and_entries(home: Home) -> None:
    traced = home.json("trace", "entrusted-relief-gyeongbuk")
    types = [event["type"].split(".")[1] for event in traced["events"]]
    assert types == ["spending_proposed", "spending_decided", "spending_decided", "spending_committed", "payment_made"]
    assert [entry["event_type"] for entry in traced["entries"]] == [
        "disbursement.spending_committed.v1",
        "disbursement.payment_made.v1",
    ]


def test_loading_twice_changes_nothing(home: Home) -> None:
    def state() -> list[bytes]:
        return [home.report("2025-04-11"), home.run("verify").stdout, home.run("reconcile").stdout]

    before = state()
    home.load()
    assert state() == before


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
    later = system.gateway.call("ledger", "GET", "/goods", query={"as_of": "2030-01-01"}).body
    assert later["units"] == answer["units"], "what there is to practise with has not been sent anywhere"
    assert {row["item_id"]: row["item_english_name"] for row in answer["items"]}["drinks"] == "Drinks"
    here = system.gateway.call("inventory", "GET", "/totals", query={"as_of": "2025-04-11"}).body
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
        "dispatch", "GET", "/tasks/foreign-residents/summary", token=token_for("manager", Role.VOLUNTEER_MANAGER)
    ).body
    assert (summary["applied"], summary["nationalities"]) == (160, 18)


def test_one_more_won_is_refused_on_the_day_the_line_was_exhausted(system: Any) -> None:
    def call(path: str, duty: str, body: dict[str, Any], version: int | None = None) -> Any:
        return system.gateway.call(
            "disbursement",
            "POST",
            path,
            token=token_for(duty, Role.IMPORTER),
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
    call("/spending-proposals", "drafter", content)
    call("/spending-proposals/one-won/review", "reviewer", {}, 1)
    call("/spending-proposals/one-won/approve", "approver", {}, 2)
    refused = call("/spending-proposals/one-won/commit", "commitment-officer", {}, 3)
    assert refused.status == 409
    assert (refused.body["requested_won"], refused.body["available_won"], refused.body["short_by_won"]) == (1, 0, 1)
    assert "의회" in refused.body["detail"]


def test_the_api_gives_the_same_json_as_the_command_without_asking_who_asks(system: Any, embedded: Home) -> None:
    answer = system.gateway.call("ledger", "GET", "/execution", query={"as_of": "2025-04-11"}).body
    assert answer == json.loads(embedded.report("2025-04-11"))


def test_everything_of_the_report_has_an_english_name(system: Any) -> None:
    (row,) = system.gateway.call("ledger", "GET", "/execution", query={"as_of": "2025-04-11"}).body["rows"]
    assert (row["fund_english_name"], row["line_english_name"]) == (
        "Intercity cooperation fund",
        "Relief to other local governments",
    )
    for path in ("/disasters", "/bodies", "/regions", "/sites"):
        assert all(item["english_name"] for item in system.gateway.call("situation", "GET", path).body["items"]), path
    disaster = system.gateway.call("situation", "GET", "/disasters/2025-yeongnam-wildfires").body
    assert disaster["english_name"] == "2025 Yeongnam wildfires"
    assert {body["body_id"] for body in disaster["bodies"]} == {"city", "districts", "volunteer-centre", "red-cross"}


def test_money_says_where_it_went_and_to_whom(system: Any) -> None:
    auditor = token_for("auditor", Role.AUDITOR)
    answer = system.gateway.call("disbursement", "GET", "/spending-proposals", query={"state": "paid"}, token=auditor)
    paid = {row["id"]: (row["region_id"], row["party_id"], row["paid_won"]) for row in answer.body["items"]}
    assert paid["entrusted-relief-gyeongbuk"] == ("4700000000", "red-cross", 3_700_000_000)
    assert paid["entrusted-relief-gyeongnam"] == ("4800000000", "red-cross", 300_000_000)


def token_for(account: str, role: Role) -> str:
    actor = Actor(f"test-{account}", frozenset({Grant(role, "city")}))
    return issue_token(actor, signing_key=load_settings({}).signing_key, now=datetime.now(UTC))


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
    for key in ("DURE_SECRET", "DURE_SIGNING_KEY", "DURE_HOEM", "DURE_BUS_PARTITIONS", "DURE_BUS_URL"):
        assert key in said
