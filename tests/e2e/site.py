"""A small relief operation recorded through the APIs, for tests that look at it through the portal."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from services.portal import demo
from shared.auth import Actor, Grant, Role, issue_token
from shared.clock import Clock, format_utc, seoul_date
from shared.gateway import Gateway

CITY = "city"
CENTRE = "volunteer-centre"
DISASTER = "wildfires"
DEPOT = "depot"
GYEONGBUK = "4700000000"
ANDONG = "4717000000"
UISEONG = "4773000000"
GROUP = "group-yeongnam-wildfires-2025"
FUND = "fund"
LINE = "relief-line"
LAST_YEARS_LINE = "relief-line-of-last-year"
PAID_DOCUMENT = "suppression-relief"
SHORT_DOCUMENT = "further-relief"
TASK = "tents"
SHIFT = "tents-shift"
SELECTED_TASK = "foreign-residents"
SELECTED_SHIFT = "foreign-residents-shift"
LATE_SHIPMENT = "water-of-three-days-ago"
OTHER_DOCUMENT = "other-relief"  # names no disaster: a difference somebody has to explain
AMBIGUOUS = OTHER_DOCUMENT  # also the id of an item
LEFT = "moved-elsewhere"  # an account whose duty was ended and which was disabled
FOR_TWO = "for-two-bodies"  # an account that ships for the city and for the volunteer centre


@dataclass
class Office:
    """Writes as any role, the way the people themselves would; every step by an account of its own."""

    gateway: Gateway
    signing_key: str
    clock: Clock

    def post(
        self,
        service: str,
        path: str,
        body: dict[str, Any],
        role: Role,
        version: int | None = None,
        *,
        body_id: str = CITY,
    ) -> Any:
        actor = Actor(f"office-{role.value.replace('_', '-')}", frozenset({Grant(role, body_id)}))
        reply = self.gateway.call(
            service,
            "POST",
            path,
            token=issue_token(actor, signing_key=self.signing_key, now=self.clock.now()),
            json=body,
            key=uuid4().hex,
            version=version,
        )
        assert reply.ok, reply.body
        return reply.body


def seed(office: Office) -> None:
    """Demo accounts, goods, a line with 500 of its 1,000 million won paid, a document it cannot bear, two tasks."""
    add_places(office)
    add_accounts(office)
    add_goods(office)
    add_money(office)
    add_tasks(office)


def add_places(office: Office) -> None:
    today = seoul_date(office.clock.now()).isoformat()
    bodies = ((CITY, "시", "City", "city"), (CENTRE, "시 자원봉사센터", None, "volunteer_centre"))
    for id_, name, english_name, kind in (*bodies, ("red-cross", "대한적십자사", "Korean Red Cross", "red_cross")):
        body = {"id": id_, "name": name, "english_name": english_name, "kind": kind}
        office.post("situation", "/bodies", body, Role.ADMINISTRATOR)
    gyeongbuk = {"id": GYEONGBUK, "name": "경상북도", "english_name": "Gyeongsangbuk-do", "kind": "province"}
    office.post("situation", "/regions", gyeongbuk, Role.ADMINISTRATOR)
    for id_, name, english_name, kind in (
        (ANDONG, "안동시", "Andong-si", "city"),
        (UISEONG, "의성군", "Uiseong-gun", "county"),
    ):
        region = {"id": id_, "name": name, "english_name": english_name, "kind": kind, "parent_id": GYEONGBUK}
        office.post("situation", "/regions", region, Role.ADMINISTRATOR)
    group = {"id": GROUP, "name": "영남권 산불 피해지역", "kind": "group", "member_ids": [ANDONG, UISEONG]}
    office.post("situation", "/regions", group, Role.ADMINISTRATOR)
    fires = {"id": DISASTER, "name": "영남권 대형 산불", "english_name": "Yeongnam wildfires", "kind": "wildfire"}
    office.post("situation", "/disasters", fires | {"began_on": today, "region_ids": [GROUP]}, Role.ADMINISTRATOR)
    for id_, name, kind in ((DEPOT, "시 구호물품 창고", "depot"), ("shelter", "안동시 임시대피소", "shelter")):
        site = {"id": id_, "name": name, "kind": kind, "region_id": ANDONG, "body_id": CITY}
        office.post("situation", "/sites", site, Role.ADMINISTRATOR)


def add_accounts(office: Office) -> None:
    held = [(one.id, one.display_name, [{"role": one.role.value, "body_id": one.body_id}]) for one in demo.ACCOUNTS]
    both = [{"role": Role.COORDINATOR.value, "body_id": body_id} for body_id in (CITY, CENTRE)]
    one = [{"role": Role.COORDINATOR.value, "body_id": CITY, "disaster_id": DISASTER}]
    for id_, display_name, grants in (*held, (FOR_TWO, "두 기관의 현장 담당", both), (LEFT, "이동한 담당", one)):
        account = {"id": id_, "display_name": display_name, "password": demo.PASSWORD, "grants": grants}
        found = office.post("situation", "/accounts", account, Role.ADMINISTRATOR)
    end, disable = f"/accounts/{LEFT}/grants/{found['grants'][0]['id']}/end", f"/accounts/{LEFT}/disable"
    found = office.post("situation", end, {"reason": "다른 부서로 옮김"}, Role.ADMINISTRATOR, found["version"])
    office.post("situation", disable, {"reason": "파견이 끝남"}, Role.ADMINISTRATOR, found["version"])


def add_goods(office: Office) -> None:
    """They have been in the depot for some days, so that a shipment of yesterday finds them there."""
    some_days_ago = (seoul_date(office.clock.now()) - timedelta(days=5)).isoformat()
    for code, name, english_name, unit, quantity in (
        ("tent", "쉘터(텐트)", "Shelter tent", "동", 10),
        ("water", "음료", None, "개", 100),
    ):
        item = {"id": code, "name": name, "english_name": english_name, "unit": unit}
        office.post("inventory", "/items", item, Role.COORDINATOR)
        receipt = {"item_id": code, "depot_id": DEPOT, "quantity": quantity, "source": "시 비축"}
        office.post("inventory", "/receipts", receipt | {"effective_date": some_days_ago}, Role.COORDINATOR)
    request = {"id": "request", "disaster_id": DISASTER, "region_id": UISEONG, "item_id": "water", "quantity": 20}
    office.post("inventory", "/requests", request | {"effective_date": some_days_ago}, Role.COORDINATOR)


def add_differences(office: Office) -> None:
    """What has to be explained or asked for: a shipment written down late, a payment of no disaster, an id of two."""
    three_days_ago = (seoul_date(office.clock.now()) - timedelta(days=3)).isoformat()
    shipment = {
        "id": LATE_SHIPMENT,
        "depot_id": DEPOT,
        "disaster_id": DISASTER,
        "region_id": ANDONG,
        "site_id": "shelter",
        "lines": [{"item_id": "water", "quantity": 5}],
        "dispatch_now": True,
        "effective_date": three_days_ago,
    }
    office.post("inventory", "/shipments", shipment, Role.COORDINATOR)
    add_document(office, OTHER_DOCUMENT, "그 밖의 구호", 10_000_000, until="paid", disaster=None)
    office.post("inventory", "/items", {"id": AMBIGUOUS, "name": "진화복", "unit": "벌"}, Role.COORDINATOR)


def add_money(office: Office) -> None:
    year = seoul_date(office.clock.now()).year
    fund = {"id": FUND, "name": "지역교류협력기금", "english_name": "Regional cooperation fund", "fund_type": "fund"}
    office.post("disbursement", "/funds", fund, Role.BUDGET_OFFICER)
    for id_, name, of_year in ((LINE, "재해·재난 구호지원", year), (LAST_YEARS_LINE, "지난해 구호지원", year - 1)):
        line = {"id": id_, "fund_id": FUND, "fiscal_year": of_year, "name": name, "policy_program": "협력"}
        office.post("disbursement", "/budget-lines", line, Role.BUDGET_OFFICER)
    original = {"kind": "original_appropriation", "amount_won": 1_000_000_000}
    office.post("disbursement", f"/budget-lines/{LINE}/appropriations", original, Role.BUDGET_OFFICER)
    forecast = {"year_end_forecast_won": 900_000_000}
    office.post("disbursement", f"/budget-lines/{LINE}/forecasts", forecast, Role.BUDGET_OFFICER)
    add_document(office, PAID_DOCUMENT, "산불진화단계 긴급 구호금", 500_000_000, until="paid")
    add_document(office, SHORT_DOCUMENT, "추가 구호금", 600_000_000, until="approved")


def add_document(
    office: Office, document: str, purpose: str, amount_won: int, *, until: str, disaster: str | None = DISASTER
) -> None:
    content = {
        "id": document,
        "budget_line_id": LINE,
        "amount_won": amount_won,
        "purpose": purpose,
        "payee": "대한적십자사",
        "party_id": "red-cross",
        "region_id": GROUP,
        "disaster_id": disaster,
    }
    path = f"/spending-proposals/{document}"
    found = office.post("disbursement", "/spending-proposals", content, Role.DRAFTER)
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
    common = {
        "disaster_id": DISASTER,
        "place": "체육관 정문",
        "site_id": "shelter",
        "region_id": ANDONG,
        "host_organisation": "시 자원봉사센터",
    }
    general = common | {"id": TASK, "title": "텐트 철거와 청소", "kind": "general", "selection": "first_come"}
    chosen = common | {
        "id": SELECTED_TASK,
        "title": "외국인 주민 봉사단",
        "english_title": "Foreign residents' volunteer corps",
        "kind": "foreign_residents",
        "selection": "selected",
    }
    for task, shift in ((general, SHIFT), (chosen, SELECTED_SHIFT)):
        found = office.post("dispatch", "/tasks", task, Role.VOLUNTEER_MANAGER, body_id=CENTRE)
        path = f"/tasks/{task['id']}"
        office.post("dispatch", f"{path}/approve", {}, Role.APPROVER, version=found["version"], body_id=CENTRE)
        office.post("dispatch", f"{path}/shifts", times | {"id": shift}, Role.VOLUNTEER_MANAGER, body_id=CENTRE)
