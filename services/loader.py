"""Loads a scenario through the public APIs, so that loading is itself a test of them.

Every call carries an Idempotency-Key made from the scenario's name and the row it records: a second load, or
one after a crash, repeats the same calls and changes nothing.
"""

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from services.portal import demo
from shared.auth import Actor, Role, issue_token
from shared.config import Settings
from shared.gateway import Gateway
from shared.money import parse_number

# The rows of a placeholder volunteer's telephone number: 010-0000-xxxx belongs to nobody.
PHONE = "010-0000-{:04}"
LICENCE = "시연-{:04}"


class ScenarioError(Exception):
    """The scenario cannot be read, or a service refused a part of it."""


@dataclass
class Step:
    """One call. `save` keeps the answer under a name; `version_of` sends the version of a kept answer."""

    role: Role
    service: str
    path: str
    body: dict[str, Any]
    key: str
    save: str | None = None
    version_of: str | None = None
    account: str | None = None


class Loader:
    """Runs the steps of a scenario against the gateway as named import accounts."""

    def __init__(self, gateway: Gateway, *, secret: str, now: datetime, name: str) -> None:
        self.gateway = gateway
        self.secret = secret
        self.now = now
        self.name = name
        self.versions: dict[str, int] = {}

    def run(self, step: Step) -> dict[str, Any]:
        """Raises ScenarioError with the service's own sentence."""
        reply = self.gateway.call(
            step.service,
            "POST",
            step.path,
            token=self._token(step.role, step.account),
            json=step.body,
            key=f"{self.name}/{step.key}",
            version=self.versions[step.version_of] if step.version_of else None,
        )
        if not reply.ok:
            detail = reply.body.get("detail") if isinstance(reply.body, dict) else reply.status
            raise ScenarioError(f"{step.service} refused {step.key}: {detail}")
        answer: dict[str, Any] = reply.body
        if name := step.save or step.version_of:
            self.versions[name] = answer.get("version", 0)
        return answer

    def _token(self, role: Role, account: str | None) -> str:
        # Each duty has its own account, because nobody may hold two on one document.
        actor = Actor(account or f"import-{role.value.replace('_', '-')}", frozenset({role, Role.IMPORTER}))
        return issue_token(actor, secret=self.secret, now=self.now)


def load(gateway: Gateway, settings: Settings, folder: Path) -> dict[str, Any]:
    """Record the scenario in `folder`, with a progress bar on stderr.

    Raises ScenarioError; what was recorded before it stays and is not recorded again by the next load.
    """
    scenario = read_scenario(folder)
    steps = steps_of(scenario, folder)
    loader = Loader(gateway, secret=settings.secret, now=datetime.now(UTC), name=scenario["name"])
    for step in tqdm(steps, desc=scenario["name"], unit="call", file=sys.stderr, mininterval=0.5):
        loader.run(step)
    return {"scenario": scenario["name"], "calls": len(steps)}


def fill_demo(gateway: Gateway, settings: Settings, folder: Path) -> None:
    """Record the scenario and one account per role, unless they are there. Raises ScenarioError."""
    administrator = Actor("import-administrator", frozenset({Role.ADMINISTRATOR}))
    token = issue_token(administrator, secret=settings.secret, now=datetime.now(UTC))
    known = gateway.call("situation", "GET", "/accounts", token=token)
    if known.ok and {account.id for account in demo.ACCOUNTS} <= {account["id"] for account in known.body["items"]}:
        return
    load(gateway, settings, folder)
    for account in demo.ACCOUNTS:  # last, so that their presence says that everything before them is there
        body = {
            "id": account.id,
            "display_name": account.display_name,
            "password": demo.PASSWORD,
            "roles": [account.role.value],
        }
        reply = gateway.call("situation", "POST", "/accounts", token=token, json=body, key=f"demo-{account.id}")
        if not reply.ok:
            raise ScenarioError(f"situation refused the account {account.id}: {reply.body}")


