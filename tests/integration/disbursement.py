"""The city's fund of the 2025 Yeongnam wildfires, as every test of disbursement finds it, and how documents advance."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa

from services.disbursement import store
from services.disbursement.app import create_app
from shared.auth import Role
from shared.config import Settings
from shared.events import Event, read_data
from shared.http import EXTENSION
from tests.support import Answer, Caller, FixedClock

WILDFIRES: Final = "2025-yeongnam-wildfires"
GYEONGBUK: Final = "4700000000"
FUND: Final = {
    "id": "intercity-cooperation-fund",
    "name": "지역교류협력기금",
    "english_name": "Intercity Cooperation Fund",
    "fund_type": "fund",
}
LINE: Final = {
    "id": "relief-2025",
    "fund_id": FUND["id"],
    "fiscal_year": 2025,
    "name": "타지방자치단체 재해·재난 구호지원",
    "policy_program": "지역교류협력",
}
ORIGINAL_WON: Final = 1_000_000_000
ORIGINAL: Final = {"kind": "original_appropriation", "amount_won": ORIGINAL_WON, "effective_date": "2025-01-01"}
EMERGENCY: Final = {
    "kind": "emergency_appropriation",
    "amount_won": 5_000_000_000,
    "authority_reference": "의회 의결 2025-04-03 (찬성 82, 기권 3)",
    "decided_on": "2025-04-03",
}
DUTIES: Final = {
    "review": Role.REVIEWER,
    "approve": Role.APPROVER,
    "reject": Role.APPROVER,
    "commit": Role.COMMITMENT_OFFICER,
    "release": Role.COMMITMENT_OFFICER,
    "payments": Role.PAYMENT_OFFICER,
}


@contextmanager
def opened(settings: Settings, clock: FixedClock) -> Iterator[Caller]:
    """The API with one fund, its line of 2025 and the original appropriation, as an import recorded them."""
    app = create_app(settings, clock)
    api = Caller(app, "disbursement", settings, clock)
    for path, body in (
        ("/funds", FUND | {"effective_date": "2025-01-01"}),
        ("/budget-lines", LINE | {"effective_date": "2025-01-01"}),
        ("/budget-lines/relief-2025/appropriations", ORIGINAL),
    ):
        assert api.post(path, body, Role.IMPORTER, account="import-budget").status_code == 201
    yield api
    app.extensions[EXTENSION].database.close()


def content(id_: str, amount_won: int = 100, **more: Any) -> dict[str, Any]:
    """What the city's proposal of the recovery money said."""
    return {
        "id": id_,
        "budget_line_id": LINE["id"],
        "amount_won": amount_won,
        "purpose": "복구·생계단계 지정기탁 (임시주택, 농기계, 중장비)",
        "payee": "대한적십자사",
        "party_id": "red-cross",
        "disaster_id": WILDFIRES,
        "relief_stage": "recovery",
        "region_id": GYEONGBUK,
    } | more


def propose(api: Caller, id_: str, amount_won: int = 100, **more: Any) -> Answer:
    return api.post("/spending-proposals", content(id_, amount_won, **more), Role.DRAFTER, account="drafter")


def step(api: Caller, id_: str, action: str, sent: dict[str, Any] | None = None, **options: Any) -> Answer:
    """Take one step on the newest version of a document, by default in the duty it belongs to."""
    role = options.pop("role", DUTIES[action])
    version = api.get(f"/spending-proposals/{id_}", Role.AUDITOR).json["version"]
    options = {"account": action, "version": version} | options
    return api.post(f"/spending-proposals/{id_}/{action}", sent or {}, role, **options)


def advance(api: Caller, id_: str, *actions: str) -> Answer:
    """The answer to the last of these steps."""
    answers = [step(api, id_, action) for action in actions]
    return answers[-1]


def line(api: Caller) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/budget-lines/relief-2025", Role.AUDITOR).json
    return found


def told(api: Caller, event_type: str) -> list[tuple[Event, dict[str, Any]]]:
    """The events of a type in the outbox, oldest first, each with its data."""
    with api.client.application.extensions[EXTENSION].database.read() as tx:
        rows = tx.execute(sa.select(store.outbox.c.body).order_by(store.outbox.c.id)).scalars()
        events = [Event.from_bytes(bytes(body)) for body in rows]
    return [(event, read_data(dict, event.data)) for event in events if event.type == f"disbursement.{event_type}.v1"]
