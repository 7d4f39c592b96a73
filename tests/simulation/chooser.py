"""Who does what next: people of every role, honest, careless and malicious, and the faults between two steps."""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from tests.simulation.actions import (
    Action,
    Anchor,
    Ask,
    BackUp,
    CheckAnchor,
    Flush,
    Know,
    LateCommit,
    Learn,
    Listen,
    Lose,
    Poison,
    Publish,
    Race,
    Read,
    Recall,
    Republish,
    Restart,
    Restore,
    Settle,
    Skew,
    Tear,
    Wait,
)
from tests.simulation.catalogue import OPS, Request
from tests.simulation.chooser_bodies import Bodies
from tests.simulation.chooser_steps import Steps
from tests.simulation.model import Model
from tests.simulation.model.core import day_in_korea
from tests.simulation.people import ACCOUNTS, BODIES
from tests.simulation.world import BACKUP_FILE, LISTENERS, MODULES, PUBLISHERS, World

PROLOGUE: Final = (
    *("open_fund", "open_line", "appropriate", "register_item", "receive_stock"),
    *("propose_task", "approve_task", "open_shift", "propose_task", "approve_task", "open_shift"),
)
# Who begins: people of one body, whose documents and tasks others may go on with.
BEGINNERS: Final = {
    **dict.fromkeys(("open_fund", "open_line", "appropriate"), "budget-1"),
    **dict.fromkeys(("register_item", "receive_stock"), "coordinator-1"),
    **dict.fromkeys(("propose_task", "open_shift"), "manager-1"),
    "approve_task": "manager-2",
}
POISONS: Final = ("half", "noise", "changed", "changed", "empty", "unfit")
REQUEST_FAULTS: Final = ("commit", "committed", "committed", "full:0", "full:1", "full:3")
DAY_MINUTES: Final = 24 * 60


