"""c. From the commit of a change to the figure in the execution report, embedded and on the real stack."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from deploy.local.process import LOOPBACK, free_port
from deploy.local.stack import Stack, answers
from shared.auth import Role
from shared.clock import SystemClock, seoul_date
from tests.bench.bench import SECRETS, Bench
from tests.bench.calls import Client, signed
from tests.bench.results import Wanted, percentile

START_TIMEOUT_SECONDS: Final = 60
LONGEST_WAIT_SECONDS: Final = 30
AMOUNT_WON: Final = 1_000_000
LINES: Final = "/api/disbursement/v1/budget-lines"


def measure(bench: Bench) -> None:
    for name in bench.options.amounts.systems:
        repeats = []
        with SYSTEMS[name](bench) as port, closing(Client(port)) as client:
            open_line(client)
            with bench.progress(f"c. latency, {name}", bench.options.repeats) as progress:
                for _ in range(bench.options.repeats):
                    repeats.append([seconds_to_figure(client) for _ in range(bench.options.amounts.samples)])
                    progress.update()
        for percent in (50, 99):
            values = [percentile(seconds, percent) for seconds in repeats]
            wanted = Wanted("<=", 1) if percent == 99 else None
            bench.results.add(f"latency.{name}.p{percent}", values, "s", wanted=wanted)


@contextlib.contextmanager
def embedded(bench: Bench) -> Iterator[int]:
    """One process on SQLite, and its port."""
    port = free_port()
    environment = {"DURE_HOME": str(bench.new_folder("home")), "PORT": str(port)}
    child = bench.start("dure", "serve", environment=environment)
    try:
        child.wait_until(lambda: answers(f"http://{LOOPBACK}:{port}/readyz"), timeout_seconds=START_TIMEOUT_SECONDS)
        yield port
    finally:
        child.stop()


@contextlib.contextmanager
def real(bench: Bench) -> Iterator[int]:
    """Every service in processes of its own on Kafka, PostgreSQL and Redis, and the port of the front door."""
    with Stack(bench.new_folder("stack"), environment=SECRETS) as stack:
        yield stack.port


SYSTEMS: Final = {"embedded": embedded, "real": real}


def open_line(client: Client) -> None:
    year = seoul_date(SystemClock().now()).year
    fund = {"id": "fund", "name": "재난관리기금", "fund_type": "fund"}
    line = {"id": "line", "fund_id": "fund", "fiscal_year": year, "name": "구호지원", "policy_program": "재난구호"}
    client.post(signed("/api/disbursement/v1/funds", fund, Role.BUDGET_OFFICER))
    client.post(signed(LINES, line, Role.BUDGET_OFFICER))
    seconds_to_figure(client)  # the first waits for everything to wake up


def seconds_to_figure(client: Client) -> float:
    """From the answer to a change, which is sent after its commit, until the report shows the change."""
    today = seoul_date(SystemClock().now()).isoformat()
    decision = {"authority_reference": "의회 의결", "decided_on": today}
    appropriation = {"kind": "supplementary_appropriation", "amount_won": AMOUNT_WON, **decision}
    changed = client.post(signed(f"{LINES}/line/appropriations", appropriation, Role.BUDGET_OFFICER))
    committed = time.perf_counter()
    look = signed("/api/ledger/v1/execution", {}, Role.AUDITOR)
    while appropriated_won(client.get(look)) < changed["current_appropriation"]:
        if time.perf_counter() - committed > LONGEST_WAIT_SECONDS:
            raise TimeoutError(f"the report does not show a change after {LONGEST_WAIT_SECONDS} s")
    return time.perf_counter() - committed


def appropriated_won(report: Any) -> int:
    return int(report["totals"]["current_appropriation"])
