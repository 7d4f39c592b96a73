"""The main job: money from a proposal to the execution report, through outbox, bus and inbox."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from services.ledger import rebuilding, store
from shared.auth import Role
from tests.integration.ledger import MILLION, Money


def test_the_report_follows_appropriations_and_payments_by_date(money: Money) -> None:
    money.spend("first", 1000 * MILLION, "2025-03-25")
    money.appropriate(5000 * MILLION, "2025-04-03", "emergency_appropriation")
    money.spend("second", 4000 * MILLION, "2025-04-07")
    money.settle()
    before, voted, after = (money.execution(day) for day in ("2025-03-25", "2025-04-03", "2025-04-11"))
    assert (before["current_appropriation"], before["expended"], before["expenditure_rate"]) == (10**9, 10**9, "100.0")
    assert (voted["current_appropriation"], voted["expended"], voted["expenditure_rate"]) == (6 * 10**9, 10**9, "16.7")
    assert (after["committed"], after["expended"], after["commitment_rate"]) == (5 * 10**9, 5 * 10**9, "83.3")
    assert after["original_appropriation"] == 10**9


def test_a_commitment_on_an_exhausted_day_is_refused_although_money_came_later(money: Money) -> None:
    money.spend("first", 1000 * MILLION, "2025-03-25")
    money.appropriate(5000 * MILLION, "2025-04-03", "emergency_appropriation")
    refused = money.spend("one-won", 1, "2025-04-02", until="commit")
    assert refused.status_code == 409
    problem = refused.json
    assert problem["type"] == "urn:dure:problem:over-commitment"
    assert (problem["requested_won"], problem["available_won"], problem["short_by_won"]) == (1, 0, 1)
    assert "심의위원회" in problem["who_may_decide"]


def test_a_commitment_never_takes_what_a_later_one_already_holds(money: Money) -> None:
    money.spend("late", 900 * MILLION, "2025-04-10")
    refused = money.spend("early", 200 * MILLION, "2025-02-01", until="commit")
    assert refused.status_code == 409
    assert refused.json["available_won"] == 100 * MILLION


def test_a_committed_but_unpaid_amount_shows_on_one_basis_only(money: Money) -> None:
    money.spend("open", 300 * MILLION, "2025-03-25", until="commit")
    money.settle()
    row = money.execution("2025-04-11")
    assert (row["committed"], row["expended"]) == (300 * MILLION, 0)
    assert (row["commitment_rate"], row["expenditure_rate"]) == ("30.0", "0.0")
    assert (row["uncommitted_balance"], row["unpaid_balance"]) == (700 * MILLION, 1000 * MILLION)


def test_money_that_came_back_restores_the_line_by_a_linked_reversal(money: Money) -> None:
    money.spend("first", 1000 * MILLION, "2025-03-25")
    back = {"amount_won": 400 * MILLION, "reason": "집행잔액 반납", "effective_date": "2025-04-08"}
    assert money.imports("/payments/first-payment/reversals", back, "payments").status_code == 201
    too_much = money.imports("/payments/first-payment/reversals", back | {"amount_won": 601 * MILLION}, "payments")
    assert (too_much.status_code, too_much.json["reversible_won"]) == (409, 600 * MILLION)
    money.settle()
    assert money.execution("2025-04-07")["expended"] == 1000 * MILLION
    assert money.execution("2025-04-08")["expended"] == 600 * MILLION
    assert money.spend("again", 400 * MILLION, "2025-04-09").status_code == 201


def test_a_figure_leads_to_its_entries_and_they_to_their_events(money: Money) -> None:
    where = {"region_id": "4700000000", "party_id": "red-cross", "relief_stage": "recovery"}
    money.spend("first", 600 * MILLION, "2025-03-25", disaster_id="2025-yeongnam-wildfires", **where)
    money.spend("second", 400 * MILLION, "2025-03-26")
    money.settle()
    answer = money.ledger.get("/entries?budget_line_id=relief&measure=expended&as_of=2025-04-11", Role.AUDITOR).json
    assert answer["sum"] == 1000 * MILLION
    first, second = answer["items"]
    assert (first["amount"], second["amount"]) == (600 * MILLION, 400 * MILLION)
    assert (first["account"], first["body_id"]) == ("payments", "city")
    for name in (first["name"], first["number"]):  # as a person says it, and as a machine does
        assert money.ledger.get(f"/trace/{name}", Role.AUDITOR).json["kind"] == "entry"
    traced = money.ledger.get(f"/trace/{first['event_id']}", Role.AUDITOR).json
    types = [event["type"].split(".")[1] for event in traced["events"]]
    assert types == ["spending_proposed", "spending_decided", "spending_decided", "spending_committed", "payment_made"]
    assert [event["account"] for event in traced["events"]] == ["drafter", "review", "approve", "commit", "payments"]
    assert money.ledger.get("/trace/first-payment", Role.AUDITOR).json["events"] == traced["events"]
    dimensions = {"disaster_id": "2025-yeongnam-wildfires", "fund_id": "fund", "fiscal_year": 2025, **where}
    paid = {"commodity": "KRW", "object_id": "relief", **dimensions}
    assert [{**line, "entry": number} for number, entry in enumerate(traced["entries"]) for line in entry["lines"]] == [
        {"entry": entry, "account": account, "amount": amount, **paid}
        for entry, account, amount in (
            (0, "B200", 600 * MILLION),
            (0, "B300", -600 * MILLION),
            (1, "B300", 600 * MILLION),
            (1, "B400", -600 * MILLION),
            (1, "F500", 600 * MILLION),
            (1, "F100", -600 * MILLION),
        )
    ]


def test_entries_of_a_figure_come_in_pages_by_date(money: Money) -> None:
    for number in range(5):
        money.spend(f"document-{number}", MILLION, f"2025-03-{25 - number}")
    money.settle()
    path = "/entries?budget_line_id=relief&measure=expended&as_of=2025-04-11&limit=2"
    pages: list[list[str]] = []
    after: int | None = 0
    while after is not None:
        answer = money.ledger.get(f"{path}&after={after}", Role.AUDITOR).json
        pages.append([item["subject"] for item in answer["items"]])
        after = answer["next"]
    assert pages == [["document-4", "document-3"], ["document-2", "document-1"], ["document-0"]]


def test_an_id_that_names_two_kinds_of_things_is_asked_for_by_kind(money: Money) -> None:
    money.spend("relief", MILLION, "2025-03-25")  # a document with the id of its line
    money.settle()
    ambiguous = money.ledger.get("/trace/relief", Role.AUDITOR)
    assert (ambiguous.status_code, ambiguous.json["kinds"]) == (409, "budget_line, document")
    document = money.ledger.get("/trace/relief?kind=document", Role.AUDITOR).json
    assert {event["subject_kind"] for event in document["events"]} == {"document"}
    line = money.ledger.get("/trace/relief?kind=budget_line", Role.AUDITOR).json
    assert {event["subject_kind"] for event in line["events"]} == {"budget_line", "document"}  # it was spent of


def test_the_report_tells_what_the_ledger_knew_at_an_earlier_moment(money: Money) -> None:
    money.settle()
    known = moment(money)
    money.clock.set(money.clock.now() + timedelta(hours=1))
    money.spend("late", 100 * MILLION, "2025-03-25")
    money.settle()
    assert money.execution("2025-04-11")["expended"] == 100 * MILLION
    assert money.execution("2025-04-11", known)["expended"] == 0
    assert money.execution("2025-04-11", moment(money))["expended"] == 100 * MILLION


def test_what_was_known_is_answered_alike_for_ever_though_an_event_comes_late_or_a_clock_goes_back(
    money: Money,
) -> None:
    money.settle()
    money.spend("recorded-before", 100 * MILLION, "2025-03-25")  # recorded now, published and posted only later
    asked = moment(money)
    first = money.execution("2025-04-11", asked)
    assert first["expended"] == 0
    money.clock.set(money.clock.now() - timedelta(days=3))
    money.settle()
    assert money.execution("2025-04-11", asked) == first
    assert money.execution("2025-04-11")["expended"] == 100 * MILLION


def test_what_will_be_known_is_not_answered(money: Money) -> None:
    refused = money.ledger.get(f"/execution?known_at={moment(money, seconds=1)}")
    assert (refused.status_code, refused.json["type"]) == (422, "urn:dure:problem:known-at-in-future")


def test_entries_of_a_figure_are_those_known_at_the_moment(money: Money) -> None:
    money.spend("first", 100 * MILLION, "2025-03-25")
    money.settle()
    known = moment(money)
    money.clock.set(money.clock.now() + timedelta(minutes=1))
    money.spend("second", 50 * MILLION, "2025-03-26")
    money.settle()
    path = "/entries?budget_line_id=relief&measure=expended&as_of=2025-04-11"
    assert money.ledger.get(path, Role.AUDITOR).json["sum"] == 150 * MILLION
    assert money.ledger.get(f"{path}&known_at={known}", Role.AUDITOR).json["sum"] == 100 * MILLION


def test_a_rename_shows_in_later_reports_and_not_in_earlier_ones(money: Money) -> None:
    money.settle()
    before_rename = moment(money)
    money.clock.set(money.clock.now() + timedelta(minutes=1))
    new = {"name": "타 지자체 구호지원", "english_name": "Relief to other governments", "effective_date": "2025-04-01"}
    line = money.disbursement.get("/budget-lines/relief", Role.BUDGET_OFFICER).json
    assert money.imports("/budget-lines/relief/names", new, version=line["version"]).status_code == 201
    money.settle()
    assert money.execution("2025-03-31")["line_name"] == "구호지원"
    renamed = money.execution("2025-04-01")
    assert (renamed["line_name"], renamed["line_english_name"]) == ("타 지자체 구호지원", "Relief to other governments")
    assert money.execution("2025-04-01", before_rename)["line_name"] == "구호지원"


def test_projections_are_disposable(money: Money) -> None:
    money.spend("first", 600 * MILLION, "2025-03-25")
    money.settle()
    before = money.execution("2025-04-11")
    with money.database.write() as tx:
        tx.execute(sa.update(store.balances).values(amount=1))
        tx.execute(sa.delete(store.names))
    assert money.drift()
    with money.database.write() as tx:
        rebuilding.rebuild(tx)
    assert money.execution("2025-04-11") == before
    assert money.drift() == []


def moment(money: Money, seconds: int = 0) -> str:
    return (money.clock.now() + timedelta(seconds=seconds)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_moments_of_these_tests_are_whole_seconds(money: Money) -> None:
    assert datetime.fromisoformat(moment(money)) == money.clock.now()
