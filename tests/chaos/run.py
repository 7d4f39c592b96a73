"""One run: the stack under load, fault after fault, each followed until the system works again; then the verdict."""

import concurrent.futures
import statistics
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import psycopg
from kafka.errors import KafkaError

from deploy.local.process import ProcessFailed
from deploy.local.stack import Stack
from shared.config import load_settings
from tests.chaos.client import Client, Refused, Unanswered
from tests.chaos.disks import Disks
from tests.chaos.faults import CONSUMERS, ON_KAFKA, Fault, Faults, Kind, plan
from tests.chaos.load import Load, prepare
from tests.chaos.network import Network
from tests.chaos.probe import Probe
from tests.chaos.record import Record
from tests.chaos.verdict import Verdict

NODES: Final = 3
RECOVERY_TIMEOUT_SECONDS: Final = 180
WHOLE_TIMEOUT_SECONDS: Final = 90
LOOK_SECONDS: Final = 0.2
MOST_SECONDS: Final = 3 * 60 * 60  # a run that takes longer than this injects no further fault


@dataclass(frozen=True)
class Outcome:
    fault: Fault
    target: str
    events: int  # recorded by the sources since the fault before
    recovery_seconds: float


class Run:
    """Holds the parts of one run; `go` does it and returns the findings."""

    def __init__(self, directory: Path, *, seed: int, count: int, network: Network | None, disks: Disks | None) -> None:
        """Raises Unavailable when a part of the stack cannot be provisioned."""
        self.seed = seed
        self.count = count
        self.network = network
        self.stack = Stack(
            directory,
            nodes=NODES,
            hosts=network.hosts if network else None,
            consumers=len(CONSUMERS),
            environment={"DURE_PROFILE": "demo", "DURE_LOG_LEVEL": "warning"},
        )
        self.signing_key = load_settings(self.stack.environment).signing_key
        self.record = Record()
        self.stopping = threading.Event()
        self.load = Load(self._new_client, self.record, seed)
        self.faults = Faults(self.stack, network, disks)
        self.outcomes: list[Outcome] = []

    def go(self) -> list[str]:
        """Raises ProcessFailed when the stack does not start, Unanswered or Refused when it cannot be prepared."""
        try:
            with self.stack, self._new_client() as client, concurrent.futures.ThreadPoolExecutor(1) as prober:
                prepare(client)
                self.faults.take_snapshot()
                self.load.start()
                try:
                    for outcome in self._outcomes(Probe(client, self.record), prober):
                        self.outcomes.append(outcome)
                        say(outcome, len(self.outcomes), self.count)
                    self.load.finish()
                    return self._judge(client)
                finally:
                    # Waiting calls end at once, so that an interrupted run does not wait for a broken system.
                    self.stopping.set()
                    self.load.finish()
        finally:
            self.stopping.set()

    def _judge(self, client: Client) -> list[str]:
        verdict = Verdict(self.stack, client, self.record)
        findings: list[str] = []
        try:
            verdict.wait_until_posted()
            findings.extend(verdict.findings())
        except (Unanswered, Refused, subprocess.TimeoutExpired) as failure:
            findings.append(f"when all was over: {failure}")
        if len(self.outcomes) < self.count:
            findings.append(f"only {len(self.outcomes)} of {self.count} faults were injected")
        return findings

    def _outcomes(self, probe: Probe, prober: concurrent.futures.Executor) -> Iterator[Outcome]:
        deadline, events = time.monotonic() + MOST_SECONDS, probe.events()
        for fault in plan(self.seed, self.count, self.faults.kinds):
            if time.monotonic() > deadline:
                return
            try:
                if fault.kind in ON_KAFKA:
                    self._wait_until_whole()
                target, recovery_seconds = self._suffer(fault, probe, prober)
                before, events = events, probe.events()
                if fault.kind is Kind.LEDGER_RESTORED:
                    self.faults.take_snapshot()
            except (Unanswered, Refused, ProcessFailed, KafkaError, psycopg.Error) as failure:
                self.record.surprised(f"after {fault.kind}: {failure}")
                return
            yield Outcome(fault, target, events - before, recovery_seconds)

    def _suffer(self, fault: Fault, probe: Probe, prober: concurrent.futures.Executor) -> tuple[str, float]:
        """Inject one fault, hold it and mend it; return what it hit and the seconds until a new call went through."""
        began = time.monotonic()
        injected = self.faults.inject(fault)
        passing = prober.submit(self._time_of, probe, began)
        self.stopping.wait(injected.hold_seconds)
        injected.mend()
        while not passing.done():
            self.stack.revive_parts()  # as a service manager does with a server that gave up by itself
            time.sleep(LOOK_SECONDS)
        return injected.target, passing.result()

    def _time_of(self, probe: Probe, began: float) -> float:
        probe.pass_through(timeout_seconds=RECOVERY_TIMEOUT_SECONDS)
        return time.monotonic() - began

    def _wait_until_whole(self) -> None:
        """Raises Unanswered when a lost node does not catch up in time."""
        deadline = time.monotonic() + WHOLE_TIMEOUT_SECONDS
        while not self.faults.is_kafka_whole():
            if time.monotonic() > deadline:
                raise Unanswered(f"Kafka's replicas are not in sync after {WHOLE_TIMEOUT_SECONDS} s")
            self.stack.revive_parts()
            time.sleep(LOOK_SECONDS)

    def _new_client(self) -> Client:
        return Client(self.stack.url, self.signing_key, self.stopping)


def say(outcome: Outcome, number: int, count: int) -> None:
    what = f"{outcome.fault.kind} ({outcome.target})"
    click.echo(f"{number:4}/{count}  {what:<44} {outcome.recovery_seconds:6.1f} s", err=True)


def table(outcomes: Iterable[Outcome]) -> str:
    """Faults by kind: how many, the events recorded meanwhile, the median and the worst time to recover."""
    by_kind: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_kind.setdefault(outcome.fault.kind.value, []).append(outcome)
    total = [outcome for of_kind in by_kind.values() for outcome in of_kind]
    rows = [f"{'fault':<22}{'faults':>8}{'events':>9}{'median s':>11}{'worst s':>10}"]
    rows += [_row(kind, by_kind[kind]) for kind in sorted(by_kind)]
    return "\n".join([*rows, "-" * len(rows[0]), _row("all", total)] if total else rows)


def _row(name: str, outcomes: list[Outcome]) -> str:
    times = [outcome.recovery_seconds for outcome in outcomes]
    events = sum(outcome.events for outcome in outcomes)
    return f"{name:<22}{len(outcomes):>8}{events:>9}{statistics.median(times):>11.1f}{max(times):>10.1f}"
