"""Which duties one account may not hold together: dated data with a legal basis, so that an official can correct it."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from services.situation.domain.accounts import DutyRule
from shared.auth import Role

DATA: Final = Path(__file__).parent / "duties.json"
ANY_OTHER: Final = "any other"


def read_rules(text: str) -> tuple[DutyRule, ...]:
    return tuple(_rule(entry) for entry in json.loads(text))


def _rule(entry: Mapping[str, Any]) -> DutyRule:
    ends = entry["effective_to"]
    return DutyRule(
        duties=frozenset(Role(role) for role in entry["duties"]),
        others=frozenset(Role if entry["with"] == ANY_OTHER else map(Role, entry["with"])),
        effective_from=date.fromisoformat(entry["effective_from"]),
        effective_to=date.fromisoformat(ends) if ends else None,
        legal_basis=entry["legal_basis"],
        sentence=entry["sentence"],
    )


RULES: Final = read_rules(DATA.read_text(encoding="utf-8"))
