"""How long personal data is kept: dated data with its basis, so that an official can correct it."""

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from services.dispatch.domain import add_months

DATA = Path(__file__).parent / "retention.json"


@cache
def _entries() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(DATA.read_text(encoding="utf-8"))
    return sorted(entries, key=lambda entry: str(entry["effective_from"]))


def last_day_kept(ended_on: date, consented_on: date) -> date:
    """The last day the data of a volunteer is kept: the term in force when they consented, from the shift's end on."""
    in_force = [entry for entry in _entries() if date.fromisoformat(entry["effective_from"]) <= consented_on]
    term = in_force[-1] if in_force else _entries()[0]
    return add_months(ended_on, term["months_after_shift"])
