"""Who does what next: people of every role, honest, careless and malicious, and the faults between two steps."""

from datetime import date, timedelta
from random import Random
from typing import Any, Final

from tests.simulation import chooser_bodies
from tests.simulation.actions import (
    Action,
    Ask,
    BackUp,
    Flush,
    LateCommit,
    Poison,
    Publish,
    Race,
    Read,
    Republish,
    Restart,
    Restore,
    Settle,
    Skew,
    Tear,
    Wait,
)
from tests.simulation.catalogue import OPS, Request
from tests.simulation.model import Model
from tests.simulation.model.core import day_in_korea
from tests.simulation.world import MODULES, PUBLISHERS, World

ACCOUNTS: Final = {
    "administrator-1": ("administrator",),
    "drafter-1": ("drafter",),
    "drafter-2": ("drafter",),
    "reviewer-1": ("reviewer",),
    "approver-1": ("approver",),
    "head-1": ("reviewer", "approver"),
    "commitments-1": ("commitment_officer",),
    "payments-1": ("payment_officer",),
    "coordinator-1": ("coordinator",),
    "manager-1": ("volunteer_manager",),
    "manager-2": ("volunteer_manager",),
    "auditor-1": ("auditor",),
    "volunteer-1": ("volunteer",),
    # Holds everything at once, as no account should: still nobody has a second duty on one document.
    "everything-1": (
        *("drafter", "reviewer", "approver", "commitment_officer", "payment_officer"),
        *("volunteer_manager", "coordinator", "administrator"),
    ),
}
PROLOGUE: Final = (
    *("open_disaster", "open_fund", "open_line", "appropriate", "register_item", "register_depot", "receive_stock"),
    *("propose_task", "approve_task", "open_shift", "propose_task", "approve_task", "open_shift"),
)
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
        self.bodies = chooser_bodies.Bodies(random, model, self)

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
        if dice < 0.70:
            return Ask(self._remember(self._with_fault(self._request())))
        if dice < 0.74:
            return self._race()
        if dice < 0.82:
            return self._publish()
        if dice < 0.90:
            return self._read()
        return self._mishap()

    def _planned(self, op: str) -> Request:
        """A step of what any relief begins with. A plain request, so that a failing story can do without it."""
        request = self._by_the_book(op, self.bodies.any_target(op, newest=1)).but(body=self.bodies.first(op))
        managers = {"propose_task": "manager-1", "approve_task": "manager-2"}
        return request.but(account=managers[op], roles=("volunteer_manager",)) if op in managers else request

    def _request(self) -> Request:
        dice = self.random.random()
        if self.past and dice < 0.10:
            return self._again()
        op, target = self._wanted()
        request = self._by_the_book(op, target)
        if dice < 0.80:
            return request
        return self._bent(request)

    def _wanted(self) -> tuple[str, str]:
        """A natural next step of something there is; sometimes any step on anything."""
        if self.chance(0.12):
            op = self.random.choice(sorted(OPS))
            return op, self.bodies.any_target(op)
        return self.bodies.natural_step()

    def _by_the_book(self, op: str, target: str) -> Request:
        roles = OPS[op].roles
        if OPS[op].public:
            roles = frozenset({"volunteer_manager", "volunteer"})
        fitting = [account for account, held in ACCOUNTS.items() if roles & set(held) or not roles]
        account = self.random.choice(fitting[:-1] or fitting)
        body = self.bodies.body(op, target)
        asked = tuple(ACCOUNTS[account])
        if "effective_date" in OPS[op].form and self.chance(0.15):
            body["effective_date"] = (self.today - timedelta(days=self.random.choice((0, 1, 1, 2, 5)))).isoformat()
            asked += ("importer",)
        token = "none" if OPS[op].public and self.chance(0.5) else "valid"
        return Request(op, self.new_id("key"), account, asked, target, body, token=token)

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
        other = pick(sorted(ACCOUNTS))
        day = (self.today + timedelta(days=pick((1, 40, -1, -40)))).isoformat()
        bends: tuple[dict[str, Any], ...] = (
            {"token": pick(("forged", "expired", "none"))},
            {"account": other, "roles": ACCOUNTS[other]},
            {"account": "everything-1", "roles": ACCOUNTS["everything-1"]},
            {"version": pick(("stale", "ahead", "none"))},
            {"target": pick((self.bodies.any_target(request.op), "nowhere"))},
            {"body": {**body, "effective_date": day}},
            {"body": self.bodies.spoilt(request)},
            {"body": self.bodies.spoilt(request)},
            {"key": ""} if self.chance(0.5) else {"body": self.bodies.spoilt(request)},
        )
        return request.but(**pick(bends))

    def _with_fault(self, request: Request) -> Request:
        return request.but(fault=self.random.choice(REQUEST_FAULTS)) if self.chance(0.06) else request

    def _remember(self, request: Request) -> Request:
        self.past.append(request)
        return request

    def _race(self) -> Action:
        """Two people want the same thing at once, often one of two documents on one line or one of two seats."""
        slow, quick = self._by_the_book(*self._wanted()), self._by_the_book(*self._wanted())
        if rivals := self.bodies.rivals():
            slow, quick = (self._by_the_book(*rival) for rival in rivals)
        return Race(self._remember(slow), self._remember(quick))

    def _publish(self) -> Action:
        fault = self.random.choice(("publish", "published", "commit", "full", "gone")) if self.chance(0.25) else ""
        return Publish(self.random.choice(PUBLISHERS), self.random.choice((0, 0, 1, 3)), fault)

    def _read(self) -> Action:
        fault = self.random.choice(("commit", "committed", "full")) if self.chance(0.25) else ""
        rewind = self.random.choice((0, 0, 0, 2, 100))
        after = self.random.choice((0, 1, 4)) if fault == "full" else 0
        return Read(self.random.choice((0, 1, 5)), self.random.randrange(1000), rewind, fault, after)

    def _mishap(self) -> Action:
        dice, service = self.random.randrange(21), self.random.choice(PUBLISHERS)
        actions: dict[int, Action] = {
            0: Restart(self.random.choice((*MODULES, "bus"))),
            1: Poison(service, self.random.choice(("half", "noise", "changed", "empty")), self.random.randrange(9)),
            2: Skew(service, self.random.choice((0, -90, 90, 600, -600))),
            3: Flush(),
            4: Settle(),
            5: Wait(self.random.choice((200 * DAY_MINUTES, 30 * DAY_MINUTES))),
            6: BackUp(),
            7: Restore(),
            8: Tear(self.random.choice((*MODULES, "bus")), self.random.choice((0, 3, 50, 97, 100))),
        }
        if dice in actions:
            return actions[dice]
        if dice < 12:
            return Republish(service, self.random.choice((1, 2, 50)))
        if dice < 16:
            return LateCommit(service)
        return Wait(self.random.choice((5, 60, 600, DAY_MINUTES, 3 * DAY_MINUTES)))

    def pick(self, things: dict[str, Any], *, newest: int = 6) -> str:
        """One of the newest; a name that fits nothing where there are none."""
        return self.random.choice(list(things)[-newest:]) if things else "nowhere"
