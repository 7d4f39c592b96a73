"""What services do in the background: all of them in one process, and each in a process of its own."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from services import standalone
from services.inventory import app as inventory
from services.ledger import app as ledger
from services.situation import app as situation
from shared.auth import Role, issue_token
from shared.config import ConfigurationError, Settings
from shared.worker import Task, Workers
from tests.support import FixedClock, actor

PASSWORD = "wildfires-2025"
NOTICED_WITHIN_SECONDS = 20


@pytest.fixture
def system(settings: Settings, clock: FixedClock) -> Iterator[standalone.Standalone]:
    """The city with one coordinator."""
    system = standalone.create_app(settings, clock)
    administrator = issue_token(actor(Role.ADMINISTRATOR), signing_key=settings.signing_key, now=clock.now())
    coordinator = {
        "id": "coordinator",
        "display_name": "현장 담당",
        "password": PASSWORD,
        "grants": [{"role": "coordinator", "body_id": "city"}],
    }
    for path, body in (("/bodies", {"id": "city", "name": "시", "kind": "city"}), ("/accounts", coordinator)):
        reply = system.gateway.call("situation", "POST", path, json=body, token=administrator, key=path)
        assert reply.status == 201, reply.body
    yield system
    system.close()


def sign_in(system: standalone.Standalone) -> Any:
    return system.gateway.call(
        "situation", "POST", "/tokens", json={"account": "coordinator", "password": PASSWORD}
    ).body["token"]


def items(system: standalone.Standalone, token: str) -> int:
    return system.gateway.call("inventory", "GET", "/items", token=token).status


def sign_out(system: standalone.Standalone, token: str) -> None:
    assert system.gateway.call("situation", "POST", "/me/sign-out", json={}, token=token, key="out").ok


def test_who_signed_out_everywhere_is_refused_by_every_service(system: standalone.Standalone) -> None:
    token = sign_in(system)
    system.drain()
    assert items(system, token) == 200
    sign_out(system, token)
    system.drain()
    assert items(system, token) == 401
    assert system.gateway.call("ledger", "GET", "/entries", token=token).status == 401
    assert items(system, sign_in(system)) == 200


def test_the_workers_of_one_process_do_all_of_it(system: standalone.Standalone) -> None:
    token = sign_in(system)
    assert items(system, token) == 200
    sign_out(system, token)
    workers = Workers(system.tasks()).start()
    try:
        wait_until(lambda: items(system, token) == 401)
        administrator = issue_token(
            actor(Role.ADMINISTRATOR), signing_key=system.service("ledger").settings.signing_key, now=FixedClock().now()
        )
        wait_until(lambda: system.gateway.call("ledger", "GET", "/anchors/newest", token=administrator).ok)
        anchor = system.gateway.call("ledger", "GET", "/anchors/newest", token=administrator).body["anchor"]
        assert (anchor["number"], anchor["made_at"][:10]) == (1, "2025-04-11")
    finally:
        workers.stop()


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + NOTICED_WITHIN_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_process_of_its_own_does_what_belongs_to_its_service(settings: Settings) -> None:
    """And needs no more keys than for that: the one that publishes what situation says never signs a token."""
    checking = replace(settings, profile="production", signing_key="", personal_data_key="")
    anchoring, relaying = checking, replace(checking, anchor_key="")
    assert own_tasks(situation, relaying) == ["relay-situation"]
    assert own_tasks(inventory, relaying) == ["relay-inventory", "access-inventory"]
    assert own_tasks(ledger, anchoring) == ["access-ledger", "reader-ledger", "anchor"]
    with pytest.raises(ConfigurationError, match="DURE_ANCHOR_KEY is needed here"):
        own_tasks(ledger, relaying)


def own_tasks(module: Any, settings: Settings) -> list[str]:
    """The names of what the process of a service does."""
    service, bus = standalone.open_one(module, settings)
    try:
        return [task.name for task in standalone.tasks_of(service, bus)]
    finally:
        service.database.close()
        bus.close()


def test_a_task_that_may_wait_longer_costs_less_while_it_is_idle() -> None:
    looked: list[float] = []

    def look() -> int:
        looked.append(time.monotonic())
        return 0

    workers = Workers([Task("daily", look, lambda: None, idle_seconds=60.0)]).start()
    time.sleep(1.0)
    workers.stop()
    assert 2 <= len(looked) <= 7, "each pause is twice the one before"
