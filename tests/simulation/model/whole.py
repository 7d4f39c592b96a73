"""The whole model: who may ask what, which requests are repeats, and the rule behind each request."""

import copy
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tests.simulation.catalogue import OPS, Op, Request
from tests.simulation.forms import is_well_formed
from tests.simulation.model.access import Access, Token
from tests.simulation.model.core import Answer, Asked, Book, Person, Refused, need
from tests.simulation.model.goods import Goods
from tests.simulation.model.ledger import Ledger
from tests.simulation.model.money import Money
from tests.simulation.model.people import People
from tests.simulation.model.situation import Situation

SERVICES: Final = ("situation", "inventory", "disbursement", "dispatch", "ledger")
PARTS: Final = {
    "situation": "situation",
    "inventory": "goods",
    "disbursement": "money",
    "dispatch": "people",
    "ledger": "ledger",
}
ACCOUNT_OPS: Final = {"open_account", "give_grant", "end_grant", "reset_password", "disable", "enable", "sign_out"}
ACCESS: Final = ACCOUNT_OPS | {"sign_in", "sign_out_everywhere", "change_password"}


@dataclass
class Kept:
    """What was asked with an Idempotency-Key, and the bytes answered (None if nobody saw the answer)."""

    asked: str
    status: int
    body: bytes | None = None