def read_scenario(folder: Path) -> dict[str, Any]:
    """Raises ScenarioError."""
    try:
        scenario = json.loads((folder / "scenario.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{folder / 'scenario.json'} cannot be read: {error}") from error
    if not isinstance(scenario, dict) or not isinstance(scenario.get("name"), str):
        raise ScenarioError(f"{folder / 'scenario.json'} is not an object with a name")
    return scenario


def steps_of(scenario: dict[str, Any], folder: Path) -> list[Step]:
    """Every call of the scenario in order. Raises ScenarioError when a part is missing or of the wrong form."""
    try:
        return [
            *situation_steps(scenario),
            *money_steps(scenario),
            *goods_steps(scenario, folder),
            *people_steps(scenario),
            *practice_steps(scenario),
        ]
    except KeyError as error:
        raise ScenarioError(f"the scenario has no {error.args[0]!r} where one is needed") from error
    except (TypeError, AttributeError, ValueError, OSError) as error:
        raise ScenarioError(f"the scenario cannot be used: {error}") from error


def situation_steps(scenario: dict[str, Any]) -> Iterator[Step]:
    disaster = {name: scenario["disaster"][name] for name in ("id", "name", "kind", "began_on")}
    began = {"effective_date": disaster["began_on"]}
    admin, service = Role.ADMINISTRATOR, "situation"
    yield Step(admin, service, "/disasters", disaster | began, f"disaster/{disaster['id']}", save="disaster")
    for stage in scenario["disaster"]["stages"]:
        path = f"/disasters/{disaster['id']}/stages"
        yield Step(admin, service, path, stage, f"stage/{stage['stage']}", version_of="disaster")
    for body in scenario["bodies"]:
        yield Step(admin, service, "/bodies", body | {"disaster_id": disaster["id"]}, f"body/{body['id']}")
    for kind in ("regions", "sites", "contacts"):
        for row in scenario[kind]:
            yield Step(admin, service, f"/{kind}", row, f"{kind}/{row['id']}")


def money_steps(scenario: dict[str, Any]) -> Iterator[Step]:
    fund, line, service = scenario["fund"], scenario["budget_line"], "disbursement"
    yield Step(Role.ADMINISTRATOR, service, "/funds", fund, f"fund/{fund['id']}")
    yield Step(Role.ADMINISTRATOR, service, "/budget-lines", line | {"fund_id": fund["id"]}, f"line/{line['id']}")
    # By date: money can be spent only after it was appropriated.
    dated = [(row["effective_date"], 0, row) for row in scenario["appropriations"]]
    dated += [(row["effective_date"], 1, row) for row in scenario["spending"]]
    for _, is_spending, row in sorted(dated, key=lambda item: item[:2]):
        if is_spending:
            yield from spending_steps(scenario, row, until="paid")
        else:
            path = f"/budget-lines/{line['id']}/appropriations"
            yield Step(Role.ADMINISTRATOR, service, path, row, f"appropriation/{row['id']}")
    for number, forecast in enumerate(scenario["forecasts"]):
        path = f"/budget-lines/{line['id']}/forecasts"
        yield Step(Role.ADMINISTRATOR, service, path, forecast, f"forecast/{number}")


def spending_steps(scenario: dict[str, Any], row: dict[str, Any], *, until: str) -> Iterator[Step]:
    """A document from its proposal to the state `until`, each duty by its own account."""
    content: dict[str, Any] = {
        name: row[name] for name in ("id", "amount_won", "purpose", "payee", "relief_stage", "region") if name in row
    }
    content["budget_line_id"] = scenario["budget_line"]["id"]
    if row.get("disaster"):
        content["disaster_id"] = scenario["disaster"]["id"]
    on = {"effective_date": row["effective_date"]}
    document, path = row["id"], f"/spending-proposals/{row['id']}"
    duties = [
        ("reviewed", Role.REVIEWER, "/review", on),
        ("approved", Role.APPROVER, "/approve", on),
        ("committed", Role.COMMITMENT_OFFICER, "/commit", on),
        (
            "paid",
            Role.PAYMENT_OFFICER,
            "/payments",
            on | {"id": f"{document}-payment", "amount_won": row["amount_won"]},
        ),
    ]
    states = ["proposed", *(state for state, *_ in duties)]
    yield Step(Role.DRAFTER, "disbursement", "/spending-proposals", content | on, f"spending/{document}", save=document)
    for _, role, action, body in duties[: states.index(until)]:
        yield Step(role, "disbursement", path + action, body, f"spending/{document}{action}", version_of=document)


def goods_steps(scenario: dict[str, Any], folder: Path) -> Iterator[Step]:
    """Each published item is taken into the depot, shipped and received in full."""
    depot, goods, service = scenario["depot"], scenario["goods"], "inventory"
    on = {"effective_date": goods["effective_date"]}
    yield Step(Role.COORDINATOR, service, "/depots", depot, f"depot/{depot['id']}")
    with (folder / goods["table"]).open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["품목"] in goods["codes"]]
    for row in rows:
        code, count = goods["codes"][row["품목"]], parse_number(row["수량"])
        amount = {"item_id": code, "quantity": count}
        yield Step(
            Role.COORDINATOR, service, "/items", {"id": code, "name": row["품목"], "unit": row["단위"]}, f"item/{code}"
        )
        receipt = amount | on | {"id": f"{code}-receipt", "depot_id": depot["id"], "source": "시·자치구 비축 및 기부"}
        yield Step(Role.COORDINATOR, service, "/receipts", receipt, f"receipt/{code}")
        shipment = on | {
            "id": f"{code}-shipment",
            "depot_id": depot["id"],
            "disaster_id": scenario["disaster"]["id"],
            "region": goods["region"],
            "site_id": goods["site_id"],
            "lines": [amount],
            "dispatch_now": True,
        }
        yield Step(Role.COORDINATOR, service, "/shipments", shipment, f"shipment/{code}", save=code)
        path = f"/shipments/{code}-shipment/receipts"
        yield Step(Role.COORDINATOR, service, path, on | {"lines": [amount]}, f"delivery/{code}", version_of=code)


