"""The main job: money from a proposal to the execution report, through outbox, bus and inbox."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.disbursement.app import create_app as create_disbursement
from services.ledger import store
from services.ledger.app import create_app as create_ledger
from services.ledger.app import create_reader
from services.ledger.verification import check_rebuild, rebuild
from shared.auth import Role
from shared.bus import Bus, Record, open_bus
from shared.config import Settings
from shared.events import Event
from shared.http import EXTENSION
from shared.outbox import Relay
from tests.support import Caller, FixedClock

TOPIC = "relief.disbursement.v1"
MILLION = 1_000_000


@dataclass
class Money:
    """disbursement and ledger with the bus between them."""

    disbursement: Caller
    ledger: Caller
    bus: Bus
    clock: FixedClock

    def __post_init__(self) -> None:
        source = self.disbursement.client.application.extensions[EXTENSION]
        self.database = self.ledger.client.application.extensions[EXTENSION].database
        self.relay = Relay(source.database, source.outbox, self.bus, self.clock)
        self.reader = create_reader(self.database, self.bus, self.clock)

    def settle(self) -> None:
        """Publish and post everything."""
        while self.relay.run_once() or not self.reader.is_caught_up():
            self.reader.run_once(timeout_seconds=0.01)

    def appropriate(self, amount_won: int, on: str, kind: str = "original_appropriation") -> Any:
        body = {"kind": kind, "amount_won": amount_won, "effective_date": on}
        if kind != "original_appropriation":
            body |= {"authority_reference": "의회 의결", "decided_on": on}
        return self.disbursement.post("/budget-lines/relief/appropriations", body, Role.ADMINISTRATOR, Role.IMPORTER)

    def spend(self, id_: str, amount_won: int, on: str, until: str = "payments", **content: Any) -> Any:
        """Take a document through its duties; return the last answer."""
        body = {
            "id": id_,
            "budget_line_id": "relief",
            "amount_won": amount_won,
            "purpose": "구호",
            "payee": "대한적십자사",
        }
        answer = self.disbursement.post(
            "/spending-proposals", body | content | {"effective_date": on}, Role.DRAFTER, Role.IMPORTER, account="d"
        )
        duties = {
            "review": Role.REVIEWER,
            "approve": Role.APPROVER,
            "commit": Role.COMMITMENT_OFFICER,
            "payments": Role.PAYMENT_OFFICER,
        }
        for action, role in duties.items():
            step: dict[str, Any] = {"effective_date": on}
            if action == "payments":
                step |= {"amount_won": amount_won, "id": f"{id_}-payment"}
            answer = self.disbursement.post(
                f"/spending-proposals/{id_}/{action}",
                step,
                role,
                Role.IMPORTER,
                account=action,
                version=answer.json["version"],
            )
            if action == until or answer.status_code >= 400:
                return answer
        return answer

    def execution(self, as_of: str, known_at: str | None = None) -> dict[str, Any]:
        query = f"/execution?as_of={as_of}" + (f"&known_at={known_at}" if known_at else "")
        (row,) = self.ledger.get(query, Role.AUDITOR).json["rows"]
        return dict(row)


@pytest.fixture
def money(settings: Settings, clock: FixedClock) -> Iterator[Money]:
    bus = open_bus(settings.bus_url)
    bus.create_topics(["relief.disbursement.v1", "relief.dispatch.v1", "relief.inventory.v1", "relief.situation.v1"])
    apps = create_disbursement(settings, clock), create_ledger(settings, clock)
    callers = [Caller(app, app.name, settings, clock) for app in apps]
    opened = Money(callers[0], callers[1], bus, clock)
    opened.disbursement.post(
        "/funds", {"id": "fund", "name": "지역교류협력기금", "fund_type": "fund"}, Role.ADMINISTRATOR
    )
    line = {"id": "relief", "fund_id": "fund", "fiscal_year": 2025, "name": "구호지원", "policy_program": "교류"}
    opened.disbursement.post("/budget-lines", line, Role.ADMINISTRATOR)
    opened.appropriate(1000 * MILLION, "2025-01-01")
    yield opened
    opened.reader.close()
    opened.relay.close()
    for app in apps:
        app.extensions[EXTENSION].database.close()


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
    reversal = money.disbursement.post(
        "/payments/first-payment/reversals", back, Role.PAYMENT_OFFICER, Role.IMPORTER, account="payments"
    )
    assert reversal.status_code == 201
    too_much = money.disbursement.post(
        "/payments/first-payment/reversals",
        back | {"amount_won": 601 * MILLION},
        Role.PAYMENT_OFFICER,
        Role.IMPORTER,
        account="payments",
    )
    assert (too_much.status_code, too_much.json["reversible_won"]) == (409, 600 * MILLION)
    money.settle()
    assert money.execution("2025-04-07")["expended"] == 1000 * MILLION
    assert money.execution("2025-04-08")["expended"] == 600 * MILLION
    assert money.spend("again", 400 * MILLION, "2025-04-09").status_code == 201


def test_the_report_tells_what_was_known_at_an_earlier_moment(money: Money) -> None:
    money.settle()
    known = money.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    money.clock.set(money.clock.now() + timedelta(hours=1))
    money.spend("late", 100 * MILLION, "2025-03-25")
    money.settle()
    assert money.execution("2025-04-11")["expended"] == 100 * MILLION
    assert money.execution("2025-04-11", known)["expended"] == 0


def test_a_figure_leads_to_its_entries_and_they_to_their_events(money: Money) -> None:
    money.spend("first", 600 * MILLION, "2025-03-25")
    money.spend("second", 400 * MILLION, "2025-03-26")
    money.settle()
    answer = money.ledger.get("/entries?budget_line_id=relief&measure=expended&as_of=2025-04-11", Role.AUDITOR).json
    assert answer["sum"] == 1000 * MILLION
    first, second = sorted(answer["items"], key=lambda item: item["effective_date"])
    assert (first["amount"], second["amount"]) == (600 * MILLION, 400 * MILLION)
    traced = money.ledger.get(f"/trace/{first['event_id']}", Role.AUDITOR).json
    types = [event["type"].split(".")[1] for event in traced["events"]]
    assert types == ["spending_proposed", "spending_decided", "spending_decided", "spending_committed", "payment_made"]
    assert money.ledger.get("/trace/first-payment", Role.AUDITOR).json["events"] == traced["events"]
    paid = {"commodity": "KRW", "object_id": "relief", "disaster_id": ""}
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


def test_an_event_that_arrives_twice_counts_once(money: Money) -> None:
    money.spend("first", 100 * MILLION, "2025-03-25")
    source = money.disbursement.client.application.extensions[EXTENSION]
    money.settle()
    with source.database.write() as tx:
        tx.execute(sa.update(source.outbox).values(published_at=None))  # as after a crash before marking
    money.settle()
    assert money.execution("2025-04-11")["expended"] == 100 * MILLION
    with money.database.read() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(store.inbox.breaks)).scalar() == 0


def test_the_same_event_id_with_other_content_is_a_break(money: Money) -> None:
    money.settle()
    with money.database.read() as tx:
        row = tx.execute(sa.select(store.inbox.events).limit(1)).one()
    event = Event.from_bytes(bytes(row.body))
    changed = bytes(row.body).replace(event.correlation_id.encode(), b"someone-else")
    money.bus.producer().send([Record(TOPIC, event.subject, changed)])
    money.settle()
    (found,) = money.ledger.get("/breaks", Role.AUDITOR).json["items"]
    assert (found["kind"], found["event_id"]) == ("conflict", event.id)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"not json at all", "malformed"),
        (b'{"specversion":"1.0"}', "malformed"),
        (b"[" * 100_000, "malformed"),
    ],
)
def test_a_poison_record_is_parked_with_its_reason_and_the_rest_goes_on(money: Money, raw: bytes, kind: str) -> None:
    money.bus.producer().send([Record(TOPIC, "relief", raw)])
    money.spend("after", 100 * MILLION, "2025-03-25")
    money.settle()
    assert money.execution("2025-04-11")["expended"] == 100 * MILLION
    (found,) = money.ledger.get("/breaks", Role.AUDITOR).json["items"]
    assert found["kind"] == kind
    assert found["reason"]
    findings = money.ledger.get("/reconciliation", Role.AUDITOR).json["findings"]
    assert "break" in [finding["kind"] for finding in findings]


def test_an_event_whose_content_cannot_be_posted_is_parked_alone(money: Money) -> None:
    bad = Event(
        id="bad",
        source="/dure/disbursement",
        type="disbursement.payment_made.v1",
        time=datetime(2025, 4, 1, tzinfo=UTC),
        subject="x",
        effective_date=date(2025, 4, 1),
        correlation_id="c",
        causation_id=None,
        aggregate_version=1,
        data={"amount_won": "viel", "budget_line_id": "relief"},
    )
    money.bus.producer().send([Record(TOPIC, "x", bad.to_bytes())])
    money.spend("good", 100 * MILLION, "2025-03-25")
    money.settle()
    assert money.execution("2025-04-11")["expended"] == 100 * MILLION
    (found,) = money.ledger.get("/breaks", Role.AUDITOR).json["items"]
    assert (found["kind"], found["event_id"]) == ("failed", "bad")
    assert "amount_won" in found["reason"]


def test_the_ledger_posts_a_fact_that_breaks_a_limit_and_says_so(money: Money) -> None:
    event = Event(
        id="too-much",
        source="/dure/disbursement",
        type="disbursement.spending_committed.v1",
        time=datetime(2025, 4, 1, tzinfo=UTC),
        subject="x",
        effective_date=date(2025, 4, 1),
        correlation_id="c",
        causation_id=None,
        aggregate_version=1,
        data={"amount_won": 1001 * MILLION, "budget_line_id": "relief", "disaster_id": None},
    )
    money.bus.producer().send([Record(TOPIC, "x", event.to_bytes())])
    money.settle()
    assert money.execution("2025-04-11")["committed"] == 1001 * MILLION
    findings = money.ledger.get("/reconciliation?as_of=2025-04-11", Role.AUDITOR).json["findings"]
    (breach,) = [finding for finding in findings if finding["kind"] == "limit_exceeded"]
    assert breach["over_by"] == MILLION


def test_the_database_refuses_to_change_the_journal(money: Money) -> None:
    money.settle()
    for table in (store.journal_entries, store.journal_lines, store.inbox.events):
        for statement in (sa.delete(table), sa.update(table).values({list(table.c)[1]: 9})):
            with pytest.raises(sa.exc.DBAPIError, match="append-only"), money.database.write() as tx:
                tx.execute(statement)


def test_the_database_refuses_an_entry_that_does_not_balance(money: Money) -> None:
    entry = {
        "event_id": "made-up",
        "event_type": "t",
        "event_hash": "h",
        "chain": "c",
        "sequence": 1,
        "subject": "s",
        "effective_date": date(2025, 1, 1),
        "recorded_at": datetime(2025, 1, 1, tzinfo=UTC),
        "previous_hash": "p",
        "hash": "h",
    }
    line = {
        "event_id": "made-up",
        "position": 0,
        "account": "B110",
        "commodity": "KRW",
        "object_id": "relief",
        "disaster_id": "",
        "amount": 5,
    }

    def write(*lines: dict[str, Any]) -> None:
        with money.database.write() as tx:
            for row in lines:
                tx.execute(sa.insert(store.journal_lines), [row])
            tx.execute(sa.insert(store.journal_entries), [entry])

    with pytest.raises(sa.exc.DBAPIError, match="balance"):
        write(line)
    with pytest.raises(sa.exc.DBAPIError, match="balance"):
        write()
    with pytest.raises(sa.exc.DBAPIError, match="balance"):
        write(line, line | {"position": 1, "commodity": "동", "amount": -5})


def test_the_database_refuses_lines_added_to_an_existing_entry(money: Money) -> None:
    money.settle()
    with money.database.read() as tx:
        event_id = tx.execute(sa.select(store.journal_entries.c.event_id).limit(1)).scalar_one()
    more = {
        "event_id": event_id,
        "position": 9,
        "account": "B110",
        "commodity": "KRW",
        "object_id": "relief",
        "disaster_id": "",
        "amount": 5,
    }
    with pytest.raises(sa.exc.DBAPIError, match="cannot be added"), money.database.write() as tx:
        tx.execute(sa.insert(store.journal_lines), [more])


def test_the_chain_verifies_and_a_rebuild_finds_no_drift(money: Money) -> None:
    money.spend("first", 600 * MILLION, "2025-03-25")
    money.settle()
    verified = money.ledger.get("/verification", Role.AUDITOR).json
    assert verified["valid"]
    assert verified["entries"] == 3
    with money.database.read() as tx:
        assert check_rebuild(tx) == {"entries": 3, "drift": [], "clean": True}


def test_a_changed_amount_is_found_by_the_chain_and_by_the_rebuild(money: Money) -> None:
    money.spend("first", 600 * MILLION, "2025-03-25")
    money.settle()
    with money.database.write() as tx:
        if money.database.is_sqlite:
            tx.execute(sa.text("DROP TRIGGER journal_lines_no_update"))
        else:
            tx.execute(sa.text("ALTER TABLE journal_lines DISABLE TRIGGER journal_lines_append_only"))
        lines = store.journal_lines
        tx.execute(sa.update(lines).where(lines.c.account == "B400").values(amount=lines.c.amount - 1))
        tx.execute(sa.update(lines).where(lines.c.account == "B300").values(amount=lines.c.amount + 1))
    verified = money.ledger.get("/verification", Role.AUDITOR).json
    assert not verified["valid"]
    assert "hash" in verified["first_broken"]["reason"]
    with money.database.read() as tx:
        assert {row["kind"] for row in check_rebuild(tx)["drift"]} == {"journal", "balance"}


def test_projections_are_disposable(money: Money) -> None:
    money.spend("first", 600 * MILLION, "2025-03-25")
    money.settle()
    before = money.execution("2025-04-11")
    with money.database.write() as tx:
        tx.execute(sa.update(store.balances).values(amount=1))
        tx.execute(sa.delete(store.names))
    with money.database.read() as tx:
        assert not check_rebuild(tx)["clean"]
    with money.database.write() as tx:
        rebuild(tx)
    assert money.execution("2025-04-11") == before
    with money.database.read() as tx:
        assert check_rebuild(tx)["clean"]
