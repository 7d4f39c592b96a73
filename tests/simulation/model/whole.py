"""The whole model: who may ask what, which requests are repeats, and the rule behind each request."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tests.simulation.catalogue import OPS, Op, Request, is_well_formed
from tests.simulation.model.core import Answer, Asked, Book, Refused, known, need
from tests.simulation.model.goods import Goods
from tests.simulation.model.money import Money
from tests.simulation.model.people import People

Rule = Callable[[Asked], dict[str, Any]]
STAGES = ("suppression", "recovery", "livelihood")


@dataclass
class Kept:
    """What was asked with an Idempotency-Key, and the bytes answered (None if nobody saw the answer)."""

    asked: str
    status: int
    body: bytes | None = None


@dataclass
class Disaster:
    name: str
    last_day: date
    stage: str = "suppression"
    version: int = 1


@dataclass
class Model:
    book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        self.money = Money(self.book)
        self.goods = Goods(self.book)
        self.people = People(self.book)
        self.disasters: dict[str, Disaster] = {}
        self.log_entries: set[str] = set()
        self.kept: dict[tuple[str, str, str], Kept] = {}
        self.sent_versions: dict[tuple[str, str], int] = {}
        self.rules = self._rules()

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
        things: tuple[dict[str, Any], ...] = (
            self.money.documents,
            self.goods.shipments,
            self.goods.requests,
            self.people.tasks,
            self.people.sign_ups,
            self.disasters,
        )
        found = [these[request.target] for these in things if request.target in these]
        return found[0].version if found else 1

    def answer(self, request: Request, sent_version: str | None, now: datetime) -> Answer:
        """Decide the request and change the model as the product must change."""
        op = OPS[request.op]
        try:
            return self._decide(op, request, sent_version, now)
        except Refused as refusal:
            return Answer(refusal.status, refusal.slug, refusal.facts)

    def answer_given(self, request: Request) -> bytes | None:
        """The bytes answered to this key before, if anybody saw them."""
        kept = self.kept.get(self._key_of(request))
        return kept.body if kept else None

    def remember_answer(self, request: Request, body: bytes) -> None:
        """Keep the bytes that a repeat must bring again, and learn the codes only the product can choose."""
        kept = self.kept.get(self._key_of(request))
        if kept is not None and kept.body is None:
            kept.body = body
            if request.op == "sign_up":
                self.people.sign_ups[request.body["id"]].code = json.loads(body)["cancel_code"]

    def _decide(self, op: Op, request: Request, sent_version: str | None, now: datetime) -> Answer:
        self._check_person(op, request)
        need(bool(request.key), 400, "idempotency-key-missing")
        need(not op.edits or sent_version is not None, 428, "if-match-missing")
        content = json.dumps([request.op, request.target, sent_version, request.body], sort_keys=True)
        kept = self.kept.get(self._key_of(request))
        if kept is not None:
            need(kept.asked == content, 422, "idempotency-key-reused")
            if op.keeps_answer:
                return Answer(kept.status, None, {}, is_replay=True)
        need(is_well_formed(op, request.body), 422, "unprocessable-entity")
        version = int(sent_version.strip('"')) if sent_version else None
        account, roles = request.account, frozenset(request.roles)
        if request.token == "none":
            account, roles = "anonymous", frozenset()
        told = self.rules[request.op](Asked(now, account, roles, request.target, dict(request.body), version))
        self.kept[self._key_of(request)] = Kept(content, op.status)
        return Answer(op.status, None, told)

    def _check_person(self, op: Op, request: Request) -> None:
        need(request.token in ("valid", "none"), 401, "not-signed-in")
        if not op.public:
            need(request.token == "valid", 401, "not-signed-in")
            held = sorted(request.roles)
            need(bool(op.roles & set(request.roles)), 403, "role-missing", held_roles=held)

    def _key_of(self, request: Request) -> tuple[str, str, str]:
        account = request.account if request.token == "valid" else "anonymous"
        return OPS[request.op].service, account, request.key

    def _open_disaster(self, asked: Asked) -> dict[str, Any]:
        body, on, id_ = asked.body, asked.day(), asked.body["id"]
        began = date.fromisoformat(body["began_on"])
        need(on >= began, 422, "dates-out-of-order", previous_date=began.isoformat())
        need(id_ not in self.disasters, 409, "already-exists", id=id_)
        self.disasters[id_] = Disaster(body["name"], on)
        self.book.tell("situation.disaster_opened", id_, 1, asked, on, disaster_id=id_)
        return {"stage": "suppression", "version": 1}

    def _change_stage(self, asked: Asked) -> dict[str, Any]:
        on, disaster, stage = asked.day(), known(self.disasters, asked.target), asked.body["stage"]
        asked.check_version(disaster.version)
        forward = STAGES.index(stage) > STAGES.index(disaster.stage)
        need(forward, 409, "stage-cannot-go-back", current=disaster.stage)
        need(on >= disaster.last_day, 422, "dates-out-of-order", previous_date=disaster.last_day.isoformat())
        disaster.stage, disaster.last_day = stage, on
        disaster.version += 1
        self.book.tell("situation.disaster_stage_changed", asked.target, disaster.version, asked, on, stage=stage)
        return {"stage": stage, "version": disaster.version}

    def _write_log(self, asked: Asked) -> dict[str, Any]:
        known(self.disasters, asked.body["disaster_id"])
        asked.day()
        need(asked.body["id"] not in self.log_entries, 409, "already-exists", id=asked.body["id"])
        self.log_entries.add(asked.body["id"])
        return {"text": asked.body["text"]}

    def _open_account(self, asked: Asked) -> dict[str, Any]:
        # Only accounts that hold duties one person may not hold together are asked for.
        raise Refused(422, "incompatible-duties")

    def _rules(self) -> dict[str, Rule]:
        money, goods, people = self.money, self.goods, self.people

        def of(rule: Callable[[Asked, str], dict[str, Any]], step: str) -> Rule:
            return lambda asked: rule(asked, step)

        return {
            "open_disaster": self._open_disaster,
            "change_stage": self._change_stage,
            "write_log": self._write_log,
            "open_account": self._open_account,
            "open_fund": money.open_fund,
            "open_line": money.open_line,
            "appropriate": money.appropriate,
            "forecast": money.forecast,
            "propose": money.propose,
            "revise": money.revise,
            **{step: of(money.decide, step) for step in ("review", "approve", "reject")},
            "commit": money.commit,
            "release": money.release,
            "pay": money.pay,
            "reverse": money.reverse,
            "register_item": goods.register_item,
            "register_depot": goods.register_depot,
            "receive_stock": goods.receive_stock,
            "request_goods": goods.request_goods,
            "close_request": goods.close_request,
            "ship": goods.ship,
            "dispatch": goods.dispatch,
            "cancel_shipment": goods.cancel,
            "receive_shipment": goods.receive,
            "propose_task": people.propose_task,
            "approve_task": people.approve_task,
            "close_task": people.close_task,
            "open_shift": people.open_shift,
            "sign_up": people.sign_up,
            "verify": people.verify,
            **{step: of(people.decide, step) for step in ("confirm", "waitlist", "decline", "attend")},
            "cancel_sign_up": people.cancel,
            "reveal": people.reveal,
            "purge": people.purge,
        }
