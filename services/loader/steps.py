"""The calls that record a scenario, in order."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.loader.scenario import REGIONS, Scenario, region_batches
from shared.money import parse_number

# The rows of a placeholder volunteer's telephone number: 010-0000-xxxx belongs to nobody.
PHONE: Final = "010-0000-{:04}"
LICENCE: Final = "시연-{:04}"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One call. `save` keeps the version of the answer under a name; `version_of` sends that version and keeps the new.

    `duty` names the import account: each duty has its own, because nobody may hold two on one record. It acts for
    `body_id`, or for the scenario's own body.
    """

    duty: str
    service: str
    path: str
    body: Row
    key: str
    save: str | None = None
    version_of: str | None = None
    body_id: str | None = None


def steps_of(scenario: Scenario) -> Iterator[Step]:
    """Every call of the scenario. Raises KeyError, TypeError, ValueError, OSError where its form is another."""
    yield from situation_steps(scenario)
    yield from money_steps(scenario)
    yield from goods_steps(scenario)
    yield from people_steps(scenario)
    yield from practice_steps(scenario)


def situation_steps(scenario: Scenario) -> Iterator[Step]:
    disaster, regions = scenario["disaster"], scenario["regions"]
    keeper, service, began = "keeper", "situation", {"effective_date": disaster["began_on"]}
    on = {"effective_date": regions["effective_date"]}
    for number, rows in enumerate([*region_batches(REGIONS), regions["rows"]]):
        yield Step(keeper, service, "/region-imports", on | {"rows": rows}, f"regions/{number}")
    for body in scenario["bodies"]:
        told = on | {"region_id": scenario["bodies_region_id"]} | body
        yield Step(keeper, service, "/bodies", told, f"body/{body['id']}")
    names = ("id", "name", "english_name", "kind", "began_on", "region_ids")
    path, opened = f"/disasters/{disaster['id']}", began | {name: disaster[name] for name in names}
    yield Step(keeper, service, "/disasters", opened, f"disaster/{disaster['id']}", save="disaster")
    for body in scenario["bodies"]:
        member = {"body_id": body["id"], "first_day": disaster["began_on"]}
        yield Step(keeper, service, f"{path}/bodies", member, f"member/{body['id']}", version_of="disaster")
    for stage in disaster["stages"]:
        yield Step(keeper, service, f"{path}/stages", stage, f"stage/{stage['stage']}", version_of="disaster")
    yield Step(keeper, service, f"{path}/basis", disaster["basis"], "basis", version_of="disaster")
    yield Step(keeper, service, "/sites", scenario["depot"], "depot")
    for contact in scenario["contacts"]:
        yield Step(keeper, service, "/contacts", contact, f"contact/{contact['id']}")


def money_steps(scenario: Scenario) -> Iterator[Step]:
    line = scenario["budget_line"]
    yield from line_steps(scenario["fund"], line)
    # By date: money can be spent only after it was appropriated.
    dated = [(row["effective_date"], 0, row) for row in scenario["appropriations"]]
    dated += [(row["effective_date"], 1, row) for row in scenario["spending"]]
    for on, is_spending, row in sorted(dated, key=lambda item: item[:2]):
        if is_spending:
            yield from spending_steps({"budget_line_id": line["id"], **row}, {"effective_date": on}, until="paid")
        else:
            yield appropriation_step(line, row)
    for number, forecast in enumerate(scenario["forecasts"]):
        path = f"/budget-lines/{line['id']}/forecasts"
        yield Step("budget-officer", "disbursement", path, forecast, f"forecast/{number}")


def line_steps(fund: Row, line: Row) -> Iterator[Step]:
    officer, service = "budget-officer", "disbursement"
    yield Step(officer, service, "/funds", fund, f"fund/{fund['id']}")
    yield Step(officer, service, "/budget-lines", {**line, "fund_id": fund["id"]}, f"line/{line['id']}")


def appropriation_step(line: Row, row: Row) -> Step:
    path = f"/budget-lines/{line['id']}/appropriations"
    return Step("budget-officer", "disbursement", path, row, f"appropriation/{row['id']}")


def spending_steps(content: Row, on: Row, *, until: str) -> Iterator[Step]:
    """A document from its proposal to the state `until`, each duty by its own account."""
    document, path = content["id"], f"/spending-proposals/{content['id']}"
    payment = {**on, "id": f"{document}-payment", "amount_won": content["amount_won"]}
    duties = [
        ("reviewed", "reviewer", "/review", on),
        ("approved", "approver", "/approve", on),
        ("committed", "commitment-officer", "/commit", on),
        ("paid", "payment-officer", "/payments", payment),
    ]
    states = ["proposed", *(state for state, *_ in duties)]
    key = f"spending/{document}"
    yield Step("drafter", "disbursement", "/spending-proposals", {**content, **on}, key, save=document)
    for _, duty, action, body in duties[: states.index(until)]:
        yield Step(duty, "disbursement", path + action, body, key + action, version_of=document)


def explanations_of(scenario: Scenario) -> Iterator[tuple[Row, str]]:
    """What the reconciliation finds and the published report leaves open, with the reason."""
    for explanation in scenario.content.get("explanations", []):
        yield explanation["finding"], explanation["reason"]


