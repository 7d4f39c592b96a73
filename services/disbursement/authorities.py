"""Who may raise an appropriation: dated data with a legal basis, so that an official can correct it."""

import json
from datetime import date
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "authorities.json"


@cache
def _entries() -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads(DATA.read_text(encoding="utf-8"))
    return entries


def who_may_decide(fund_type: str, on: date) -> str:
    """The sentence in force on `on`, with its legal basis; empty if none is known."""
    in_force = [
        entry
        for entry in _entries()
        if entry["fund_type"] == fund_type and date.fromisoformat(entry["effective_from"]) <= on
    ]
    if not in_force:
        return ""
    newest = max(in_force, key=lambda entry: entry["effective_from"])
    return f"{newest['who_may_decide']} ({newest['legal_basis']})"
