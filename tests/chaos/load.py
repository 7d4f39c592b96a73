"""A mixed load, bounded in rate, count and time: documents, shipments and sign-ups, each journey in small steps."""

import itertools
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from shared.auth import Role
from shared.clock import seoul_date
from tests.chaos.client import Abandoned, Client, Refused, Unanswered
from tests.chaos.record import PROBE, Document, Record, Shipment, SignUp
from tests.support import BODY

DISASTER: Final = "2025-yeongnam-wildfires"
PROVINCE, REGION = "4700000000", "4717000000"  # 경상북도, 안동시
RELIEF_LINE, DRY_LINE = "relief", "dry"
LINES: Final = {RELIEF_LINE: 10**12, DRY_LINE: 20_000_000, PROBE: 0}  # won appropriated at first
DEPOT: Final = "city-depot"
ITEMS: Final = {"shelter": "동", "bedding": "개", "drinks": "병", PROBE: "개"}
OPEN_SHIFT, SMALL_SHIFT = "open", "small"
SHIFTS: Final = {"tents": {OPEN_SHIFT: 10_000, SMALL_SHIFT: 25}, PROBE: {PROBE: 10_000}}  # seats by task and shift
PAUSE_SECONDS: Final = 1.0  # between two journeys of one thread
# A limit on everything: as many telephone numbers as the placeholder range 010-0000-xxxx has.
MOST_JOURNEYS: Final = 9_999
EXPECTED: Final = frozenset({"over-commitment", "shift-full", "stock-too-low"})


def prepare(client: Client) -> None:
    """Open what the journeys refer to: a disaster, places, budget lines, items, tasks with shifts."""
    now = datetime.now(UTC)
    for step in [*situation(seoul_date(now)), *money_set_up(seoul_date(now)), *goods_set_up(), *people_set_up(now)]:
        # Only the approval of a task is an edit, of the version it was opened with.
        version = 1 if step.path.endswith("/approve") else None
        key = f"set-up{step.path}/{step.body.get('id')}"
        client.change(step.role, step.service, step.path, step.body, key=key, version=version)


@dataclass(frozen=True)
class Step:
    """One call of the preparation."""

    role: Role
    service: str
    path: str
    body: dict[str, Any]


def situation(today: date) -> Iterator[Step]:
    """Whatever facts may name is registered: the ledger would report anything else as unknown."""
    body = {"id": BODY, "name": "시", "kind": "city"}
    province = {"id": PROVINCE, "name": "경상북도", "kind": "province"}
    city = {"id": REGION, "name": "안동시", "kind": "city", "parent_id": PROVINCE}
    depot = {"id": DEPOT, "name": "시 구호물품 창고", "kind": "depot", "region_id": REGION, "body_id": BODY}
    disaster = {"id": DISASTER, "name": "2025년 영남권 대형 산불", "kind": "wildfire", "began_on": today.isoformat()}
    for path, row in (
        ("/bodies", body),
        ("/regions", province),
        ("/regions", city),
        ("/sites", depot),
        ("/disasters", {**disaster, "region_ids": [REGION]}),
    ):
        yield Step(Role.ADMINISTRATOR, "situation", path, row)


def money_set_up(today: date) -> Iterator[Step]:
    fund = {"id": "fund", "name": "지역교류협력기금", "fund_type": "fund"}
    yield Step(Role.BUDGET_OFFICER, "disbursement", "/funds", fund)
    for line, amount_won in LINES.items():
        about = {"fund_id": "fund", "fiscal_year": today.year, "name": line, "policy_program": "지역교류협력"}
        yield Step(Role.BUDGET_OFFICER, "disbursement", "/budget-lines", {"id": line, **about})
        if amount_won:
            grant = {"id": f"{line}-grant", "kind": "original_appropriation", "amount_won": amount_won}
            yield Step(Role.BUDGET_OFFICER, "disbursement", f"/budget-lines/{line}/appropriations", grant)


