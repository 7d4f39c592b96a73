"""What the ledger does with what it is delivered: once, in order, and nothing vanishes."""

from typing import Any

import pytest
import sqlalchemy as sa

from services.ledger import consumers, operations, store
from services.ledger.consumers import Reading
from services.ledger.domain import Kind
from shared.auth import Role
from shared.events import Event
from tests.integration.ledger import MILLION, Money
from tests.support import fact

COMMITMENT = {"budget_line_id": "relief", "fund_id": "fund", "fiscal_year": 2025, "disaster_id": None}


def breaks(money: Money) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = money.ledger.get("/breaks", Role.AUDITOR).json["items"]
    return answer


def test_an_event_that_arrives_twice_counts_once(money: Money) -> None:
    money.spend("first", 100 * MILLION, "2025-03-25")
    money.settle()
    with money.source.write() as tx:
        tx.execute(sa.update(money.outbox).values(published_at=None))  # as after a crash before marking
    money.settle()
    assert money.execution("2025-04-11")["expended"] == 100 * MILLION
    assert breaks(money) == []
    assert money.verified()["valid"]


def test_the_same_event_id_with_other_content_is_a_break(money: Money) -> None:
    money.settle()
    with money.database.read() as tx:
        row = tx.execute(sa.select(store.inbox.events).limit(1)).one()
    event = Event.from_bytes(bytes(row.body))
    money.send(bytes(row.body).replace(event.correlation_id.encode(), b"someone-else"))
    money.settle()
    (found,) = breaks(money)
    assert (found["break_kind"], found["event_id"]) == ("conflict", event.id)


@pytest.mark.parametrize("raw", [b"not json at all", b'{"specversion":"1.0"}', b"[" * 100_000, b"\xff\xfe"])
def test_a_poison_record_is_parked_with_its_reason_and_the_rest_goes_on(money: Money, raw: bytes) -> None:
    money.send(raw)
    money.spend("after", 100 * MILLION, "2025-03-25")
    money.settle()
    assert money.execution("2025-04-11")["expended"] == 100 * MILLION
    (found,) = breaks(money)
    assert (found["break_kind"], found["owner"], found["is_open"]) == ("malformed", "disbursement", True)
    assert found["reason"]
    assert "break" in [finding["kind"] for finding in money.findings()]


def test_an_event_whose_content_cannot_be_posted_is_parked_alone(money: Money) -> None:
    money.send(fact("disbursement.payment_made.v1", COMMITMENT | {"amount_won": "viel"}, id="bad"))
    money.spend("good", 100 * MILLION, "2025-03-25")
    money.settle()
    assert money.execution("2025-04-11")["expended"] == 100 * MILLION
    (found,) = breaks(money)
    assert (found["break_kind"], found["event_id"]) == ("failed", "bad")
    assert "amount_won" in found["reason"]


def test_an_event_of_a_type_nobody_decided_on_does_not_vanish(money: Money) -> None:
    money.send(fact("disbursement.grant_awarded.v1", {"amount_won": 5}, id="new-kind"))
    money.settle()
    (found,) = breaks(money)
    assert (found["break_kind"], found["event_id"]) == ("unknown", "new-kind")
    assert "disbursement.grant_awarded.v1" in found["reason"]


def test_what_could_not_be_taken_in_is_taken_in_once_it_can_be_read(
    money: Money, monkeypatch: pytest.MonkeyPatch
) -> None:
    money.send(fact("disbursement.grant_awarded.v1", {"amount_won": 5}, id="new-kind"))
    money.settle()
    nothing = money.ledger.post("/retakes", {}, Role.ADMINISTRATOR)
    assert (nothing.status_code, nothing.json["items"]) == (200, [])
    monkeypatch.setitem(consumers.READINGS, "disbursement.grant_awarded.v1", Reading(Kind.DOCUMENT))
    (taken,) = money.ledger.post("/retakes", {}, Role.ADMINISTRATOR).json["items"]
    assert taken["event_id"] == "new-kind"
    (found,) = breaks(money)
    assert (found["is_open"], found["resolved_by"]) == (False, "x")
    assert money.ledger.post("/retakes", {}, Role.ADMINISTRATOR).json["items"] == []
    assert money.verified()["valid"]
    assert money.drift() == []


def test_a_break_has_an_owner_an_explanation_and_a_way_back(money: Money) -> None:
    money.send(b"not json at all")
    money.settle()
    (found,) = breaks(money)
    path = f"/differences/{found['id']}/notes"
    nobody = money.ledger.post(path, {"action": "assign", "reason": "원인 확인 중"}, Role.ADMINISTRATOR)
    assert (nobody.status_code, "owner" in nobody.json["detail"]) == (422, True)
    for note in (
        {"action": "assign", "owner": "operator-kim", "reason": "원인 확인 중"},
        {"action": "explain", "reason": "연습 중에 보낸 시험 자료"},
    ):
        assert money.ledger.post(path, note, Role.ADMINISTRATOR).status_code == 201
    (explained,) = breaks(money)
    assert (explained["owner"], explained["is_open"]) == ("operator-kim", False)
    assert explained["resolution"] == "연습 중에 보낸 시험 자료"
    reopened = {"action": "reopen", "reason": "시험 자료가 아니었음"}
    assert money.ledger.post(path, reopened, Role.ADMINISTRATOR).status_code == 201
    assert breaks(money)[0]["is_open"]
    again = money.ledger.post(path, reopened, Role.ADMINISTRATOR)
    assert (again.status_code, again.json["type"]) == (409, "urn:dure:problem:nothing-to-explain")
    said = money.ledger.get(path, Role.AUDITOR).json["items"]
    assert [note["action"] for note in said] == ["assign", "explain", "reopen"]


