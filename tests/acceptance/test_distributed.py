"""Every service in processes of its own, on Kafka, PostgreSQL and Redis, behind the front door."""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from deploy.local.stack import Stack
from tests.acceptance.conftest import SCENARIO, Home
from tests.real_stack import provisioned

AS_OF = "2025-04-11"
KILLED = ("disbursement", "relay-disbursement", "consume-ledger", "dispatch", "relay-dispatch", "front", "ledger")


@pytest.fixture(scope="module")
def stack(real_directory: Path) -> Iterator[Stack]:
    with provisioned("the stack"):
        opened = Stack(real_directory / "stack")
    with opened:
        yield opened


@pytest.fixture(scope="module")
def home(stack: Stack) -> Home:
    return Home({key: value for key, value in stack.environment.items() if key.startswith(("DURE_", "PORT"))})


def test_figures_survive_the_death_of_every_kind_of_process(stack: Stack, home: Home, embedded: Home) -> None:
    for name in KILLED:
        loading = home.start("load", str(SCENARIO))
        time.sleep(1.5)  # anywhere in the middle will do
        stack.kill(name)
        redis.Redis.from_url(stack.redis.url).flushall()
        loading.communicate(timeout=120)
    stack.wait_until_ready()
    home.load()
    wait_until_posted(home)
    assert home.report(AS_OF) == embedded.report(AS_OF)
    assert home.run("verify").returncode == 0
    findings = json.loads(home.run("reconcile").stdout)["findings"]
    assert [(finding["kind"], finding["is_open"]) for finding in findings] == [("unattributed", False)]


def test_the_front_door_leads_to_every_service_and_the_portal(stack: Stack) -> None:
    for path in ("/", "/api/ledger/openapi.json", "/api/dispatch/docs", "/api/inventory/healthz", "/readyz"):
        with urllib.request.urlopen(stack.url + path, timeout=10) as answer:
            assert answer.status == 200


def wait_until_posted(home: Home) -> None:
    deadline = time.monotonic() + 60
    while home.run("reconcile").returncode != 0:
        assert time.monotonic() < deadline
        time.sleep(0.2)
