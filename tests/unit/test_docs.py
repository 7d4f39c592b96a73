"""The documentation says what the code does: every command, setting, target, event and account is in it."""

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from deploy.docs import DOCS, generated, payloads
from services import cli, standalone
from services.ledger import consumers
from services.ledger.domain import Account, imbalance
from shared.config import SETTINGS
from shared.events import Event, Payload, json_schema
from tests.support import fact

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_generated_documents_are_current() -> None:
    for path, text in generated().items():
        assert (DOCS / path).read_text(encoding="utf-8") == text, f"{path} is stale: run make docs"
    on_disk = {path.relative_to(DOCS) for path in (DOCS / "events").iterdir()}
    assert on_disk == {path for path in generated() if path.parent == Path("events")}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_is_documented(setting: Any) -> None:
    assert f"| `{setting.key}` |" in README
    assert setting.meaning in README


@pytest.mark.parametrize("name", sorted(cli.main.commands))
def test_every_command_is_documented(name: str) -> None:
    assert f"dure {name}" in README
    assert cli.main.commands[name].help


def test_every_make_target_is_documented() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    assert {"run", "test", "stack"} <= targets
    assert [target for target in targets if f"make {target}" not in README] == []


def test_every_account_is_documented() -> None:
    chart = (DOCS / "accounts.md").read_text(encoding="utf-8")
    assert [account for account in Account if f"| {account.value} |" not in chart] == []


def test_every_service_and_the_portal_have_a_room_on_the_map() -> None:
    for name in (*standalone.NAMES, "portal"):
        assert f"services/{name}" in README or f"{name}/" in README


PAYLOADS = {payload.TYPE: payload for module in standalone.PUBLISHERS for payload in payloads(module.NAME)}


EXAMPLES: dict[tuple[str, str | None], Any] = {
    ("string", "date"): "2025-04-11",
    ("string", "date-time"): "2025-04-11T00:00:00Z",
    ("integer", None): 2025,
    ("boolean", None): True,
}


def example_of(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """The plainest value a schema allows."""
    if "$ref" in schema:
        return example_of(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], definitions)
    if schema["type"] == "object":
        return {name: example_of(part, definitions) for name, part in schema["properties"].items()}
    if schema["type"] == "array":
        return [example_of(schema["items"], definitions)]
    if schema["type"] == "string" and "format" not in schema:
        return "0" * 64 if "{64}" in schema.get("pattern", "") else "x"
    return EXAMPLES[schema["type"], schema.get("format")]


def example_event(payload: type[Payload]) -> Event:
    schema = json_schema(payload)
    data = example_of(schema, schema.get("$defs", {}))
    jsonschema_rs.validate(schema, data)
    if payload.TYPE == "disbursement.appropriation_changed.v1":
        data["kind"] = "original_appropriation"  # the ledger knows these kinds only
    return fact(payload.TYPE, data)


def test_every_event_has_been_decided_on_by_the_ledger() -> None:
    assert PAYLOADS.keys() == consumers.READINGS.keys()


@pytest.mark.parametrize("event_type", sorted(PAYLOADS))
def test_the_ledger_can_read_what_the_owner_publishes(event_type: str) -> None:
    event = example_event(PAYLOADS[event_type])
    event.payload(PAYLOADS[event_type])
    effect = consumers.read(event)
    assert imbalance(effect.lines) == {}
    assert bool(effect.lines) == (consumers.READINGS[event_type].post is not consumers.nothing)


@pytest.mark.parametrize("event_type", sorted(PAYLOADS))
def test_every_field_the_ledger_needs_is_one_the_owner_always_sends(event_type: str) -> None:
    sent = set(json_schema(PAYLOADS[event_type])["required"])
    needed = {one.encode_name for one in msgspec.structs.fields(consumers.READINGS[event_type].view) if one.required}
    assert needed <= sent


RECORDED = sorted((Path(__file__).parents[1] / "contract" / "recorded_events").glob("*.json"))


def test_an_example_of_every_event_is_recorded() -> None:
    assert {path.stem for path in RECORDED} >= PAYLOADS.keys()


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_an_event_recorded_once_is_read_for_ever(path: Path) -> None:
    event = Event.from_bytes(path.read_bytes().strip())
    assert event.type == path.stem
    consumers.read(event)
    if path.stem in PAYLOADS:
        event.payload(PAYLOADS[path.stem])


def test_no_event_carries_personal_data() -> None:
    forbidden = {"phone", "volunteer_name", "display_name", "password", "address", "email", "nationality", "licence"}
    for event_type, payload in PAYLOADS.items():
        schema = json_schema(payload)
        for part in (schema, *schema.get("$defs", {}).values()):
            assert not forbidden & part["properties"].keys(), event_type