def goods_set_up() -> Iterator[Step]:
    for item, unit in ITEMS.items():
        yield Step(Role.COORDINATOR, "inventory", "/items", {"id": item, "name": item, "unit": unit})


def people_set_up(now: datetime) -> Iterator[Step]:
    """Shifts on different days: one volunteer may be confirmed in one place at a time."""
    begin = now + timedelta(days=2)
    for task, shifts in SHIFTS.items():
        about = {
            "id": task,
            "title": "텐트 철거",
            "disaster_id": DISASTER,
            "kind": "general",
            "selection": "first_come",
        }
        where = {"place": "피해지역", "region_id": REGION, "host_organisation": "시 자원봉사센터"}
        yield Step(Role.VOLUNTEER_MANAGER, "dispatch", "/tasks", {**about, **where})
        yield Step(Role.APPROVER, "dispatch", f"/tasks/{task}/approve", {})
        for shift, seats in shifts.items():
            times = {"starts_at": begin.isoformat(), "ends_at": (begin + timedelta(hours=4)).isoformat()}
            body = {"id": shift, "seats": seats, **times}
            yield Step(Role.VOLUNTEER_MANAGER, "dispatch", f"/tasks/{task}/shifts", body)
            begin += timedelta(days=1)


class Load:
    """Four threads that work until asked to finish; each then ends the journey it is on."""

    def __init__(self, new_client: Callable[[], Client], record: Record, seed: int) -> None:
        self.new_client = new_client
        self.record = record
        self.finishing = threading.Event()
        self.clients: list[Client] = []
        self.threads = [
            threading.Thread(target=self._run, args=(name, journey, random.Random(f"{seed}/{name}")), daemon=True)
            for name, journey in (("a", self.spend), ("b", self.spend), ("goods", self.ship), ("people", self.sign_up))
        ]

    @property
    def acknowledged(self) -> int:
        return sum(client.acknowledged for client in self.clients)

    @property
    def repeats(self) -> int:
        return sum(client.repeats for client in self.clients)

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def finish(self) -> None:
        """Let every journey come to its end, so that no call is left without a definite answer."""
        self.finishing.set()
        for thread in self.threads:
            thread.join()

    def _run(self, name: str, journey: Callable[[Client, str, random.Random], None], chance: random.Random) -> None:
        with self.new_client() as client:
            self.clients.append(client)
            for number in itertools.takewhile(lambda _: not self.finishing.is_set(), range(MOST_JOURNEYS)):
                try:
                    journey(client, f"{name}-{number}", chance)
                except Abandoned:
                    return
                except Refused as refusal:
                    if refusal.kind in EXPECTED:
                        self.record.refused(refusal.kind)
                    else:
                        self.record.surprised(str(refusal))
                except Unanswered as silence:
                    self.record.surprised(str(silence))
                self.finishing.wait(PAUSE_SECONDS)

    def spend(self, client: Client, id_: str, chance: random.Random) -> None:
        """A document from proposal to payment in two parts; some payments come back, some commitments are released."""
        line = DRY_LINE if chance.random() < 0.25 else RELIEF_LINE
        document = Document(line, chance.randrange(1_000, 1_000_000))
        content = {"purpose": "긴급 구호금", "payee": "시 재해구호협회", "disaster_id": DISASTER, "region_id": REGION}
        body = {"id": id_, "budget_line_id": line, "amount_won": document.amount_won, **content}
        answer = client.change(Role.DRAFTER, "disbursement", "/spending-proposals", body, key=id_)
        self.record.documents[id_] = document

        def take(role: Role, action: str, number: int = 1, **content: Any) -> None:
            nonlocal answer
            path = f"/spending-proposals/{id_}/{action}"
            key, version = f"{id_}/{action}/{number}", answer["version"]
            answer = client.change(role, "disbursement", path, content, key=key, version=version)
            document.state = answer["state"]

        take(Role.REVIEWER, "review")
        take(Role.APPROVER, "approve")
        take(Role.COMMITMENT_OFFICER, "commit")
        document.committed_won = document.amount_won
        first_won = document.amount_won * 2 // 3
        take(Role.PAYMENT_OFFICER, "payments", id=f"{id_}-1", amount_won=first_won)
        document.paid_won, document.payments = first_won, 1
        rest_won = document.amount_won - first_won
        if chance.random() < 0.3:
            take(Role.COMMITMENT_OFFICER, "release", amount_won=rest_won, reason="집행 잔액")
            document.committed_won -= rest_won
        else:
            take(Role.PAYMENT_OFFICER, "payments", 2, id=f"{id_}-2", amount_won=rest_won)
            document.paid_won, document.payments = document.amount_won, 2
        if chance.random() < 0.3:
            self.take_back(client, id_, document, first_won // 2)

    def take_back(self, client: Client, id_: str, document: Document, amount_won: int) -> None:
        back = {"amount_won": amount_won, "reason": "정산 후 반납"}
        path = f"/payments/{id_}-1/reversals"
        answer = client.change(Role.PAYMENT_OFFICER, "disbursement", path, back, key=f"{id_}/reversal")
        document.state = answer["state"]
        document.paid_won -= amount_won
        document.committed_won -= amount_won
        document.payments += 1

    def ship(self, client: Client, id_: str, chance: random.Random) -> None:
        """Goods come in, are reserved, and are called off, or leave and arrive in part or in full."""
        item, quantity = chance.choice([item for item in ITEMS if item != PROBE]), chance.randrange(1, 500)
        came = {"id": f"{id_}-lot", "item_id": item, "depot_id": DEPOT, "quantity": quantity, "source": "시 비축"}
        client.change(Role.COORDINATOR, "inventory", "/receipts", came, key=f"{id_}/lot")
        self.record.lots[f"{id_}-lot"] = item, quantity
        shipment = Shipment(item, chance.randrange(1, quantity + 1))
        lines = [{"item_id": item, "quantity": shipment.quantity}]
        where = {"depot_id": DEPOT, "disaster_id": DISASTER, "region_id": REGION}
        answer = client.change(
            Role.COORDINATOR, "inventory", "/shipments", {"id": id_, "lines": lines, **where}, key=id_
        )
        shipment.lots = lots_of(answer)
        self.record.shipments[id_] = shipment

        def take(action: str, **content: Any) -> None:
            nonlocal answer
            path, key = f"/shipments/{id_}/{action}", f"{id_}/{action}"
            version = answer["version"]
            answer = client.change(Role.COORDINATOR, "inventory", path, content, key=key, version=version)
            shipment.state, shipment.lots = answer["state"], lots_of(answer)

        if chance.random() < 0.2:
            take("cancel", reason="도로 통제")
            return
        take("dispatch")
        shipment.has_left = True
        arrived = shipment.quantity if chance.random() < 0.7 else (shipment.quantity + 1) // 2
        take("receipts", lines=[{"item_id": item, "quantity": arrived}])
        shipment.delivered = arrived

    def sign_up(self, client: Client, id_: str, chance: random.Random) -> None:
        """A volunteer signs up, now and then without an account; some give their seat back."""
        number = int(id_.rpartition("-")[2])
        shift = SMALL_SHIFT if chance.random() < 0.2 else OPEN_SHIFT
        role = None if chance.random() < 0.2 else Role.VOLUNTEER_MANAGER
        who = {"id": id_, "name": f"시연 봉사자 {number}", "phone": f"010-0000-{number:04}", "consent": True}
        answer = client.change(role, "dispatch", f"/shifts/{shift}/sign-ups", who, key=id_)
        self.record.sign_ups[id_] = SignUp(shift, answer["state"])
        if chance.random() < 0.3:
            code = {"cancel_code": answer["cancel_code"]}
            answer = client.change(role, "dispatch", f"/sign-ups/{id_}/cancel", code, key=f"{id_}/cancel")
            self.record.sign_ups[id_].state = answer["state"]


def lots_of(shipment: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """What a shipment took of each lot, and how much of that arrived."""
    return {line["lot_id"]: (line["quantity"], line["received_quantity"]) for line in shipment["lines"]}
