"""One run: actions are chosen or replayed one by one, and after each the laws are checked."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
from tests.simulation.background import Background, first_line
from tests.simulation.catalogue import OPS, Request
from tests.simulation.chooser_bodies import RIGHT_CODE
from tests.simulation.faults import Crash
from tests.simulation.laws import Broken, Laws, holds
from tests.simulation.laws_settled import SettledLaws, said
from tests.simulation.model import Model
from tests.simulation.model.access import Token
from tests.simulation.model.core import Answer, Person, Refused, day_in_korea
from tests.simulation.model.reports import Horizon
from tests.simulation.model.whole import Backup
from tests.simulation.purse import Purse
from tests.simulation.sabotage import Saboteur
from tests.simulation.tampering import Tamperer
from tests.simulation.world import LISTENERS, PUBLISHERS, Reply, World

NOTHING_READ: Final = "0 read"
MOST_ROUNDS: Final = 200  # of publishing and reading, before a system that does not come to rest counts as stuck
NOBODY: Final = "nobody-knows"  # an id for what cannot be resolved


@dataclass
class Report:
    """What a run did, step by step with its outcome, and the law it broke if any."""

    actions: list[Action] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    broken: Broken | None = None


@dataclass(frozen=True)
class Sending:
    """A request as it goes out: what only the product could choose is put in, and whom the service lets in is known."""

    request: Request
    if_match: str | None
    token: Token | None
    person: Person | Refused

    @property
    def account(self) -> str:
        return self.person.account if isinstance(self.person, Person) else ""


@contextlib.contextmanager
def nothing_unexpected() -> Iterator[None]:
    """Whatever else goes wrong breaks a law as well. Raises Broken."""
    try:
        yield
    except Broken:
        raise
    except Exception as error:
        raise Broken("nothing unexpected gets out", first_line(error)) from error


class Run:
    def __init__(self, world: World, model: Model) -> None:
        self.world = world
        self.model = model
        self.laws = Laws(world, model)
        self.settled = SettledLaws(self.laws)
        self.purse = Purse(model)
        self.background = Background(self.laws)
        self.saboteur = Saboteur(self.laws)
        self.backup: Backup | None = None
        self.ways = self._ways()

    def close(self) -> None:
        self.laws.close()

    def all(self, actions: Iterable[Action], *, tampered: bool = True) -> Report:
        """A whole life; unless it goes on in others, it ends with somebody who changes what is written."""
        report = Report()
        try:
            for service in PUBLISHERS:
                self.laws.after_step(service)
            self.laws.start_from_here()
            for action in self._with_an_end(actions):
                report.actions.append(action)
                report.outcomes.append("")
                report.outcomes[-1] = self.execute(action)
            with nothing_unexpected():
                self.settled.at_the_end()
                if tampered:
                    Tamperer(self.settled).check()
        except Broken as broken:
            report.broken = broken
        return report

    def _with_an_end(self, actions: Iterable[Action]) -> Iterator[Action]:
        last: Action | None = None
        for last in actions:
            yield last
        if not isinstance(last, Settle):
            yield Settle()

    def execute(self, action: Action) -> str:
        """Do it, check the laws, and say in a few words what came of it. Raises Broken."""
        try:
            with nothing_unexpected():
                return self.ways[type(action)](action) or ""
        finally:
            self.world.faults.disarm()

    def _ways(self) -> dict[type[Any], Callable[[Any], str | None]]:
        """How each kind of action is done; what is returned is the outcome in words."""
        world, background, saboteur = self.world, self.background, self.saboteur
        return {
            Ask: lambda action: self._ask(action.request),
            Race: self._race,
            Publish: background.publish,
            Read: background.read,
            Listen: background.listen,
            Know: self._know,
            Recall: self._recall,
            Anchor: lambda _: self._anchor(),
            CheckAnchor: self._check_anchor,
            Learn: lambda _: self._learn(),
            Lose: saboteur.lose,
            Restart: lambda action: world.restart_bus() if action.part == "bus" else world.restart(action.part),
            Tear: self._tear,
            Wait: lambda action: world.time.wait(action.minutes),
            Skew: self._skew,
            Republish: saboteur.republish,
            Poison: saboteur.poison,
            LateCommit: saboteur.commit_late,
            BackUp: lambda _: self._back_up(),
            Restore: lambda _: self._restore(),
            Flush: lambda _: world.flush(),
            Settle: lambda _: self._settle(),
        }

    def _ask(self, request: Request) -> str:
        self.world.time.tick()
        sending = self._sending(request)
        service, (fault, _, after) = OPS[request.op].service, request.fault.partition(":")
        if fault:
            self.world.faults.arm(service, fault, after=int(after or 0))
        return self._judge(sending, self._send(sending))

    def _sending(self, request: Request) -> Sending:
        service = OPS[request.op].service
        request = self._resolved(request)
        here = self.world.now(service)
        token = self.purse.token_for(request, here, self.world.now("situation"))
        person = self.model.admit(request, token, here)
        return Sending(request, self.model.version_to_send(request), token, person)

    def _send(self, sending: Sending) -> Reply | None:
        """The reply, or None where the service died."""
        try:
            return self.world.ask(sending.request, sending.token, sending.if_match)
        except Crash:
            self.world.recover(OPS[sending.request.op].service)
            return None

    def _resolved(self, request: Request) -> Request:
        """The request with what only the product can choose: a code, the id of a grant or of a difference."""
        if request.body.get("cancel_code") == RIGHT_CODE:
            known = self.model.people.sign_ups.get(request.target)
            code = known.code if known and known.code else "AAAAAAAAAA"
            request = request.but(body={**request.body, "cancel_code": code})
        if request.op == "end_grant":
            account, _, nth = request.target.rpartition("#")
            held = self.model.access.accounts.get(account.split("/")[0])
            ids = [one.id for one in held.held if one.id] if held else []
            request = request.but(target=account + (ids[int(nth) % len(ids)] if ids else NOBODY))
        if request.op == "add_note":
            request = request.but(target=self._difference(*request.target.split(":")))
        return request

    def _difference(self, what: str, nth: str) -> str:
        ids = [one.id for one in self.model.ledger.breaks]
        if what == "finding":
            as_of = day_in_korea(self.world.time.now)
            report = self.world.look("ledger", f"/reconciliation?as_of={as_of}")
            ids = [finding["id"] for finding in report["findings"]]
        return ids[int(nth) % len(ids)] if ids else NOBODY

    def _judge(self, sending: Sending, reply: Reply | None) -> str:
        """Compare what was answered with what the model decides. Raises Broken."""
        request, service = sending.request, OPS[sending.request.op].service
        struck = {point for part, point in self.world.faults.struck if part == service}
        self.world.faults.disarm()
        if "commit" in struck:
            self.laws.after_step(service)
            return "the service dies before its commit"
        if "full" in struck:
            assert reply
            holds("a full disk is said and changes nothing", "503 storage-unavailable", said(reply))
            self.laws.after_step(service)
            return "the disk is full: 503"
        answer = self.model.answer(request, sending.if_match, sending.person, self.world.now(service))
        wanted = str(answer.status) if answer.slug is None else f"{answer.status} {answer.slug}"
        if reply is None:
            holds("only what was accepted is committed", True, answer.status < 400)
            outcome = f"{wanted}, but the service dies before it answers"
        else:
            holds(f"{request.op} is answered as it should be", wanted, said(reply))
            holds(f"{request.op} tells what it should", answer.told, reply.body)
            self._check_repeat(sending, reply, is_replay=answer.is_replay)
            outcome = wanted + (" (a repeat)" if answer.is_replay else "")
            self._keep_what_was_given(request, answer, reply)
        self.laws.after_step(service)
        if request.op == "retake":
            self.laws.watch_ledger(self.world.now(service), one_by_one=True)
        return outcome

    def _check_repeat(self, sending: Sending, reply: Reply, *, is_replay: bool) -> None:
        law = "a repeat counts once and gets the same answer"
        holds(law, is_replay, reply.is_replay)
        before = self.model.answer_given(sending.request, sending.account)
        if is_replay and before is not None:
            holds(law, before.decode(), reply.content.decode())
        elif reply.status < 400:
            self.model.remember_answer(sending.request, sending.account, reply.content)

    def _keep_what_was_given(self, request: Request, answer: Answer, reply: Reply) -> None:
        """A token to come back with, and an anchor to be kept elsewhere."""
        if answer.status >= 400:
            return
        if request.op == "sign_in":
            account = request.body["account"]
            issued_at = datetime.fromisoformat(reply.body["expires_at"]) - timedelta(hours=12)
            today = day_in_korea(self.world.now("situation"))
            grants = tuple(grant for grant in self.model.access.grants_of(account) if grant.holds_on(today))
            token = self.purse.keep(Token(account, grants, issued_at, hours=12))
            self.world.signed[token] = reply.body["token"]
        if request.op == "make_anchor" and not answer.is_replay:
            self.settled.keep_anchor(reply.body["anchor"]["number"], reply.content)

    def _race(self, action: Race) -> str:
        told: list[str] = []
        broken: list[Broken] = []

        def visit() -> None:
            try:
                told.append(self._ask(action.quick.but(fault="")))
            except Broken as found:  # kept for later: the product around us would make an answer of it
                broken.append(found)
                told.append("")
            self.world.time.tick()

        self.world.time.tick()
        slow = self._sending(action.slow.but(fault=""))
        self.world.faults.visitor = visit
        reply = self._send(slow)
        outcome = "" if broken else self._judge(slow, reply)
        self.world.faults.visitor = None
        if not told:
            visit()
        if broken:
            raise broken[0]
        return f"{outcome}; meanwhile: {told[0]}"

    def _know(self, action: Know) -> str:
        moment = self.world.now("ledger") - timedelta(minutes=action.minutes)
        as_of = day_in_korea(self.world.time.now) + timedelta(days=action.days)
        return self.settled.ask(action.report, Horizon(as_of, moment))

    def _recall(self, action: Recall) -> str:
        told = self.settled.told
        return self.settled.recall(told[action.nth % len(told)]) if told else "nobody asked before"

    def _anchor(self) -> str:
        now = self.world.now("ledger")
        wanted = int(self.model.ledger.wants_anchor(now))
        if wanted:
            self.model.ledger.anchor(now)
        holds("there is one anchor a day", wanted, self.world.anchor())
        if wanted:
            newest = self.world.get("ledger", "/anchors/newest")
            self.settled.keep_anchor(newest.body["anchor"]["number"], newest.content)
        return "made" if wanted else "there is one"

    def _check_anchor(self, action: CheckAnchor) -> str:
        if not self.settled.anchors:
            return "nobody kept one"
        self.settled.check_anchor(self.settled.anchors[action.nth % len(self.settled.anchors)])
        return "everything fits"

    def _learn(self) -> None:
        self.world.learn()
        self.model.ledger.learnt = self.laws.unknown

    def _skew(self, action: Skew) -> None:
        self.world.clocks[action.service].set_wrong(action.minutes)
        if action.service == "situation":
            self.purse.forget()

    def _tear(self, action: Tear) -> None:
        self.laws.let_go(action.part)
        shows_half = self.world.tear(action.part, action.percent)
        holds("a change is committed as a whole or not at all", False, shows_half)
        if action.part in PUBLISHERS:
            self.laws.after_step(action.part)

    def _back_up(self) -> None:
        self.world.back_up()
        self.backup = self.model.back_up()

    def _restore(self) -> str:
        if self.backup is None:
            return "there is no backup"
        self.laws.let_go("ledger")
        self.world.restore()
        self.model.restore(self.backup)
        self.laws.start_from_here()
        self.settled.restored()
        return ""

    def _settle(self) -> str:
        world = self.world
        for _ in range(MOST_ROUNDS):
            published = sum(world.publish(service) for service in PUBLISHERS)
            read = self.background.read(Read())
            if not published and read == NOTHING_READ and world.is_caught_up():
                for service in LISTENERS:
                    self.background.listen(Listen(service))
                self.settled.check()
                return "every law holds"
        raise Broken("the system comes to rest", f"still busy after {MOST_ROUNDS} rounds")
