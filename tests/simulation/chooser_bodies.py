"""What stands in a request: amounts around the limits that matter, and things no system should take."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.catalogue import OPS, Request
from tests.simulation.model import Model
from tests.simulation.people import (
    ACCOUNTS,
    BODIES,
    FIRES,
    FLOOD,
    FURTHER_REGIONS,
    GROUP,
    NEW_PASSWORD,
    PASSWORD,
    PROVINCE,
    REGIONS,
    SITES,
    grant_body,
)

if TYPE_CHECKING:
    from tests.simulation.chooser import Chooser

RIGHT_CODE: Final = "<the code>"  # put in when the request is sent: only the product can choose it
# Numbers nobody has, and not all zeros: they are looked for in files that are full of zeros.
VOLUNTEERS: Final = {f"시험봉사자{letter}": f"010-0000-739{number}" for number, letter in enumerate("가나다라")}
NAMES: Final = {"산불 이재민 구호": "Relief for the displaced", "복구 지원": "Recovery aid", "생계 지원": None}
SPOILT: Final[dict[str, tuple[Any, ...]]] = {
    "won": (-5, 0, 1.5, 100.0, 250.7, "100", True, 10**15 + 1, 10**30, None, [1]),
    "forecast": (-1, 0.5, "1", 10**16),
    "quantity": (-3, 0, 2.5, "7", True, 10**12 + 1),
    "seats": (0, -1, 1.5, 100_001),
    "year": (1999, 2101, 2025.5),
    "id": ("", "a b", "../etc", "x" * 65, "code\n", "가", 7),
    "region": ("", "경북 안동시", "47170000", "group-", "4717000000\n", 4717000000),
    "text": ("", "   ", "x" * 201, "a\x00b", 5, "안\u200b동", "900101-1234567"),
    "unit": ("원", "KRW", "3", "x" * 21),
    "reason": ("", "x" * 1001, "\x1b[31m", "900101-1234567"),
    "day": ("2025-02-30", "tomorrow", "2025-4-1", 20250401),
    "moment": ("2025-04-12T09:00:00", "9999-12-31T23:00:00Z", "soon"),
    "consent": (False, "yes", 1),
    "phone": ("12345", "010-12-34", ""),
    "role": ("volunteer", "", 1),
    "said": ("retake", "delete", ""),
    "credential": ({"kind": "medical_licence"}, {"kind": "medical_licence", "number": "900101-1234567"}, "yes"),
    "wanted": ([], [{"item_id": "item-5"}], [{"item_id": "item-5", "quantity": 1.5}], "all"),
    "received": ([], [{"item_id": "item-5", "quantity": -1}], [{"item_id": "item-5", "quantity": 1, "lot_id": "x"}]),
}


class Bodies:
    def __init__(self, random: Random, model: Model, chooser: "Chooser") -> None:
        self.random = random
        self.model = model
        self.chooser = chooser

    def first(self, op: str) -> dict[str, Any]:
        """The body of a request of the prologue: large enough that things can follow."""
        selection = "selected" if self.model.people.tasks else "first_come"
        fixed: dict[str, dict[str, Any]] = {
            "open_line": {"fiscal_year": self.chooser.today.year},
            "appropriate": {"kind": "original_appropriation", "amount_won": 1_000},
            "receive_stock": {"quantity": 100},
            "propose_task": {"selection": selection, "disaster_id": FIRES},
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
        fit: dict[str, Callable[[dict[str, Any], str], None]] = {
            "sign_up": self._fit_sign_up,
            "cancel_sign_up": self._fit_cancelling,
            "open_shift": lambda made, _: made.update(self._hours((0, 1, 3, 8), (2, 4, 4, 4, 30, 30, 0, 800))),
            "propose": lambda made, _: made.update(amount_won=self._around(self._left_on(made["budget_line_id"]))),
            "propose_task": self._fit_task,
            "appropriate": self._fit_appropriation,
            "ship": self._fit_shipment,
            "sign_in": self._fit_sign_in,
            "open_account": self._fit_account,
            "give_grant": self._fit_grant,
            "add_note": self._fit_note,
            "register_region": self._fit_region,
            "state_basis": self._fit_basis,
            "open_disaster": self._fit_basis,
        }
        if op in fit:
            fit[op](made, target)
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
        plain = kind.removesuffix("_or_none")
        if plain != kind and self.chooser.chance(0.1):
            return None
        if name.endswith("id") and plain in ("id", "region"):
            return self.chooser.new_id(op.rpartition("_")[2]) if name == "id" else self._reference(name)
        made: dict[str, Callable[[], Any]] = {
            "won": lambda: self._amount(op, target),
            "forecast": lambda: self._amount(op, target),
            "day": lambda: self._day(name),
            "wanted": lambda: self._lines(kind, target),
            "received": lambda: self._lines(kind, target),
        }
        return made[plain]() if plain in made else self._one_of(name, plain)

    def _one_of(self, name: str, kind: str) -> Any:
        if name == "english_name":
            return self.random.choice(list(NAMES.values()))
        year = self.chooser.today.year
        values: dict[str, tuple[Any, ...]] = {
            "quantity": (1, 7, 30, 100),
            "seats": (1, 1, 2, 3),
            "year": (year, year, year, year + 1),
            "fund_type": ("general", "special", "fund"),
            "appropriation": (
                *("original_appropriation", "supplementary_appropriation", "emergency_appropriation"),
                *("supplementary_reduction", "supplementary_reduction"),
            ),
            "stage": ("suppression", "recovery", "livelihood"),
            "basis": ("special_disaster_zone", "state_of_disaster", "other"),
            "body_kind": ("district", "other"),
            "region_kind": ("county", "city", "group"),
            "site_kind": ("depot", "shelter", "field"),
            "task_kind": ("general", "foreign_residents", "medical"),
            "selection": ("first_come", "first_come", "selected"),
            "regions": ([GROUP], sorted(REGIONS), [*sorted(REGIONS), *FURTHER_REGIONS], []),
            "nation": ("KR", "VN", "XA"),
            "consent": (True,),
            "yes_no": (True, False),
            "said": ("assign", "explain", "explain", "reopen"),
            "role": ("coordinator", "payment_officer", "commitment_officer", "volunteer_manager", "drafter", "auditor"),
            "grants": ([],),
            "password": (PASSWORD, PASSWORD, NEW_PASSWORD, "short"),
            "log": ("상황판단회의",),
            "reason": ("사유를 적음", "규모 변경"),
            "unit": ("동", "개", "상자"),
            "text": ("대장 12쪽",) if name == "verified_reference" else tuple(NAMES),
        }
        return self.random.choice(values.get(kind, ("산불 이재민 구호",)))

    def _day(self, name: str) -> str:
        days = {
            "valid_to": (40, 400),
            "last_day": (0, 1, 30),
            "first_day": (0, 0, -3, 10),
            "expires_on": (0, 1, 20, -3),
        }
        return (self.chooser.today + timedelta(days=self.random.choice(days.get(name, (-3, 0, 0, 1))))).isoformat()

    def _reference(self, name: str) -> str:
        model, pick = self.model, self.chooser.pick
        if self.chooser.chance(0.02):
            return "4799999999" if name == "region_id" else "nowhere"
        if name == "disaster_id":
            return self.random.choice((FIRES, FIRES, FIRES, FLOOD, pick(model.situation.disasters, newest=2)))
        if name == "region_id":
            return self.random.choice((*REGIONS, *REGIONS, GROUP, *FURTHER_REGIONS))
        fixed: dict[str, tuple[str, ...]] = {
            "depot_id": ("depot-seoul", "depot-seoul", "depot-seoul", "depot-busan"),
            "site_id": tuple(SITES),
            "body_id": tuple(BODIES),
            "party_id": tuple(BODIES),
            "parent_id": (PROVINCE,),
        }
        if name in fixed:
            return self.random.choice(fixed[name])
        homes: dict[str, dict[str, Any]] = {
            "fund_id": model.money.funds,
            "budget_line_id": self.lines_of_this_year() or model.money.lines,
            "item_id": model.goods.items,
            "request_id": model.goods.requests,
            "corrects_id": model.situation.log_entries,
        }
        return pick(homes[name], newest=3)

    def lines_of_this_year(self) -> dict[str, Any]:
        year = self.chooser.today.year
        return {id_: line for id_, line in self.model.money.lines.items() if line.fiscal_year == year}

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

    def _fit_shipment(self, made: dict[str, Any], _target: str) -> None:
        """Most shipments carry what is there, and answer their request if they name one."""
        goods = self.model.goods
        if goods.lots and self.chooser.chance(0.8):
            lot = goods.lots[self.chooser.pick(goods.lots, newest=4)]
            made["depot_id"] = lot.depot
            made["lines"][0] |= {"item_id": lot.item}
            made["lines"][0].pop("lot_id", None)
        request = goods.requests.get(made.get("request_id") or "")
        if request is None:
            made.pop("request_id", None)
        elif self.chooser.chance(0.8):
            made |= {"disaster_id": request.disaster, "region_id": request.region}
            made["lines"][0]["item_id"] = request.item

    def _fit_appropriation(self, made: dict[str, Any], _target: str) -> None:
        """Most decisions are named with what they rest on."""
        if self.chooser.chance(0.8):
            decided_on = self.chooser.today - timedelta(days=self.random.choice((0, 0, 3, -1)))
            made |= {"authority_reference": "의결 7호", "decided_on": decided_on.isoformat()}

    def _fit_task(self, made: dict[str, Any], _target: str) -> None:
        if made.get("required_credential"):
            made["required_credential"] = "medical_licence"

    def _fit_cancelling(self, made: dict[str, Any], _target: str) -> None:
        if "cancel_code" in made or self.chooser.chance(0.7):
            made["cancel_code"] = RIGHT_CODE if self.chooser.chance(0.9) else "AAAAAAAAAA"

    def _fit_sign_up(self, made: dict[str, Any], target: str) -> None:
        made["name"], made["phone"] = self.random.choice(list(VOLUNTEERS.items()))
        shift = self.model.people.shifts.get(target)
        asked = self.model.people.tasks[shift.task].credential if shift else None
        if asked and "credential" in made:
            made["credential"] = {"kind": asked, "number": f"면허-{made['phone'][-4:]}"}
        elif self.chooser.chance(0.95):
            made.pop("credential", None)
        else:
            made["credential"] = {"kind": "medical_licence", "number": f"면허-{made['phone'][-4:]}"}

    def _fit_sign_in(self, made: dict[str, Any], _target: str) -> None:
        account = self.random.choice(list(self.model.access.accounts))
        made |= {"account": account, "password": self.model.access.accounts[account].password}
        if self.chooser.chance(0.2):
            made["password"] = "another-password"

    def _fit_account(self, made: dict[str, Any], _target: str) -> None:
        grants = [grant_body(one) for one in self.random.choice(list(ACCOUNTS.values()))]
        if self.chooser.chance(0.3):
            grants.append({"role": "payment_officer", "body_id": self._reference("body_id")})
        made["grants"] = grants
        if self.chooser.chance(0.1):
            made["id"] = "operator"
        if self.chooser.chance(0.1):
            made["password"] = "short"

    def _fit_grant(self, made: dict[str, Any], _target: str) -> None:
        if made.get("disaster_id") and self.chooser.chance(0.5):
            made["disaster_id"] = None

    def _fit_note(self, made: dict[str, Any], _target: str) -> None:
        """Somebody who looks after a difference is named."""
        if made["action"] == "assign" and self.chooser.chance(0.8):
            made["owner"] = self.random.choice(list(ACCOUNTS))

    def _fit_region(self, made: dict[str, Any], _target: str) -> None:
        if made["kind"] == "group":
            made |= {"id": self.chooser.new_id("group"), "member_ids": sorted(REGIONS)}
            made.pop("parent_id", None)
        else:
            made |= {"id": self.random.choice((*REGIONS, *FURTHER_REGIONS)), "parent_id": PROVINCE}
            made.pop("member_ids", None)

    def _fit_basis(self, made: dict[str, Any], _target: str) -> None:
        """All of a basis or none, most of the time."""
        if self.chooser.chance(0.8):
            whole = self.chooser.chance(0.7)
            given = {"basis_kind": "other", "basis_reference": "공문 12호", "basis_date": self._day("basis_date")}
            for name, value in given.items():
                made[name] = value if whole else None
        if "began_on" in made:
            made["began_on"] = (self.chooser.today - timedelta(days=self.random.choice((0, 0, 3, -1)))).isoformat()
