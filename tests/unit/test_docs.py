"""The documentation says what the code does: every command, setting, target, event and account is in it."""

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from deploy.docs import DOCS, generated, payloads
from services import cli, standalone
from services.ledger import consumers
from services.ledger.domain import Account, imbalance
from shared.config import SETTINGS
from shared.events import Event, json_schema
from tests.unit.test_events import EVENT

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
    ("string", None): "x",
    ("integer", None): 2025,
    ("boolean", None): True,
}


def example_of(schema: dict[str, Any]) -> Any:
    """The plainest value a schema allows."""
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: example_of(part) for name, part in schema["properties"].items()}
    if schema["type"] == "array":
        return [example_of(schema["items"])]
    return EXAMPLES[schema["type"], schema.get("format")]


@pytest.mark.parametrize("event_type", sorted({*consumers.POSTINGS, *consumers.NAMES, consumers.FORECAST}))
def test_the_ledger_can_read_what_the_owner_publishes(event_type: str) -> None:
    schema = json_schema(PAYLOADS[event_type])
    data = example_of(schema)
    if event_type == "disbursement.appropriation_changed.v1":
        data["kind"] = "original_appropriation"  # the ledger knows these kinds only
    jsonschema_rs.validate(schema, data)
    values = {name: getattr(EVENT, name) for name in EVENT.__slots__} | {"type": event_type, "data": data}
    event = Event(**values)
    assert imbalance(consumers.postings(event)) == {}
    if event_type in consumers.POSTINGS:
        assert consumers.postings(event)
    for naming in [consumers.NAMES[event_type]] if event_type in consumers.NAMES else []:
        assert {naming.id_field, naming.name_field, *naming.details} <= data.keys()


def test_no_event_carries_personal_data() -> None:
    forbidden = {"phone", "volunteer_name", "display_name", "password", "address", "email", "nationality", "licence"}
    for event_type, payload in PAYLOADS.items():
        assert not forbidden & json_schema(payload)["properties"].keys(), event_type