@dataclass
class Model:
    book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        self.situation = Situation(self.book)
        self.access = Access(self.book, SERVICES, self.situation.bodies, self.situation.disasters)
        self.money = Money(self.book)
        self.goods = Goods(self.book)
        self.people = People(self.book)
        self.ledger = Ledger()
        self.kept: dict[tuple[str, str, str], Kept] = {}
        self.sent_versions: dict[tuple[str, str], int] = {}

    def version_to_send(self, request: Request) -> str | None:
        """What stands in If-Match, as the request describes it."""
        if not OPS[request.op].edits or request.version == "none":
            return None
        current = self.version_of(request)
        number = {"current": current, "stale": current - 1, "ahead": current + 1}.get(request.version, current)
        if request.version == "same":
            number = self.sent_versions.get((request.account, request.key), current)
        self.sent_versions.setdefault((request.account, request.key), number)
        return f'"{max(number, 0)}"'

    def version_of(self, request: Request) -> int:
        id_ = request.target.split("/")[0]
        thing = self.home_of(OPS[request.op]).get(id_)
        return thing.version if thing else 1

    def home_of(self, op: Op) -> dict[str, Any]:
        """The things that this kind of request is about, by id."""
        homes: dict[str, dict[str, Any]] = {
            "/accounts": self.access.accounts,
            "/disasters": self.situation.disasters,
            "/bodies": self.situation.bodies,
            "/regions": self.situation.regions,
            "/sites": self.situation.sites,
            "/funds": self.money.funds,
            "/budget-lines": self.money.lines,
            "/spending-proposals": self.money.documents,
            "/payments": self.money.payments,
            "/items": self.goods.items,
            "/shipments": self.goods.shipments,
            "/requests": self.goods.requests,
            "/tasks": self.people.tasks,
            "/shifts": self.people.shifts,
            "/sign-ups": self.people.sign_ups,
        }
        return homes.get(op.path.partition("/{}")[0], {}) if "{}" in op.path else {}

    def admit(self, request: Request, token: Token | None, now: datetime) -> Person | Refused:
        """Whom the service lets in with this token, at the moment it looks at it."""
        op = OPS[request.op]
        if token is None and op.is_public:
            return Person()
        try:
            person = self.access.admit(token, op.service, now)
            held = sorted({grant.role for grant in person.grants})
            need(op.is_public or bool(op.roles & set(held)), 403, "role-missing", held_roles=held)
        except Refused as refusal:
            return refusal
        return person

    def answer(self, request: Request, sent_version: str | None, person: Person | Refused, now: datetime) -> Answer:
        """Decide the request and change the model as the product must change."""
        try:
            if isinstance(person, Refused):
                raise person
            return self._decide(request, sent_version, person, now)
        except Refused as refusal:
            return Answer(refusal.status, refusal.slug, refusal.facts)

    def answer_given(self, request: Request, account: str) -> bytes | None:
        """The bytes answered to this key before, if anybody saw them."""
        kept = self.kept.get((OPS[request.op].service, account, request.key))
        return kept.body if kept else None

    def remember_answer(self, request: Request, account: str, body: bytes) -> None:
        """Keep the bytes that a repeat must bring again, and learn what only the product can choose."""
        kept = self.kept.get((OPS[request.op].service, account, request.key))
        if kept is None or kept.body is not None:
            return
        kept.body = body
        if request.op == "sign_up":
            self.people.sign_ups[request.body["id"]].code = json.loads(body)["cancel_code"]
        if request.op in ACCOUNT_OPS:
            told = json.loads(body)
            self.access.learn_grants(told["id"], told["grants"])

    def back_up(self) -> "Backup":
        kept = {key: one for key, one in self.kept.items() if key[0] == "ledger"}
        return Backup(copy.deepcopy(self.ledger), dict(self.access.void["ledger"]), copy.deepcopy(kept))

    def restore(self, backup: "Backup") -> None:
        """The ledger as it was; everything else goes on."""
        again = copy.deepcopy(backup)
        learnt = self.ledger.learnt  # a skill of its code and not of its data
        self.ledger.__dict__.update(again.ledger.__dict__, learnt=learnt)
        self.access.void["ledger"] = again.void
        self.kept = {key: one for key, one in self.kept.items() if key[0] != "ledger"} | again.kept

    def _decide(self, request: Request, sent_version: str | None, person: Person, now: datetime) -> Answer:
        op = OPS[request.op]
        need(bool(request.key) or not op.takes_key, 400, "idempotency-key-missing")
        need(not op.edits or sent_version is not None, 428, "if-match-missing")
        asked = [request.op, request.target, sent_version, request.acting_body, request.body]
        content = json.dumps(asked, sort_keys=True)
        key = (op.service, person.account, request.key)
        kept = self.kept.get(key)
        if kept is not None and op.takes_key:
            need(kept.asked == content, 422, "idempotency-key-reused")
            if op.keeps_answer:
                return Answer(kept.status, None, {}, is_replay=True)
        need(is_well_formed(op.form, request.body), 422, "unprocessable-entity")
        version = int(sent_version.strip('"')) if sent_version else None
        acting_body = request.acting_body or None
        told = rule_of(self, request.op)(
            Asked(op, now, person, request.target, dict(request.body), version, acting_body)
        )
        if op.takes_key:
            self.kept[key] = Kept(content, op.status)
        return Answer(op.status, None, told)


@dataclass
class Backup:
    ledger: Ledger
    void: dict[str, datetime]
    kept: dict[tuple[str, str, str], Kept]


def rule_of(model: Model, op: str) -> Callable[[Asked], dict[str, Any]]:
    """The rule behind a request: a method of its name, unless it is one of a family."""
    decisions = {
        **dict.fromkeys(("review", "approve", "reject"), model.money.decide),
        **dict.fromkeys(("confirm", "waitlist", "decline", "attend"), model.people.decide),
    }
    if op in decisions:
        return functools.partial(decisions[op], step=op)
    if op in ("rename_disaster", "rename_body", "rename_region", "rename_site"):
        return functools.partial(model.situation.rename, kind=op.removeprefix("rename_"))
    name = {"cancel_shipment": "cancel", "receive_shipment": "receive", "cancel_sign_up": "cancel"}.get(op, op)
    owner = model.access if op in ACCESS else getattr(model, PARTS[OPS[op].service])
    rule: Callable[[Asked], dict[str, Any]] = getattr(owner, name)
    return rule
