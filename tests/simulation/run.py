"""One run: actions are chosen or replayed one by one, and after each the laws are checked."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from random import Random
from typing import Any

from shared.bus import BusUnavailable, Record
from shared.bus.embedded import EmbeddedProducer
from shared.outbox import topic_of
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
from tests.simulation.chooser import Chooser
from tests.simulation.chooser_bodies import RIGHT_CODE
from tests.simulation.faults import Crash
from tests.simulation.laws import Broken, Laws, holds
from tests.simulation.model import Model
from tests.simulation.world import PUBLISHERS, Reply, Workshop, World

NOTHING_READ = "0 read"
MOST_ROUNDS = 200  # of publishing and reading, before a system that does not come to rest counts as stuck


@dataclass
class Report:
    """What a run did, step by step with its outcome, and the law it broke if any."""

    actions: list[Action] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    broken: Broken | None = None


def simulate(workshop: Workshop, seed: int, steps: int) -> Report:
    """Run a seed with actions chosen on the way."""
    with workshop.world() as world, closing(Run(world)) as run:
        chooser = Chooser(Random(seed), run.model, world)
        return run.all(chooser.next() for _ in range(steps))


def replay(workshop: Workshop, actions: Iterable[Action]) -> Report:
    """Run recorded actions, or any part of them."""
    with workshop.world() as world, closing(Run(world)) as run:
        return run.all(actions)


class Run:
    def __init__(self, world: World) -> None:
        self.world = world
        self.model = Model()
        self.laws = Laws(world, self.model)
        self.ways = self._ways()

    def close(self) -> None:
        self.laws.close()

    def all(self, actions: Iterable[Action]) -> Report:
        report = Report()
        try:
            for action in self._with_an_end(actions):
                report.actions.append(action)
                report.outcomes.append("")
                report.outcomes[-1] = self.execute(action)
            self.laws.at_the_end()
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
            return self.ways[type(action)](action) or ""
        except (Broken, KeyboardInterrupt):
            raise
        except Exception as error:
            raise Broken("nothing unexpected gets out", first_line(error)) from error
        finally:
            self.world.faults.disarm()

    def _ways(self) -> dict[type[Any], Callable[[Any], str | None]]:
        """How each kind of action is done; what is returned is the outcome in words."""
        world = self.world
        return {
            Ask: lambda action: self._ask(action.request),
            Race: self._race,
            Publish: self._publish,
            Read: self._read,
            Restart: lambda action: world.restart_bus() if action.part == "bus" else world.restart(action.part),
            Tear: self._tear,
            Wait: lambda action: world.time.wait(action.minutes),
            Skew: lambda action: world.clocks[action.service].set_wrong(action.minutes),
            Republish: self._republish,
            Poison: self._poison,
            LateCommit: self._commit_late,
            BackUp: lambda _: world.back_up(),
            Restore: lambda _: world.restore(),
            Flush: lambda _: world.flush(),
            Settle: lambda _: self._settle(),
        }

    def _ask(self, request: Request) -> str:
        self.world.time.tick()
        request = self._resolved(request)
        if_match = self.model.version_to_send(request)
        service, (fault, _, after) = OPS[request.op].service, request.fault.partition(":")
        if fault:
            self.world.faults.arm(service, fault, after=int(after or 0))
        return self._judge(request, if_match, self._send(request, if_match))

    def _send(self, request: Request, if_match: str | None) -> Reply | None:
        """The reply, or None where the service died."""
        try:
            return self.world.ask(request, if_match)
        except Crash:
            self.world.recover(OPS[request.op].service)
            return None

    def _resolved(self, request: Request) -> Request:
        """The request with the code only its owner knows; one whose answer was lost does not know it."""
        if request.body.get("cancel_code") != RIGHT_CODE:
            return request
        known = self.model.people.sign_ups.get(request.target)
        code = known.code if known and known.code else "AAAAAAAAAA"
        return request.but(body={**request.body, "cancel_code": code})

    def _judge(self, request: Request, if_match: str | None, reply: Reply | None) -> str:
        """Compare what was answered with what the model decides. Raises Broken."""
        service = OPS[request.op].service
        struck = {point for part, point in self.world.faults.struck if part == service}
        self.world.faults.disarm()
        if "commit" in struck:
            self.laws.after_step(service)
            return "the service dies before its commit"
        if "full" in struck:
            holds("a full disk is said and changes nothing", "503 storage-unavailable", said(reply))
            self.laws.after_step(service)
            return "the disk is full: 503"
        now = self.world.clocks[service].now()
        answer = self.model.answer(request, if_match, now)
        wanted = str(answer.status) if answer.slug is None else f"{answer.status} {answer.slug}"
        if reply is None:
            holds("only what was accepted is committed", True, answer.status < 400)
            outcome = f"{wanted}, but the service dies before it answers"
        else:
            holds(f"{request.op} is answered as it should be", wanted, said(reply))
            holds(f"{request.op} tells what it should", answer.told, reply.body)
            self._check_repeat(request, reply, is_replay=answer.is_replay)
            outcome = wanted + (" (a repeat)" if answer.is_replay else "")
        self.laws.after_step(service)
        return outcome

    def _check_repeat(self, request: Request, reply: Reply, *, is_replay: bool) -> None:
        law = "a repeat counts once and gets the same answer"
        holds(law, is_replay, reply.is_replay)
        before = self.model.answer_given(request)
        if is_replay and before is not None:
            holds(law, before.decode(), reply.content.decode())
        elif reply.status < 400:
            self.model.remember_answer(request, reply.content)

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
        slow = self._resolved(action.slow.but(fault=""))
        if_match = self.model.version_to_send(slow)
        self.world.faults.visitor = visit
        reply = self._send(slow, if_match)
        outcome = "" if broken else self._judge(slow, if_match, reply)
        self.world.faults.visitor = None
        if not told:
            visit()
        if broken:
            raise broken[0]
        return f"{outcome}; meanwhile: {told[0]}"

    def _publish(self, action: Publish) -> str:
        world = self.world
        world.bus.most_sent = action.most
        if action.fault:
            world.faults.arm(action.service if action.fault == "commit" else "bus", action.fault)
        try:
            return f"{world.publish(action.service)} published"
        except Crash as crash:
            world.recover(action.service)
            return f"dies ({crash})"
        except BusUnavailable as error:
            world.drop_background(action.service)
            return f"the bus is away: {error}"
        finally:
            world.bus.most_sent = 0

    def _read(self, action: Read) -> str:
        world = self.world
        world.bus.most_read, world.bus.order, world.bus.rewind = action.most, action.order, action.rewind
        if action.fault:
            world.faults.arm("ledger", action.fault, after=action.after)
        try:
            return f"{world.read()} read"
        except Crash as crash:
            world.recover("ledger")
            return f"dies ({crash})"
        except Exception as error:
            if ("ledger", "full") not in world.faults.struck:
                raise Broken("the reader goes on", first_line(error)) from error
            world.drop_background("ledger")
            return "the disk of the ledger is full"
        finally:
            world.bus.most_read = world.bus.order = world.bus.rewind = 0

    def _tear(self, action: Tear) -> None:
        self.laws.let_go(action.part)
        shows_half = self.world.tear(action.part, action.percent)
        holds("a change is committed as a whole or not at all", False, shows_half)
        if action.part in PUBLISHERS:
            self.laws.after_step(action.part)

    def _settle(self) -> str:
        world = self.world
        for _ in range(MOST_ROUNDS):
            published = sum(world.publish(service) for service in PUBLISHERS)
            read = self._read(Read())
            if not published and read == NOTHING_READ and world.is_caught_up():
                self.laws.after_settling()
                return "every law holds"
        raise Broken("the system comes to rest", f"still busy after {MOST_ROUNDS} rounds")

    def _published(self, service: str) -> list[tuple[str, bytes]]:
        query = "SELECT key, body FROM outbox WHERE published_at IS NOT NULL ORDER BY id"
        return [(row[0], row[1]) for row in self.laws.rows(service, query)]

    def _append(self, service: str, records: list[tuple[str, bytes]]) -> None:
        with closing(EmbeddedProducer(self.world.bus)) as producer:
            producer.send([Record(topic_of(service), key, value) for key, value in records])

    def _republish(self, action: Republish) -> str:
        records = self._published(action.service)[-action.count :]
        self._append(action.service, records)
        return f"{len(records)} records come again"

    def _poison(self, action: Poison) -> str:
        published = self._published(action.service)
        key, body = published[-1 - action.nth % len(published)] if published else ("nobody", b"")
        changed: dict[str, Any] = {**json.loads(body), "correlationid": "somebody-else"} if body else {}
        values = {"half": body[: len(body) // 2], "noise": b"\xff\x00\x01", "empty": b""}
        value = json.dumps(changed).encode() if action.how == "changed" else values[action.how]
        self._append(action.service, [(key, value)])
        kind = "conflict" if action.how == "changed" and published else "malformed"
        self.laws.breaks[kind] += 1
        return f"one {kind} record"

    def _commit_late(self, action: LateCommit) -> str:
        """A row that took its number early is not there yet while the relay publishes what comes after it."""
        query = (
            "SELECT * FROM outbox WHERE published_at IS NULL AND id < (SELECT max(id) FROM outbox)"
            " AND key NOT IN (SELECT key FROM outbox later WHERE later.id > outbox.id) ORDER BY id LIMIT 1"
        )
        connection = sqlite3.connect(self.world.home / f"dure_{action.service}.db", isolation_level=None)
        with closing(connection):
            row = connection.execute(query).fetchone()
            if row is None:
                return "nothing to come late"
            connection.execute("DELETE FROM outbox WHERE id = ?", row[:1])
            published = self.world.publish(action.service)
            connection.execute(f"INSERT INTO outbox VALUES ({', '.join('?' * len(row))})", row)
        return f"one comes late, {published} published before it"


def first_line(error: Exception) -> str:
    """What went wrong, without the ids that differ from run to run."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def said(reply: Reply | None) -> str:
    assert reply is not None
    return str(reply.status) if reply.slug is None else f"{reply.status} {reply.slug}"
