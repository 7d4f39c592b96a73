"""`python -m deploy.docs`: write the generated parts of docs/ anew from the code they describe.

A test compares them with the code, so they cannot fall behind it.
"""

import importlib
import json
from pathlib import Path
from typing import Any, Final

from services import standalone
from services.ledger.consumers import GROUP, TOPICS
from shared.events import Payload, json_schema
from shared.outbox import topic_of
from shared.problems import SHARED_PROBLEMS, TYPE_PREFIX

DOCS: Final = Path(__file__).parents[1] / "docs"


def payloads(service: str) -> tuple[type[Payload], ...]:
    published: tuple[type[Payload], ...] = importlib.import_module(f"services.{service}.events").PUBLISHED
    return published


def generated() -> dict[Path, str]:
    """Path below docs/ and text of every generated file."""
    publishers = [module.NAME for module in standalone.PUBLISHERS]
    files = {
        Path("events") / f"{payload.TYPE}.json": as_json(json_schema(payload))
        for name in publishers
        for payload in payloads(name)
    }
    files[Path("events") / "asyncapi.json"] = as_json(asyncapi(publishers))
    files[Path("problems.md")] = problems_page()
    return files


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def asyncapi(publishers: list[str]) -> dict[str, Any]:
    """One channel per topic, one message per event type."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for name in publishers:
        messages = {
            payload.TYPE: {
                "name": payload.TYPE,
                "summary": " ".join((payload.__doc__ or "").split()),
                "contentType": "application/cloudevents+json",
                "payload": {
                    "type": "object",
                    "properties": {"type": {"const": payload.TYPE}, "data": {"$ref": f"./{payload.TYPE}.json"}},
                },
            }
            for payload in payloads(name)
        }
        channels[name] = {"address": topic_of(name), "messages": messages}
        operations[f"publish-{name}"] = {"action": "send", "channel": {"$ref": f"#/channels/{name}"}}
        if topic_of(name) in TOPICS:
            operations[f"{GROUP}-reads-{name}"] = {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}}
    info = {
        "title": "Dure events",
        "version": "1",
        "description": "CloudEvents 1.0 in canonical JSON; the key of a record is the id of its aggregate.",
    }
    return {"asyncapi": "3.0.0", "info": info, "channels": channels, "operations": operations}


def problems_page() -> str:
    """Every refusal with its stable type, status and sentence."""
    lines = [
        "# Problems",
        "",
        "Errors are RFC 9457 `application/problem+json`. `type` is stable; `detail` is the sentence below with its",
        "numbers, which are also members of their own. Korean unless `Accept-Language` asks for English.",
    ]
    tables = {"every service": SHARED_PROBLEMS} | {
        module.NAME: importlib.import_module(f"services.{module.NAME}.api").PROBLEMS for module in standalone.SERVICES
    }
    for name, table in tables.items():
        if not table:
            continue
        lines += ["", f"## {name}", "", "| type | status | sentence |", "|--|--|--|"]
        lines += [
            f"| `{TYPE_PREFIX}{kind.slug}` | {kind.status} | {refusal.english}<br>{refusal.korean} |"
            for refusal, kind in table.items()
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    for old in (DOCS / "events").glob("*.json"):
        old.unlink()
    for path, text in generated().items():
        (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
