"""A small relief operation recorded through the APIs, for tests that look at it through the portal."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.portal import demo
from shared.auth import Actor, Role, issue_token
from shared.clock import Clock, format_utc, seoul_date
from shared.gateway import Gateway

LINE = "relief-line"
PAID_DOCUMENT = "suppression-relief"
SHORT_DOCUMENT = "further-relief"
TASK = "tents"
SHIFT = "tents-shift"
SELECTED_TASK = "foreign-residents"
SELECTED_SHIFT = "foreign-residents-shift"


@dataclass
class Office:
    """Writes as any role, the way the people themselves would; every step by an account of its own."""

    gateway: Gateway
    secret: str
    clock: Clock
    calls: int = 0

    def post(self, service: str, path: str, body: dict[str, Any], role: Role, version: int | None = None) -> Any:
        self.calls += 1
        account = f"office-{role.value.replace('_', '-')}"
        reply = self.gateway.call(
            service,
            "POST",
            path,
            token=issue_token(Actor(account, frozenset({role})), secret=self.secret, now=self.clock.now()),
            json=body,
            key=f"seed-{self.calls}",
            version=version,
        )
        assert reply.ok, reply.body
        return reply.body


def seed(gateway: Gateway, secret: str, clock: Clock) -> None:
    """Demo accounts, goods, a line with 500 of its 1,000 million won paid, a document it cannot bear, two tasks."""
    office = Office(gateway, secret, clock)
    add_accounts_and_places(office)
    add_goods(office)
    add_money(office)
    add_tasks(office)


def add_accounts_and_places(office: Office) -> None:
    for account in demo.ACCOUNTS:
        body = {"id": account.id, "display_name": account.display_name, "password": demo.PASSWORD}
        office.post("situation", "/accounts", {**body, "roles": [account.role.value]}, Role.ADMINISTRATOR)
    today = seoul_date(office.clock.now()).isoformat()
    fires = {"id": "wildfires", "name": "영남권 대형 산불", "kind": "wildfire", "began_on": today}
    office.post("situation", "/disasters", fires, Role.ADMINISTRATOR)
    andong = {"id": "andong", "name": "안동시", "province": "경상북도"}
    office.post("situation", "/regions", andong, Role.ADMINISTRATOR)


def add_goods(office: Office) -> None:
    office.post("inventory", "/depots", {"id": "depot", "name": "시 구호물품 창고"}, Role.COORDINATOR)
    for code, name, unit, quantity in (("tent", "쉘터(텐트)", "동", 10), ("water", "음료", "개", 100)):
        office.post("inventory", "/items", {"id": code, "name": name, "unit": unit}, Role.COORDINATOR)
        receipt = {"item_id": code, "depot_id": "depot", "quantity": quantity, "source": "시 비축"}
        office.post("inventory", "/receipts", receipt, Role.COORDINATOR)


def add_money(office: Office) -> None:
    year = seoul_date(office.clock.now()).year
    fund = {"id": "fund", "name": "지역교류협력기금", "fund_type": "fund"}
    line = {"id": LINE, "fund_id": "fund", "fiscal_year": year, "name": "재해·재난 구호지원", "policy_program": "협력"}
    original = {"kind": "original_appropriation", "amount_won": 1_000_000_000}
    office.post("disbursement", "/funds", fund, Role.ADMINISTRATOR)
    office.post("disbursement", "/budget-lines", line, Role.ADMINISTRATOR)
    office.post("disbursement", f"/budget-lines/{LINE}/appropriations", original, Role.ADMINISTRATOR)
    office.post(
        "disbursement", f"/budget-lines/{LINE}/forecasts", {"year_end_forecast_won": 900_000_000}, Role.ADMINISTRATOR
    )
    add_document(office, PAID_DOCUMENT, "산불진화단계 긴급 구호금", 500_000_000, until="paid")
    add_document(office, SHORT_DOCUMENT, "추가 구호금", 600_000_000, until="approved")


def add_document(office: Office, document: str, purpose: str, amount_won: int, *, until: str) -> None:
    content = {
        "id": document,
        "budget_line_id": LINE,
        "amount_won": amount_won,
        "purpose": purpose,
        "payee": "대한적십자사",
    }
    path = f"/spending-proposals/{document}"
    found = office.post("disbursement", "/spending-proposals", content | {"disaster_id": "wildfires"}, Role.DRAFTER)
    steps: tuple[tuple[str, str, dict[str, Any], Role], ...] = (
        ("reviewed", "/review", {}, Role.REVIEWER),
        ("approved", "/approve", {}, Role.APPROVER),
        ("committed", "/commit", {}, Role.COMMITMENT_OFFICER),
        ("paid", "/payments", {"amount_won": amount_won}, Role.PAYMENT_OFFICER),
    )
    for state, action, body, role in steps:
        if found["state"] == until:
            return
        found = office.post("disbursement", path + action, body, role, version=found["version"])
        assert found["state"] == state


def add_tasks(office: Office) -> None:
    tomorrow = office.clock.now() + timedelta(days=1)
    times = {"starts_at": format_utc(tomorrow), "ends_at": format_utc(tomorrow + timedelta(hours=6)), "seats": 2}
    common = {"disaster_id": "wildfires", "place": "안동시 이재민 대피소", "host_organisation": "시 자원봉사센터"}
    general = common | {"id": TASK, "title": "텐트 철거와 청소", "kind": "general", "selection": "first_come"}
    chosen = common | {
        "id": SELECTED_TASK,
        "title": "외국인 주민 봉사단",
        "kind": "foreign_residents",
        "selection": "selected",
    }
    for task, shift in ((general, SHIFT), (chosen, SELECTED_SHIFT)):
        found = office.post("dispatch", "/tasks", task, Role.VOLUNTEER_MANAGER)
        office.post("dispatch", f"/tasks/{task['id']}/approve", {}, Role.APPROVER, version=found["version"])
        office.post("dispatch", f"/tasks/{task['id']}/shifts", times | {"id": shift}, Role.VOLUNTEER_MANAGER)
