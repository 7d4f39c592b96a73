"""b. Writes through the API beside a bare Flask with one INSERT, on the same server, with the same clients."""

import contextlib
import functools
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Final

import sqlalchemy as sa

from deploy.local.process import LOOPBACK, free_port
from deploy.local.stack import GUNICORN_OPTIONS, answers
from shared.auth import Role
from shared.clock import SystemClock, format_utc, seoul_date
from shared.db import ensure_database
from tests.bench import bare
from tests.bench.bench import Bench
from tests.bench.calls import Call, drive, signed
from tests.bench.facts import CODES, DEPOT, DISASTER
from tests.bench.results import Wanted, percentile

SERVICES: Final = ("inventory", "disbursement", "dispatch")
START_TIMEOUT_SECONDS: Final = 60
# Writes that meet on one lot, line or shift wait for each other; in a relief operation they are spread over many.
SPREAD: Final = 20
PLENTY: Final = 100_000

Ports = dict[str, int]
Run = tuple[float, list[float]]  # seconds in all, and of each call


def measure(bench: Bench) -> None:
    amounts, numbers = bench.options.amounts, count()
    kinds = {
        "shipment": ("inventory", shipments),
        "commitment": ("disbursement", commitments),
        "sign_up": ("dispatch", sign_ups),
    }
    with servers(bench) as ports, bench.progress("b. writes", bench.options.repeats * len(kinds)) as progress:
        set_up(ports)
        for kind, (service, prepare) in kinds.items():
            ours: list[Run] = []
            bares: list[Run] = []
            for _ in range(bench.options.repeats):
                chosen = [next(numbers) for _ in range(amounts.requests)]
                ours.append(drive(ports[service], prepare(ports, chosen, amounts.clients), amounts.clients))
                rows = [Call("/rows", {"subject": f"row-{number}", "amount": number}) for number in chosen]
                bares.append(drive(ports["bare"], rows, amounts.clients))
                progress.update()
            add_results(bench, kind, ours, bares)


def add_results(bench: Bench, kind: str, ours: list[Run], bares: list[Run]) -> None:
    def rates(runs: list[Run]) -> list[float]:
        return [len(each) / total for total, each in runs]

    def milliseconds(runs: list[Run], percent: int) -> list[float]:
        return [percentile(each, percent) * 1000 for _, each in runs]

    results = bench.results
    results.add(f"writes.{kind}", rates(ours), "requests/s", beside=rates(bares), wanted=Wanted(">=", 0.4))
    results.add(f"writes.{kind}.p50", milliseconds(ours, 50), "ms", beside=milliseconds(bares, 50))
    results.add(
        f"writes.{kind}.p99", milliseconds(ours, 99), "ms", beside=milliseconds(bares, 99), wanted=Wanted("<=", 3)
    )
    results.add(f"writes.{kind}.bare", rates(bares), "requests/s")


@contextlib.contextmanager
def servers(bench: Bench) -> Iterator[Ports]:
    """The three services and the bare app, each on a gunicorn as in the distributed system, and their ports."""
    url = bench.new_database_url()
    ensure_database(f"{url}_bare")
    engine = sa.create_engine(f"{url}_bare")
    bare.metadata.create_all(engine)
    engine.dispose()
    environment = {"DURE_DATABASE_URL": url, "DURE_HOME": str(bench.new_folder("home"))}
    environment[bare.DATABASE_KEY] = f"{url}_bare"
    modules = {name: f"services.{name}.app:create_app()" for name in SERVICES} | {
        "bare": "tests.bench.bare:create_app()"
    }
    ports = {name: free_port() for name in modules}
    with contextlib.ExitStack() as running:
        children = {}
        for name, module in modules.items():
            bind = f"--bind={LOOPBACK}:{ports[name]}"
            children[name] = bench.start("gunicorn", *GUNICORN_OPTIONS, bind, module, environment=environment)
            running.callback(children[name].stop)
        for name, child in children.items():
            ready = f"http://{LOOPBACK}:{ports[name]}/readyz"
            child.wait_until(functools.partial(answers, ready), timeout_seconds=START_TIMEOUT_SECONDS)
        yield ports


