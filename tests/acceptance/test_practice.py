"""What the demo lets its visitors try: it works today, and moves none of the published figures."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from services import standalone
from services.portal import demo
from shared.clock import seoul_date
from shared.config import load_settings
from tests.acceptance.conftest import Home, embedded_home

TODAY = seoul_date(datetime.now(UTC))
YEAR = TODAY.year
LINE = f"practice-relief-{YEAR}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = embedded_home(tmp_path_factory.mktemp("practice"))
    filled = home.run("demo")
    assert filled.returncode == 0, filled.stderr.decode()[-2000:]
    return home


class Visitors:
    """People who sign in with the demo's accounts, or with none."""

    keys = count(1)

    def __init__(self, system: standalone.Standalone) -> None:
        self.system = system

    def ask(self, account: str | None, service: str, path: str, body: Any = None, **options: Any) -> Any:
        method, token = ("GET" if body is None else "POST"), self.token(account) if account else None
        key = f"visitor-{next(self.keys)}"
        return self.system.gateway.call(service, method, path, json=body, token=token, key=key, **options)

    def token(self, account: str) -> Any:
        given = {"account": account, "password": demo.PASSWORD}
        return self.system.gateway.call("situation", "POST", "/tokens", json=given).body["token"]


@pytest.fixture(scope="module")
def visitors(home: Home) -> Iterator[Visitors]:
    system = standalone.create_app(load_settings(home.environment))
    yield Visitors(system)
    system.close()


def test_one_waiting_document_is_committed_and_one_refused_by_what_is_missing(visitors: Visitors) -> None:
    path = "/spending-proposals/practice-{}-" + str(YEAR)
    waiting = visitors.ask("reviewer", "disbursement", "/spending-proposals").body["items"]
    states = sorted(document["state"] for document in waiting if document["budget_line_id"] == LINE)
    assert states == ["approved", "approved", "proposed", "reviewed"]
    committed = visitors.ask(
        "commitment-officer", "disbursement", path.format("relief-goods") + "/commit", {}, version=3
    )
    assert (committed.status, committed.body["state"]) == (200, "committed")
    refused = visitors.ask("commitment-officer", "disbursement", path.format("too-much") + "/commit", {}, version=3)
    assert (refused.status, refused.body["short_by_won"]) == (409, 350_000_000)
    payment = {"amount_won": 150_000_000}
    paid = visitors.ask(
        "payment-officer", "disbursement", path.format("relief-goods") + "/payments", payment, version=4
    )
    assert (paid.status, paid.body["state"]) == (201, "paid")


def test_the_coordinator_answers_the_open_request_from_the_depot(visitors: Visitors) -> None:
    (request,) = visitors.ask("coordinator", "inventory", "/requests").body["items"]
    shipment = {name: request[name] for name in ("disaster_id", "region_id", "site_id")}
    shipment |= {"depot_id": "city-depot", "request_id": request["id"], "dispatch_now": True}
    shipment |= {"lines": [{"item_id": request["item_id"], "quantity": request["quantity"]}]}
    sent = visitors.ask("coordinator", "inventory", "/shipments", shipment)
    assert (sent.status, sent.body["state"]) == (201, "dispatched")


def test_a_volunteer_finds_an_open_shift_and_the_centre_sees_the_sign_up(visitors: Visitors) -> None:
    (task,) = [task for task in visitors.ask(None, "dispatch", "/tasks").body["items"] if "practice" in task["id"]]
    (shift,) = task["shifts"]
    assert datetime.fromisoformat(shift["starts_at"]) > datetime.now(UTC)
    person = {"name": "홍길동", "phone": "010-0000-9999", "consent": True}
    signed_up = visitors.ask(None, "dispatch", f"/shifts/{shift['id']}/sign-ups", person)
    assert (signed_up.status, signed_up.body["state"]) == (201, "confirmed")
    roster = visitors.ask("volunteer-manager", "dispatch", f"/shifts/{shift['id']}/sign-ups").body["items"]
    assert [row["id"] for row in roster] == [signed_up.body["id"]]


def test_what_visitors_did_today_moves_no_figure_that_was_published(
    home: Home, visitors: Visitors, embedded: Home
) -> None:
    visitors.system.drain()
    assert home.report("2025-04-11") == embedded.report("2025-04-11")
    assert home.report("2025-12-31") == embedded.report("2025-12-31")
    published = {"동": 549, "대": 13, "개": 722_608}
    goods = visitors.ask(None, "ledger", "/goods", query={"as_of": "2025-04-11"}).body
    assert {row["unit"]: row["dispatched"] for row in goods["units"]} == published
    today = visitors.ask(None, "ledger", "/goods").body
    assert {row["unit"]: row["dispatched"] for row in today["units"]} == published | {"개": 722_608 + 50}
    people = visitors.ask(None, "ledger", "/people", query={"as_of": "2025-04-11"}).body
    assert people["confirmed"] == 156
    reconciled = home.run("reconcile")
    assert reconciled.returncode == 0, reconciled.stdout.decode()
    assert [line["line_id"] for line in json.loads(reconciled.stdout)["lines"] if line["line_id"] != LINE] == [
        "relief-to-other-governments-2025"
    ]


def test_a_demo_that_is_there_is_left_as_it_is(home: Home) -> None:
    before = home.run("verify").stdout
    assert home.run("demo").returncode == 0
    assert home.run("verify").stdout == before
