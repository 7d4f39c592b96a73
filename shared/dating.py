"""How far back and forward facts may be dated: dated data of each service, so that an official can correct it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from shared.clock import seoul_date
from shared.refusals import DateNotAllowed


@dataclass(frozen=True)
class Window:
    """The days that may be named for one kind of fact."""

    days_back: int
    days_forward: int
    basis: str


TODAY_ONLY = Window(0, 0, "")


@dataclass(frozen=True)
class DatingPolicy:
    """`rules` are `dating.json` of a service: operations, a window, the day it came into force and its basis."""

    imports_from: date
    rules: tuple[Mapping[str, Any], ...]

    @classmethod
    def read(cls, path: Path) -> "DatingPolicy":
        return _read(path)

    def window(self, operation: str, today: date) -> Window:
        """What is in force today; an operation no rule speaks of is recorded on its own day only."""
        fitting = [
            rule
            for rule in self.rules
            if operation in rule["operations"] and date.fromisoformat(rule["effective_from"]) <= today
        ]
        if not fitting:
            return TODAY_ONLY
        newest = max(fitting, key=lambda rule: str(rule["effective_from"]))
        return Window(newest["days_back"], newest["days_forward"], newest["basis"])

    def check(self, asked: date, today: date, operation: str, *, is_import: bool) -> None:
        """Raises DateNotAllowed, naming the days that are allowed."""
        window = self.window(operation, today)
        earliest = self.imports_from if is_import else today - timedelta(days=window.days_back)
        latest = today + timedelta(days=window.days_forward)
        if not earliest <= asked <= latest:
            raise DateNotAllowed(
                effective_date=asked, today=today, earliest=earliest, latest=latest, basis=window.basis
            )


def is_late(effective_date: date, recorded_at: Any) -> bool:
    """Whether a fact was recorded on a later day than it took effect."""
    return effective_date < seoul_date(recorded_at)


@cache
def _read(path: Path) -> DatingPolicy:
    data = json.loads(path.read_text(encoding="utf-8"))
    return DatingPolicy(date.fromisoformat(data["imports_from"]), tuple(data["rules"]))


UNDATED = DatingPolicy(date.max, ())