def set_up(ports: Ports) -> None:
    """Plenty of everything, spread over SPREAD items, budget lines and shifts."""
    now = SystemClock().now()
    goods: list[Call] = []
    fund = {"id": "fund", "name": "재난관리기금", "fund_type": "fund"}
    money = [signed("/api/disbursement/v1/funds", fund, Role.BUDGET_OFFICER)]
    task = {"id": "task", "disaster_id": DISASTER, "title": "구호 물품 분류", "kind": "general", "place": "체육관"}
    task |= {"selection": "first_come", "host_organisation": "자원봉사센터"}
    people = [
        signed("/api/dispatch/v1/tasks", task, Role.VOLUNTEER_MANAGER, account="proposer"),
        signed("/api/dispatch/v1/tasks/task/approve", {}, Role.VOLUNTEER_MANAGER, account="approver", version=1),
    ]
    times = {"starts_at": format_utc(now + timedelta(days=1)), "ends_at": format_utc(now + timedelta(days=1, hours=4))}
    for number in range(SPREAD):
        item, line = f"item-{number}", f"line-{number}"
        stock = {"item_id": item, "depot_id": DEPOT, "quantity": PLENTY, "source": "시 비축"}
        opened = {"id": line, "fund_id": "fund", "fiscal_year": seoul_date(now).year, "name": f"구호 {number}"}
        amount = {"kind": "original_appropriation", "amount_won": PLENTY * 1_000_000}
        goods += [
            signed("/api/inventory/v1/items", {"id": item, "name": item, "unit": "개"}, Role.COORDINATOR),
            signed("/api/inventory/v1/receipts", stock, Role.COORDINATOR),
        ]
        money += [
            signed("/api/disbursement/v1/budget-lines", opened | {"policy_program": "재난"}, Role.BUDGET_OFFICER),
            signed(f"/api/disbursement/v1/budget-lines/{line}/appropriations", amount, Role.BUDGET_OFFICER),
        ]
        shift = times | {"id": f"shift-{number}", "seats": PLENTY}
        people.append(signed("/api/dispatch/v1/tasks/task/shifts", shift, Role.VOLUNTEER_MANAGER))
    for service, calls in zip(SERVICES, (goods, money, people), strict=True):
        drive(ports[service], calls, 1)


def shipments(_ports: Ports, numbers: list[int], _clients: int) -> list[Call]:
    body = {"depot_id": DEPOT, "disaster_id": DISASTER, "region_id": CODES[0], "dispatch_now": True}
    return [
        signed(
            "/api/inventory/v1/shipments",
            body | {"lines": [{"item_id": f"item-{number % SPREAD}", "quantity": 1}]},
            Role.COORDINATOR,
        )
        for number in numbers
    ]


def commitments(ports: Ports, numbers: list[int], clients: int) -> list[Call]:
    """The last of four steps is measured; the three before it, each by another account, are taken here."""
    path = "/api/disbursement/v1/spending-proposals"
    content = {"amount_won": 1_000_000, "purpose": "구호", "payee": "대한적십자사", "disaster_id": DISASTER}
    proposals = [
        signed(
            path,
            content | {"id": f"spending-{number}", "budget_line_id": f"line-{number % SPREAD}"},
            Role.DRAFTER,
            account="drafter",
        )
        for number in numbers
    ]
    drive(ports["disbursement"], proposals, clients)

    def step(action: str, role: Role, version: int) -> list[Call]:
        paths = [f"{path}/spending-{number}/{action}" for number in numbers]
        return [signed(one, {}, role, account=role.value, version=version) for one in paths]

    drive(ports["disbursement"], step("review", Role.REVIEWER, 1), clients)
    drive(ports["disbursement"], step("approve", Role.APPROVER, 2), clients)
    return step("commit", Role.COMMITMENT_OFFICER, 3)


def sign_ups(_ports: Ports, numbers: list[int], _clients: int) -> list[Call]:
    return [
        signed(
            f"/api/dispatch/v1/shifts/shift-{number % SPREAD}/sign-ups",
            {"name": "시연 봉사자", "phone": f"010-{1000 + number // 10_000:04}-{number % 10_000:04}", "consent": True},
            Role.VOLUNTEER_MANAGER,
        )
        for number in numbers
    ]