def test_the_ledger_posts_a_fact_that_breaks_a_limit_and_says_so(money: Money) -> None:
    money.send(fact("disbursement.spending_committed.v1", COMMITMENT | {"amount_won": 1001 * MILLION}, id="too-much"))
    money.settle()
    assert money.execution("2025-04-11")["committed"] == 1001 * MILLION
    (breach,) = [finding for finding in money.findings() if finding["kind"] == "limit_exceeded"]
    assert breach["over_by"] == MILLION


def test_money_of_another_year_is_a_finding(money: Money) -> None:
    data = COMMITMENT | {"amount_won": 350 * MILLION}
    money.send(fact("disbursement.spending_committed.v1", data, id="late", on="2026-01-05"))
    money.settle()
    assert "other_fiscal_year" not in [finding["kind"] for finding in money.findings("2025-12-31")]
    (found,) = [finding for finding in money.findings("2026-01-31") if finding["kind"] == "other_fiscal_year"]
    assert (found["line_id"], found["amount"], found["effective_date"]) == ("relief", 350 * MILLION, "2026-01-05")
    assert "350,000,000" in found["sentence"]


@pytest.mark.parametrize(
    ("type_", "data", "kind", "id_"),
    [
        (
            "inventory.stock_received.v1",
            {"item_id": "tent", "lot_id": "l", "unit": "동", "quantity": 5},
            "item",
            "tent",
        ),
        (
            "inventory.shipment_dispatched.v1",
            {
                "disaster_id": "nowhere",
                "lines": [{"item_id": "tent", "lot_id": "l", "unit": "동", "quantity": 5}],
            },
            "disaster",
            "nowhere",
        ),
        ("dispatch.volunteer_applied.v1", {"task_id": "task", "shift_id": "s", "quantity": 1}, "task", "task"),
        (
            "dispatch.volunteer_applied.v1",
            {"task_id": "task", "shift_id": "s", "quantity": 1, "region_id": "9999999999"},
            "region",
            "9999999999",
        ),
        (
            "disbursement.payment_made.v1",
            COMMITMENT | {"amount_won": 1, "party_id": "somebody"},
            "body",
            "somebody",
        ),
    ],
)
def test_what_names_something_nobody_registered_is_a_finding(
    money: Money, type_: str, data: dict[str, Any], kind: str, id_: str
) -> None:
    money.send(fact(type_, data))
    money.settle()
    found = [finding for finding in money.findings() if finding["kind"] == f"unknown_{kind}"]
    assert id_ in [finding["id_of_unknown"] for finding in found]


def test_goods_counted_in_won_never_appear_as_money(money: Money) -> None:
    lot = {"item_id": "relief", "lot_id": "l", "unit": "KRW", "quantity": 7}
    money.send(fact("inventory.stock_received.v1", lot))
    money.settle()
    assert money.execution("2025-04-11")["current_appropriation"] == 1000 * MILLION
    (line,) = money.ledger.get("/reconciliation?as_of=2025-04-11", Role.AUDITOR).json["lines"]
    assert (line["line_id"], line["expended"]) == ("relief", 0)


def test_an_explanation_ends_with_the_amount_it_was_given_for(money: Money) -> None:
    money.spend("other-relief", 500 * MILLION, "2025-03-25")
    money.settle()
    (found,) = [finding for finding in money.findings() if finding["kind"] == "unattributed"]
    assert (found["severity"], found["is_open"], found["amount"]) == ("explain", True, 500 * MILLION)
    note = {"action": "explain", "reason": "보고서에 내역이 없는 그 밖의 구호"}
    assert money.ledger.post(f"/differences/{found['id']}/notes", note, Role.BUDGET_OFFICER).status_code == 201
    (explained,) = [finding for finding in money.findings() if finding["kind"] == "unattributed"]
    assert (explained["is_open"], explained["resolution"]) == (False, note["reason"])
    money.spend("more", 1 * MILLION, "2025-03-26")
    money.settle()
    (grown,) = [finding for finding in money.findings() if finding["kind"] == "unattributed"]
    assert (grown["is_open"], grown["amount"]) == (True, 501 * MILLION)


def test_the_ledger_counts_what_the_owner_counts(money: Money) -> None:
    money.spend("first", 600 * MILLION, "2025-03-25")
    money.spend("open", 100 * MILLION, "2025-03-25", until="commit")
    money.settle()
    counted = money.ledger.get("/counts", Role.AUDITOR).json["items"]
    (owned,) = money.disbursement.get("/balances", Role.AUDITOR).json["items"]
    assert {row["measure"]: row["amount"] for row in counted} == {
        name: owned[name] for name in ("current_appropriation", "committed", "paid")
    }
    assert {(row["kind"], row["id"]) for row in counted} == {("budget_line", "relief")}


def test_partitions_of_one_batch_are_one_posting(money: Money) -> None:
    money.spend("first", 600 * MILLION, "2025-03-25")
    money.spend("second", 100 * MILLION, "2025-03-25")
    while money.relay.run_once():
        pass
    money.settle()
    with money.database.read() as tx:
        numbers = tx.execute(sa.select(store.postings.c.number).order_by(store.postings.c.number)).scalars().all()
        assert len(operations.chains(tx)) == len(numbers) > 1
    assert set(numbers) == {1}
