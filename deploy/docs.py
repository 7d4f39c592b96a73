"""`python -m deploy.docs`: write the generated parts of docs/ anew from the code they describe.

A test compares them with the code, so they cannot fall behind it.
"""

import importlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from services import standalone
from services.ledger.consumers import GROUP, TOPICS
from shared.auth import Role
from shared.events import Payload, json_schema
from shared.http import Blueprint
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
    files[Path("permissions.md")] = permissions_page()
    files[Path("dating.md")] = dating_page()
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


ROLE_NAMES: Final = {
    Role.COORDINATOR: "현장 담당",
    Role.DRAFTER: "기안자",
    Role.REVIEWER: "검토자",
    Role.APPROVER: "결재권자",
    Role.COMMITMENT_OFFICER: "재무관",
    Role.PAYMENT_OFFICER: "지출원",
    Role.BUDGET_OFFICER: "예산 담당",
    Role.VOLUNTEER_MANAGER: "자원봉사 담당",
    Role.AUDITOR: "감사",
    Role.ADMINISTRATOR: "관리자",
    Role.IMPORTER: "이관",
}
PERMISSIONS_HEAD: Final = """# Who may do what

Each operation of each service, who may ask for it, and how far that reaches. The same table is what the services
obey (`services/<name>/permissions.py`) and what `tests/contract/test_permissions.py` tries with every role.

| scope | meaning |
|--|--|
| public | nobody has to sign in |
| system | one of the roles, whichever body it is held for |
| body | one of the roles, held for the body and for the disaster that the record belongs to |

| role | 직무 |
|--|--|
"""


def blueprints_of(service: str) -> Iterable[Blueprint]:
    """The blueprints of a service's API, each with the operations it offers."""
    api = importlib.import_module(f"services.{service}.api")
    found: Iterable[Blueprint] = getattr(api, "BLUEPRINTS", None) or (api.blueprint,)
    return found


def permissions_page() -> str:
    """Operation by role and scope, for a person to read."""
    lines = [f"| {role.value} | {name} |" for role, name in ROLE_NAMES.items()]
    for module in standalone.SERVICES:
        lines += ["", f"## {module.NAME}", "", "| operation | request | scope | roles |", "|--|--|--|--|"]
        for blueprint in blueprints_of(module.NAME):
            for operation in blueprint.operations:
                path = re.sub(r"<(?:\w+:)?(\w+?)_?>", r"{\1}", operation.rule)
                roles = [ROLE_NAMES[role] for role in Role if role in operation.permission.roles]
                who = "모든 직무" if len(roles) == len(Role) else ", ".join(roles)
                request = f"`{operation.method} {path}`"
                lines.append(f"| `{operation.name}` | {request} | {operation.permission.scope.value} | {who} |")
    return PERMISSIONS_HEAD + "\n".join(lines) + "\n"


def dating_page() -> str:
    """Which facts may be dated back, which forward, and which never."""
    lines = [
        "# How facts may be dated",
        "",
        "Facts are recorded on the day they take effect. These may be dated back or forward by whoever may record",
        "them; what is recorded late says so. Anything not listed is recorded on its own day. The role importer (이관)",
        "may date anything back to the first day named here, and nothing forward beyond the same limits.",
    ]
    for module in standalone.PUBLISHERS:
        policy = importlib.import_module(f"services.{module.NAME}.permissions").DATING
        lines += ["", f"## {module.NAME}", "", f"Imports from {policy.imports_from}.", ""]
        lines += ["| operations | since | days back | days forward | basis |", "|--|--|--:|--:|--|"]
        for rule in policy.rules:
            operations = ", ".join(f"`{name}`" for name in rule["operations"])
            limits = f"{rule['days_back']} | {rule['days_forward']}"
            lines.append(f"| {operations} | {rule['effective_from']} | {limits} | {rule['basis']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    for old in (DOCS / "events").glob("*.json"):
        old.unlink()
    for path, text in generated().items():
        (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