class Chooser:
    def __init__(self, random: Random, model: Model, world: World) -> None:
        self.random = random
        self.model = model
        self.world = world
        self.number = 0
        self.plan = list(PROLOGUE)
        self.past: list[Request] = []
        self.bodies = Bodies(random, model, self)
        self.steps = Steps(random, model, self)

    @property
    def today(self) -> date:
        return day_in_korea(self.world.time.now)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def new_id(self, kind: str) -> str:
        self.number += 1
        return f"{kind}-{self.number}"

    def next(self) -> Action:
        if self.plan:
            return Ask(self._remember(self._planned(self.plan.pop(0))))
        dice = self.random.random()
        ways: tuple[tuple[float, Callable[[], Action]], ...] = (
            (0.66, lambda: Ask(self._remember(self._with_fault(self._request())))),
            (0.70, self._race),
            (0.77, self._publish),
            (0.84, self._read),
            (0.87, self._listen),
            (0.90, self._question),
        )
        return next((way for limit, way in ways if dice < limit), self._mishap)()

    def _planned(self, op: str) -> Request:
        """A step of what any relief begins with. A plain request, so that a failing story can do without it."""
        target = self.steps.any_target(op, newest=1)
        return Request(op, self.new_id("key"), BEGINNERS[op], target, self.bodies.first(op))

    def _request(self) -> Request:
        dice = self.random.random()
        if self.past and dice < 0.10:
            return self._again()
        op, target = self._wanted()
        request = self._by_the_book(op, target)
        if dice < 0.77:
            return request
        if dice < 0.82:
            return request.but(account=self.steps.stranger(request), acting_body="")
        return self._bent(request)

    def _wanted(self) -> tuple[str, str]:
        """A natural next step of something there is; sometimes any step on anything."""
        if self.chance(0.12):
            op = self.random.choice(sorted(OPS))
            return op, self.steps.any_target(op)
        return self.steps.natural_step()

    def _by_the_book(self, op: str, target: str) -> Request:
        body = self.bodies.body(op, target)
        importing = self._date(op, body)
        account, acting_body = self.steps.who(op, target, body, importing=importing)
        token = "none" if OPS[op].is_public and not importing and self.chance(0.5) else "valid"
        return Request(op, self.new_id("key"), account, target, body, token=token, acting_body=acting_body)

    def _date(self, op: str, body: dict[str, Any]) -> bool:
        """Sometimes name a day that is allowed; whether it takes an importer."""
        kind = OPS[op]
        if "effective_date" not in kind.form or not self.chance(0.2):
            return False
        importing = not kind.back or self.chance(0.4)
        days = -self.random.choice((0, 1, 1, 2, 5, 40, 1500) if importing else (1, 2, min(6, kind.back), kind.back))
        if kind.forward and self.chance(0.4):
            days = self.random.choice((1, 30, min(300, kind.forward)))
        body["effective_date"] = (self.today + timedelta(days=days)).isoformat()
        return importing and days <= 0 and ("importer" in kind.roles or kind.is_public)

    def _again(self) -> Request:
        """A request of before comes once more: the same, under the same key with another body, or under another key."""
        request, dice = self.random.choice(self.past[-12:]).but(fault=""), self.random.random()
        if dice < 0.6:
            return request.but(version="same")
        if dice < 0.8:
            return request.but(version="same", body=self.bodies.body(request.op, request.target))
        return request.but(key=self.new_id("key"))

    def _bent(self, request: Request) -> Request:
        """The request with something wrong about it: careless or malicious."""
        body, pick = request.body, self.random.choice
        day = (self.today + timedelta(days=pick((1, 40, 500, -1, -8, -40, -6000)))).isoformat()
        bends: tuple[dict[str, Any], ...] = (
            {"token": pick(("forged", "expired", "none"))},
            {"token": "old", "account": pick(self.steps.signed_out() or [request.account])},
            {"account": pick(sorted(ACCOUNTS))},
            {"account": self.steps.who_touched(request)},
            {"acting_body": pick((*sorted(BODIES), "nowhere"))},
            {"version": pick(("stale", "ahead", "none"))},
            {"target": self.steps.any_target(request.op)} if self.chance(0.5) else self._no_target(request),
            {"body": {**body, "effective_date": day}},
            {"body": self.bodies.spoilt(request)},
            {"body": self.bodies.spoilt(request)},
            {"key": ""} if self.chance(0.5) else {"body": self.bodies.spoilt(request)},
        )
        return request.but(**pick(bends))

    def _no_target(self, request: Request) -> dict[str, Any]:
        id_, slash, rest = request.target.partition("/")
        return {"target": f"nowhere{slash}{rest}"} if id_ and request.op != "add_note" else {}

    def _with_fault(self, request: Request) -> Request:
        return request.but(fault=self.random.choice(REQUEST_FAULTS)) if self.chance(0.06) else request

    def _remember(self, request: Request) -> Request:
        self.past.append(request)
        return request

    def _race(self) -> Action:
        """Two people want the same thing at once, often one of two documents on one line or one of two seats."""
        slow, quick = self._by_the_book(*self._wanted()), self._by_the_book(*self._wanted())
        if rivals := self.steps.rivals():
            slow, quick = (self._by_the_book(*rival) for rival in rivals)
        return Race(self._remember(slow), self._remember(quick))

    def _publish(self) -> Action:
        fault = self.random.choice(("publish", "published", "commit", "full", "gone")) if self.chance(0.25) else ""
        return Publish(self.random.choice(PUBLISHERS), self.random.choice((0, 0, 1, 3)), fault)

    def _listen(self) -> Action:
        fault = self.random.choice(("commit", "committed", "full")) if self.chance(0.2) else ""
        return Listen(self.random.choice(LISTENERS), fault)

    def _read(self) -> Action:
        fault = self.random.choice(("commit", "committed", "full")) if self.chance(0.25) else ""
        rewind = self.random.choice((0, 0, 0, 2, 100))
        after = self.random.choice((0, 1, 4)) if fault == "full" else 0
        return Read(self.random.choice((0, 1, 5)), self.random.randrange(1000), rewind, fault, after)

    def _question(self) -> Action:
        if self.chance(0.4):
            return Recall(self.random.randrange(50))
        minutes = self.random.choice((0, 0, 0, 1, 60, 600, 600, DAY_MINUTES, DAY_MINUTES, 30 * DAY_MINUTES, -1))
        report = self.random.choice(("execution", "execution", "goods", "people"))
        return Know(report, minutes, self.random.choice((0, 0, -1, 2, -30, 300)))

    def _mishap(self) -> Action:
        dice, service = self.random.randrange(28), self.random.choice(PUBLISHERS)
        backed_up = (self.world.home / BACKUP_FILE).exists()
        actions: dict[int, Action] = {
            0: Restart(self.random.choice((*MODULES, "bus"))),
            1: Poison(service, self.random.choice(POISONS), self.random.randrange(9)),
            2: Skew(self.random.choice(tuple(MODULES)), self.random.choice((0, -90, 90, 600, -600))),
            3: Flush(),
            4: Settle(),
            5: Wait(self.random.choice((300 * DAY_MINUTES, 200 * DAY_MINUTES, 30 * DAY_MINUTES))),
            6: BackUp(),
            7: Restore() if backed_up else BackUp(),
            8: Tear(self.random.choice((*MODULES, "bus")), self.random.choice((0, 3, 50, 97, 100))),
            9: Poison(service, "unknown", self.random.randrange(9)),
            10: Learn() if self.chance(0.3) else Lose(service),
            11: Lose(service),
            12: Anchor(),
            13: CheckAnchor(self.random.randrange(9)),
            14: Wait(self.random.choice((300 * DAY_MINUTES, 10 * DAY_MINUTES, 3 * DAY_MINUTES))),
        }
        if dice in actions:
            return actions[dice]
        if dice < 19:
            return Republish(service, self.random.choice((1, 2, 50)))
        if dice < 22:
            return LateCommit(service)
        return Wait(self.random.choice((5, 60, 600, DAY_MINUTES, 3 * DAY_MINUTES)))

    def pick(self, things: dict[str, Any], *, newest: int = 6) -> str:
        """One of the newest; a name that fits nothing where there are none."""
        return self.random.choice(list(things)[-newest:]) if things else "nowhere"
