"""docker-compose.yml and `make stack` start the same system."""

import re
from typing import Any

import pytest
import yaml

from deploy.local.kafka import CLUSTER_ID, POM
from deploy.local.process import PROJECT
from deploy.local.stack import CADDYFILE, GUNICORN_OPTIONS, KEY_OF, PUBLISHERS, READERS, SERVICES, WEB
from services import standalone
from shared.auth import verifying_key_of
from shared.config import SETTINGS, load_settings

PARTS = {"kafka", "postgres", "redis", "front"}
KEYS = {"DURE_SIGNING_KEY", "DURE_ANCHOR_KEY", "DURE_PERSONAL_DATA_KEY"}
SECRETS = ("DURE_SECRET", "DURE_SEAL_KEY", "DURE_VERIFYING_KEY", "DURE_DATABASE_PASSWORD", *KEYS)
LONG_ENOUGH = "a-value-of-at-least-32-characters-here"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    containers: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    return containers


def test_both_know_every_service_of_the_product() -> None:
    assert set(SERVICES) == set(standalone.NAMES)
    assert set(PUBLISHERS) == {module.NAME for module in standalone.PUBLISHERS}


def test_compose_has_a_container_for_every_process(compose: dict[str, Any]) -> None:
    web = {name: ["gunicorn", f"services.{name}.app:create_app()"] for name in WEB}
    relays = {f"relay-{name}": ["dure", "relay", name] for name in PUBLISHERS}
    readers = {f"consume-{name}": ["dure", "consume", name] for name in READERS}
    commands = {name: container["command"] for name, container in compose.items() if name not in PARTS}
    assert commands == web | relays | readers
    assert compose.keys() >= PARTS


def test_gunicorn_runs_alike_in_both(compose: dict[str, Any]) -> None:
    for name in WEB:
        assert set(GUNICORN_OPTIONS) <= set(compose[name]["environment"]["GUNICORN_CMD_ARGS"].split())


def test_every_web_container_has_a_health_check(compose: dict[str, Any]) -> None:
    assert all("healthz" in str(compose[name]["healthcheck"]["test"]) for name in (*WEB, "front"))


def test_the_environment_of_compose_starts_the_product(compose: dict[str, Any]) -> None:
    known = {setting.key for setting in SETTINGS}
    for name in compose.keys() - PARTS:
        given = {key: value for key, value in compose[name]["environment"].items() if key in known}
        assert {key for key in compose[name]["environment"] if key.startswith("DURE_")} <= known
        settings = load_settings({key: with_values(value) for key, value in given.items()})
        assert not settings.is_demo
        assert settings.bus_url == "kafka://kafka:9092"
        settings.check_given(*(key.removeprefix("DURE_").lower() for key in KEYS & given.keys()))


def with_values(text: str) -> str:
    """What compose makes of it when the variables without a default are set to something fit."""
    text = re.sub(r"\$\{DURE_VERIFYING_KEY:\?[^}]*\}", verifying_key_of(LONG_ENOUGH), text)
    text = re.sub(r"\$\{\w+:\?[^}]*\}", LONG_ENOUGH, text)
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def test_a_key_is_given_only_to_the_process_that_needs_it(compose: dict[str, Any]) -> None:
    given = {name: KEYS & compose[name]["environment"].keys() for name in compose.keys() - PARTS}
    assert given == {name: {KEY_OF[name]} if name in KEY_OF else set() for name in given}


def test_no_secret_has_a_value_in_the_repository() -> None:
    text = (PROJECT / "docker-compose.yml").read_text()
    for secret in SECRETS:
        uses = re.findall(rf"\$\{{{secret}(:.)?", text)
        assert uses, secret
        assert set(uses) == {":?"}, f"{secret} must be required wherever it is used"


def test_both_run_the_same_version_of_kafka(compose: dict[str, Any]) -> None:
    version = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>(.+?)</version>", POM.read_text())
    assert version is not None
    assert compose["kafka"]["image"] == f"apache/kafka:{version[1]}"
    assert compose["kafka"]["environment"]["CLUSTER_ID"] == CLUSTER_ID


def test_the_front_door_has_a_way_to_every_service() -> None:
    text = CADDYFILE.read_text()
    for name in SERVICES:
        assert f"import service {name} {{$UPSTREAM_{name.upper()}:{name}:8000}}" in text
    assert "import upstream {$UPSTREAM_PORTAL:portal:8000}" in text