def goods_steps(scenario: Scenario) -> Iterator[Step]:
    """Each published item is taken into the depot, shipped and received in full."""
    goods, depot_id = scenario["goods"], scenario["depot"]["id"]
    on, coordinator, service = {"effective_date": goods["effective_date"]}, "coordinator", "inventory"
    where = {"disaster_id": scenario["disaster"]["id"], "region_id": goods["region_id"]}
    with (scenario.folder / goods["table"]).open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["품목"] in goods["items"]]
    for row in rows:
        item = {**goods["items"][row["품목"]], "name": row["품목"], "unit": row["단위"]}
        id_, amount = item["id"], {"item_id": item["id"], "quantity": parse_number(row["수량"])}
        yield from stock_steps(item, amount, {"depot_id": depot_id, "source": goods["source"]}, on, receipt=id_)
        sent = {"id": f"{id_}-shipment", "depot_id": depot_id, "lines": [amount], "dispatch_now": True}
        yield Step(coordinator, service, "/shipments", {**on, **where, **sent}, f"shipment/{id_}", save=id_)
        path = f"/shipments/{id_}-shipment/receipts"
        yield Step(coordinator, service, path, {**on, "lines": [amount]}, f"delivery/{id_}", version_of=id_)


def stock_steps(item: Row, amount: Row, source: Row, on: Row, *, receipt: str) -> Iterator[Step]:
    """An item that is registered, and taken into the depot."""
    yield Step("coordinator", "inventory", "/items", {**on, **item}, f"item/{item['id']}")
    taken = {**on, **amount, **source, "id": f"{receipt}-receipt"}
    yield Step("coordinator", "inventory", "/receipts", taken, f"receipt/{receipt}")


def people_steps(scenario: Scenario) -> Iterator[Step]:
    volunteers, first = scenario["volunteers"], 1
    on = {"effective_date": volunteers["applied_on"]}
    names = ("id", "title", "english_title", "kind", "selection", "required_credential")
    for row in volunteers["tasks"]:
        task = {name: row[name] for name in names if name in row} | volunteers["where"]
        yield from task_steps(scenario, task, {**volunteers["shift"], "seats": row["confirmed"]}, on)
        for number in range(row["applicants"]):
            yield from applicant_steps(volunteers, row, number, first + number)
        first += row["applicants"]


def task_steps(scenario: Scenario, task: Row, shift: Row, on: Row) -> Iterator[Step]:
    """A task that one account proposes and another approves, with its one shift."""
    id_, service, volunteers = task["id"], "dispatch", scenario["volunteers"]
    told = {"disaster_id": scenario["disaster"]["id"], "host_organisation": volunteers["host_organisation"]}
    opened = {**on, **shift, "id": f"{id_}-shift"}
    for_centre = {"body_id": volunteers["body_id"]}
    yield Step("volunteer-manager", service, "/tasks", {**on, **told, **task}, f"task/{id_}", save=id_, **for_centre)
    path, key = f"/tasks/{id_}/approve", f"task/{id_}/approve"
    yield Step("task-approver", service, path, on, key, version_of=id_, **for_centre)
    yield Step("volunteer-manager", service, f"/tasks/{id_}/shifts", opened, f"shift/{id_}", **for_centre)


def applicant_steps(volunteers: Row, task: Row, number: int, person: int) -> Iterator[Step]:
    """A placeholder person who applies, is chosen or not, and attends when chosen."""
    on, id_ = {"effective_date": volunteers["applied_on"]}, f"{task['id']}-{number + 1:03}"

    def act(path: str, body: Row, action: str = "", **version: str) -> Step:
        key, centre = f"sign-up/{id_}{action}", volunteers["body_id"]
        return Step("volunteer-manager", "dispatch", path + action, body, key, body_id=centre, **version)

    name, phone = f"{task['name']} {number + 1:03}", PHONE.format(person)
    application: dict[str, Any] = {**on, "id": id_, "name": name, "phone": phone, "consent": True}
    if nationalities := task.get("nationalities"):
        application["nationality"] = f"X{chr(ord('A') + number % nationalities)}"
    if credential := task.get("required_credential"):
        application["credential"] = {"kind": credential, "number": LICENCE.format(person)}
    yield act(f"/shifts/{task['id']}-shift/sign-ups", application, save=id_)
    path, is_chosen = f"/sign-ups/{id_}", number < task["confirmed"]
    if credential:
        yield act(path, {"verified_reference": "시연용 면허 확인"}, "/verify-credential", version_of=id_)
    if task["selection"] == "selected":
        yield act(path, on, "/confirm" if is_chosen else "/decline", version_of=id_)
    if is_chosen:
        yield act(path, {"effective_date": volunteers["attended_on"]}, "/attend", version_of=id_)


def practice_steps(scenario: Scenario) -> Iterator[Step]:
    """Waiting documents, stock, a request and an open shift to try the screens with; none moves a published figure.

    Except for the budget they take effect on the day they are recorded.
    """
    practice, disaster_id, today = scenario.practice, scenario["disaster"]["id"], dict[str, Any]()
    if not practice:
        return
    line = {**practice["budget_line"], "fiscal_year": scenario.year}
    yield from line_steps(practice["fund"], line)
    yield appropriation_step(line, practice["appropriation"])
    for document in practice["documents"]:
        content = {name: document[name] for name in ("id", "amount_won", "purpose")}
        content |= {"budget_line_id": line["id"], "payee": practice["payee"], "disaster_id": disaster_id}
        yield from spending_steps(content, today, until=document["until"])
    site, depot_id = practice["site"], scenario["depot"]["id"]
    yield Step("keeper", "situation", "/sites", site, f"site/{site['id']}")
    for row in practice["items"]:
        item = {name: row[name] for name in ("id", "name", "english_name", "unit")}
        amount, source = {"item_id": row["id"], "quantity": row["quantity"]}, practice["source"]
        receipt = f"{row['id']}-{scenario.year}"
        yield from stock_steps(item, amount, {"depot_id": depot_id, "source": source}, today, receipt=receipt)
    request = practice["request"] | {"disaster_id": disaster_id, "region_id": site["region_id"], "site_id": site["id"]}
    yield Step("coordinator", "inventory", "/requests", request, f"request/{request['id']}")
    yield from task_steps(scenario, practice["task"], practice["shift"], today)