def people_steps(scenario: dict[str, Any]) -> Iterator[Step]:
    shift, first = scenario["shift"], 1
    for task in scenario["tasks"]:
        yield from task_steps(
            scenario, task, {**shift_times(shift), "seats": task["confirmed"]}, on=shift["applied_on"]
        )
        for number in range(task["applicants"]):
            yield from applicant_steps(scenario, task, number, first + number)
        first += task["applicants"]


def shift_times(shift: dict[str, Any]) -> dict[str, Any]:
    return {"starts_at": shift["starts_at"], "ends_at": shift["ends_at"]}


def task_steps(scenario: dict[str, Any], task: dict[str, Any], shift: dict[str, Any], *, on: str) -> Iterator[Step]:
    """A task that one account proposes and another approves, with its one shift."""
    names = ("id", "title", "kind", "selection", "place", "host_organisation")
    body = {name: task[name] for name in names} | {"disaster_id": scenario["disaster"]["id"], "effective_date": on}
    if credential := task.get("credential"):
        body["required_credential"] = credential
    id_, manager, service = task["id"], Role.VOLUNTEER_MANAGER, "dispatch"
    yield Step(manager, service, "/tasks", body, f"task/{id_}", save=id_)
    approve = {"effective_date": on}
    yield Step(
        manager,
        service,
        f"/tasks/{id_}/approve",
        approve,
        f"task/{id_}/approve",
        version_of=id_,
        account="import-approval",
    )
    yield Step(manager, service, f"/tasks/{id_}/shifts", shift | {"id": f"{id_}-shift"}, f"shift/{id_}")


def applicant_steps(scenario: dict[str, Any], task: dict[str, Any], number: int, person: int) -> Iterator[Step]:
    """A placeholder person who applies, is chosen or not, and attends when chosen."""
    shift, manager, service = scenario["shift"], Role.VOLUNTEER_MANAGER, "dispatch"
    on, id_ = {"effective_date": shift["applied_on"]}, f"{task['id']}-{number + 1:03}"
    application = on | {
        "id": id_,
        "name": f"{task['name']} {number + 1:03}",
        "phone": PHONE.format(person),
        "consent": True,
    }
    if nationalities := task.get("nationalities"):
        application["nationality"] = f"X{chr(ord('A') + number % nationalities)}"
    if credential := task.get("credential"):
        application["credential"] = {"kind": credential, "number": LICENCE.format(person)}
    yield Step(manager, service, f"/shifts/{task['id']}-shift/sign-ups", application, f"sign-up/{id_}", save=id_)

    def act(action: str, body: dict[str, Any]) -> Step:
        return Step(manager, service, f"/sign-ups/{id_}/{action}", body, f"sign-up/{id_}/{action}", version_of=id_)

    chosen = number < task["confirmed"]
    if task["selection"] == "selected":
        if credential:
            yield act("verify-credential", {"verified_reference": "시연용 면허 확인"})
        yield act("confirm" if chosen else "decline", on)
    if chosen:
        yield act("attend", {"effective_date": shift["attended_on"]})


def practice_steps(scenario: dict[str, Any]) -> Iterator[Step]:
    """An open shift and waiting documents to try the screens with; none moves a figure of the report."""
    practice = scenario.get("practice")
    if not practice:
        return
    on = practice["effective_date"]
    yield from task_steps(scenario, practice["task"], practice["shift"], on=on)
    for row in practice["documents"]:
        document = row | {"payee": "체험용 상대방", "disaster": True, "effective_date": on}
        yield from spending_steps(scenario, document, until=row["until"])
