"""What stands in a request: amounts around the limits that matter, and things no system should take."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.catalogue import OPS, Request
from tests.simulation.model import Model

if TYPE_CHECKING:
    from tests.simulation.chooser import Chooser

RIGHT_CODE: Final = "<the code>"  # put in when the request is sent: only the product can choose it
# Numbers nobody has, and not all zeros: they are looked for in files that are full of zeros.
PEOPLE: Final = {f"시험봉사자{letter}": f"010-0000-739{number}" for number, letter in enumerate("가나다라")}
REGIONS: Final = ("경북 안동시", "경북 의성군")
SPOILT: Final[dict[str, tuple[Any, ...]]] = {
    "won": (-5, 0, 1.5, 100.0, 250.7, "100", True, 10**15 + 1, 10**30, None, [1]),
    "forecast": (-1, 0.5, "1", 10**16),
    "quantity": (-3, 0, 2.5, "7", True, 10**12 + 1),
    "seats": (0, -1, 1.5, 100_001),
    "year": (1999, 2101, 2025.5),
    "id": ("", "a b", "../etc", "x" * 65, "code\n", "가", 7),
    "text": ("", "   ", "x" * 201, "a\x00b", 5),
    "reason": ("", "x" * 1001, "\x1b[31m"),
    "day": ("2025-02-30", "tomorrow", "2025-4-1", 20250401),
    "moment": ("2025-04-12T09:00:00", "9999-12-31T23:00:00Z", "soon"),
    "consent": (False, "yes", 1),
    "phone": ("12345", "010-12-34", ""),
    "personal": ("900101-1234567", "", "x" * 501),
    "credential": ({"kind": "medical_licence"}, {"kind": "medical_licence", "number": "900101-1234567"}, "yes"),
    "wanted": ([], [{"item_id": "item-5"}], [{"item_id": "item-5", "quantity": 1.5}], "all"),
    "received": ([], [{"item_id": "item-5", "quantity": -1}], [{"item_id": "item-5", "quantity": 1, "lot_id": "x"}]),
}


class Bodies:
    def __init__(self, random: Random, model: Model, chooser: "Chooser") -> None:
        self.random = random
        self.model = model
        self.chooser = chooser

    def natural_step(self) -> tuple[str, str]:
        steps = (
            self._money_step,
            self._money_step,
            self._money_step,
            self._goods_step,
            self._people_step,
            self._people_step,
            self._beginning,
        )
        return self.random.choice(steps)()

    def rivals(self) -> tuple[tuple[str, str], tuple[str, str]] | None:
        """Two approved documents that want money of one line at once, if there are."""
        approved = [id_ for id_, one in self.model.money.documents.items() if one.state == "approved"]
        return (("commit", approved[-2]), ("commit", approved[-1])) if len(approved) > 1 else None

    def any_target(self, op: str, *, newest: int = 6) -> str:
        model, pick = self.model, self.chooser.pick
        path = OPS[op].path
        homes: dict[str, dict[str, Any]] = {
            "/budget-lines": model.money.lines,
            "/spending-proposals": model.money.documents,
            "/payments": model.money.payments,
            "/shipments": model.goods.shipments,
            "/requests": model.goods.requests,
            "/tasks": model.people.tasks,
            "/shifts": model.people.shifts,
            "/sign-ups": model.people.sign_ups,
            "/disasters": model.disasters,
        }
        home = path.partition("/{}")[0]
        return pick(homes[home], newest=newest) if "{}" in path else ""

    def _beginning(self) -> tuple[str, str]:
        ops = (
            *("appropriate", "appropriate", "forecast", "request_goods", *("receive_stock",) * 4),
            *("open_shift", "open_shift", "propose_task", "open_line", "register_item", "open_disaster", "write_log"),
            *("purge", "change_stage", "open_account", "approve_task", "close_request"),
        )
        op = self.random.choice(ops)
        return op, self.any_target(op)

    def _money_step(self) -> tuple[str, str]:
        """Two or three documents are under way at once, most of them a step further than before."""
        money = self.model.money
        live = {id_: one for id_, one in money.documents.items() if one.state not in ("paid", "rejected")}
        if len(live) < 2 or self.chooser.chance(0.08):
            return "propose", ""
        if money.payments and self.chooser.chance(0.15):
            return "reverse", self.chooser.pick(money.payments)
        id_ = self.chooser.pick(live, newest=3) if self.chooser.chance(0.8) else self.chooser.pick(money.documents)
        document = money.documents[id_]
        if document.payments and self.chooser.chance(0.3):
            return "reverse", self.random.choice([key for key, one in money.payments.items() if one.document == id_])
        steps = {
            "proposed": (*("review",) * 8, "revise", "reject"),
            "reviewed": (*("approve",) * 8, "revise", "reject"),
            "approved": (*("commit",) * 8, "revise"),
            "committed": ("pay", "pay", "pay", "release"),
            "paid": ("pay", "release", "revise"),
            "rejected": ("revise", "revise", "review"),
        }
        return self.random.choice(steps[document.state]), id_

    def _goods_step(self) -> tuple[str, str]:
        shipments = self.model.goods.shipments
        if not shipments or self.chooser.chance(0.4):
            return "ship", ""
        id_ = self.chooser.pick(shipments, newest=4)
        steps = {
            "reserved": ("dispatch", "dispatch", "cancel_shipment"),
            "dispatched": ("receive_shipment",),
            "partly_received": ("receive_shipment",),
            "received": ("receive_shipment", "cancel_shipment"),
            "cancelled": ("cancel_shipment", "dispatch"),
        }
        return self.random.choice(steps[shipments[id_].state]), id_

    def _people_step(self) -> tuple[str, str]:
        sign_ups = self.model.people.sign_ups
        if not sign_ups or self.chooser.chance(0.4):
            return "sign_up", self.chooser.pick(self.model.people.shifts, newest=3)
        id_ = self.chooser.pick(sign_ups, newest=4)
        cancelled = {name: one for name, one in sign_ups.items() if one.state == "cancelled"}
        if cancelled and self.chooser.chance(0.25):
            return "cancel_sign_up", self.chooser.pick(cancelled)
        steps = {
            "applied": ("confirm", "confirm", "waitlist", "decline", "verify", "verify", "cancel_sign_up"),
            "waitlisted": ("confirm", "decline", "verify", "cancel_sign_up"),
            "confirmed": ("attend", "cancel_sign_up", "cancel_sign_up", "reveal"),
            "declined": ("confirm", "cancel_sign_up"),
            "cancelled": ("cancel_sign_up", "cancel_sign_up", "confirm"),
            "attended": ("cancel_sign_up", "reveal"),
        }
        return self.random.choice(steps[sign_ups[id_].state]), id_

    def first(self, op: str) -> dict[str, Any]:
        """The body of a request of the prologue: large enough that things can follow."""
        fixed: dict[str, dict[str, Any]] = {
            "appropriate": {"kind": "original_appropriation", "amount_won": 1_000},
            "receive_stock": {"quantity": 100},
            "propose_task": {"selection": "selected" if self.model.people.tasks else "first_come"},
            "open_shift": {"seats": 2, **self._hours((0, 1, 5), (4, 30))},
        }
        body = {**self.body(op, ""), **fixed.get(op, {})}
        return {name: value for name, value in body.items() if name not in ("expires_on", "required_credential")}

    def body(self, op: str, target: str) -> dict[str, Any]:
        """What the form of `op` asks for, most of it sensible."""
        made: dict[str, Any] = {}
        for name, (kind, needed) in OPS[op].form.items():
            if name != "effective_date" and (needed or self.chooser.chance(0.4)):
                made[name] = self._value(op, target, name, kind)
        if op == "sign_up":
            self._fit_sign_up(made, target)
        if op == "cancel_sign_up" and self.chooser.chance(0.8):
            made["cancel_code"] = RIGHT_CODE
        if op == "open_shift":
            made |= self._hours((0, 1, 3, 8), (2, 4, 4, 4, 30, 30, 0, 800))
        if op == "propose":
            made["amount_won"] = self._around(self._left_on(made["budget_line_id"]))
        if op == "ship":
            self._fit_shipment(made)
        return made

    def spoilt(self, request: Request) -> dict[str, Any]:
        """The body with one bad value, one field too many or one too few."""
        body, form = dict(request.body), OPS[request.op].form
        fields = [name for name in body if form[name][0] in SPOILT]
        if fields and self.chooser.chance(0.8):
            amounts = [name for name in fields if form[name][0] in ("won", "quantity")]
            name = self.random.choice(amounts if amounts and self.chooser.chance(0.5) else fields)
            return {**body, name: self.random.choice(SPOILT[form[name][0]])}
        spare = [name for name in body if name != "id"]  # an id left out is chosen by the product, which is no fault
        if spare and self.chooser.chance(0.5):
            body.pop(self.random.choice(spare))
            return body
        return {**body, "surprise": 1}

    def _value(self, op: str, target: str, name: str, kind: str) -> Any:
        if name.endswith("id"):
            return self.chooser.new_id(op.rpartition("_")[2]) if name == "id" else self._reference(name)
        amounts: dict[str, Callable[[str, str], int]] = {
            "won": self._amount,
            "forecast": self._amount,
            "quantity": lambda *_: self.random.choice((1, 7, 30, 100)),
            "seats": lambda *_: self.random.choice((1, 1, 2, 3)),
        }
        if kind in amounts:
            return amounts[kind](op, target)
        day = self.chooser.today + timedelta(days=self.random.choice((-3, 0, 0, 1, 20)))
        values: dict[str, tuple[Any, ...]] = {
            "year": (2025, 2025, 2026),
            "day": (day.isoformat(),),
            "fund_type": ("general", "special", "fund"),
            "appropriation": (
                *("original_appropriation", "supplementary_appropriation", "emergency_appropriation"),
                *("supplementary_reduction", "supplementary_reduction"),
            ),
            "stage": ("suppression", "recovery", "livelihood"),
            "task_kind": ("general", "foreign_residents", "medical"),
            "selection": ("first_come", "first_come", "selected"),
            "roles": (["commitment_officer", "payment_officer"],),
            "nation": ("KR", "VN", "XA"),
            "consent": (True,),
            "yes_no": (True, False),
            "id": ("medical_licence",),  # what a task requires
            "password": ("a-password-of-nobody",),
            "personal": ("대장 12쪽",),
            "log": ("상황판단회의",),
            "reason": ("사유를 적음", "규모 변경"),
            "unit": (RIGHT_CODE, RIGHT_CODE, "AAAAAAAAAA") if name == "cancel_code" else ("동", "개", "상자"),
        }
        if kind in ("wanted", "received"):
            return self._lines(kind, target)
        return self.random.choice(REGIONS if name == "region" else values.get(kind, ("산불 이재민 구호",)))

    def _reference(self, name: str) -> str:
        model, pick = self.model, self.chooser.pick
        homes: dict[str, dict[str, Any]] = {
            "fund_id": model.money.funds,
            "budget_line_id": model.money.lines,
            "item_id": model.goods.items,
            "depot_id": model.goods.depots,
            "disaster_id": model.disasters,
            "request_id": model.goods.requests,
        }
        return "nowhere" if self.chooser.chance(0.02) else pick(homes[name], newest=2)

    def _amount(self, op: str, target: str) -> int:
        """Around what is left of what the request is about."""
        money = self.model.money
        document = money.documents.get(target)
        if op in ("release", "pay") and document:
            return self._around(document.committed - document.paid)
        if op == "reverse" and target in money.payments:
            return self._around(money.payments[target].amount - money.payments[target].reversed)
        return self._around(self._left_on(target))

    def _left_on(self, line: str) -> int:
        lines = self.model.money.lines
        return lines[line].left_from(self.chooser.today) if line in lines else 400

    def _around(self, left: int) -> int:
        """A little less, exactly what is left, and one too many."""
        return max(1, self.random.choice((1, left // 3, left // 2, left, left, left + 1, 250)))

    def _lines(self, kind: str, target: str) -> list[dict[str, Any]]:
        goods = self.model.goods
        shipment = goods.shipments.get(target)
        if kind == "received" and shipment:
            item = self.random.choice(shipment.lines)[0]
            shipped = sum(quantity for carried, _, quantity in shipment.lines if carried == item)
            return [{"item_id": item, "quantity": max(1, self.random.choice((1, shipped // 2, shipped, shipped + 1)))}]
        lines = []
        for _ in range(self.random.choice((1, 1, 2))):
            line = {"item_id": self._reference("item_id"), "quantity": self.random.choice((1, 10, 40, 90))}
            lots = [id_ for id_, lot in goods.lots.items() if lot.item == line["item_id"]]
            if kind == "wanted" and lots and self.chooser.chance(0.2):
                line["lot_id"] = self.random.choice(lots)
            lines.append(line)
        return lines

    def _hours(self, days: tuple[int, ...], hours: tuple[int, ...]) -> dict[str, str]:
        """A shift within a few days; many overlap, and some times are impossible."""
        first = self.chooser.today + timedelta(days=self.random.choice(days))
        starts = datetime.combine(first, time(self.random.choice((0, 3, 6))), UTC)
        return {
            "starts_at": starts.isoformat(),
            "ends_at": (starts + timedelta(hours=self.random.choice(hours))).isoformat(),
        }

    def _fit_shipment(self, made: dict[str, Any]) -> None:
        """Most shipments carry what is there, and answer their request if they name one."""
        goods = self.model.goods
        if goods.lots and self.chooser.chance(0.8):
            lot = goods.lots[self.chooser.pick(goods.lots, newest=4)]
            made["depot_id"] = lot.depot
            made["lines"][0] |= {"item_id": lot.item}
            made["lines"][0].pop("lot_id", None)
        request = goods.requests.get(made.get("request_id", ""))
        if request is None:
            made.pop("request_id", None)
        elif self.chooser.chance(0.8):
            made |= {"disaster_id": request.disaster, "region": request.region}
            made["lines"][0]["item_id"] = request.item

    def _fit_sign_up(self, made: dict[str, Any], target: str) -> None:
        made["name"], made["phone"] = self.random.choice(list(PEOPLE.items()))
        shift = self.model.people.shifts.get(target)
        asked = self.model.people.tasks[shift.task].credential if shift else None
        if asked and "credential" in made:
            made["credential"] = {"kind": asked, "number": f"면허-{made['phone'][-4:]}"}
        elif self.chooser.chance(0.95):
            made.pop("credential", None)
        else:
            made["credential"] = {"kind": "medical_licence", "number": f"면허-{made['phone'][-4:]}"}
