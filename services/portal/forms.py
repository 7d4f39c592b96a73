"""Forms: reading what was typed, and the options of a choice."""

from typing import Any

from flask import request


def field(name: str) -> str:
    return request.form.get(name, "").strip()


def whole_number(name: str) -> int | str:
    """The number typed, thousands separators allowed; anything else as it was typed, for the service to refuse."""
    typed = field(name)
    digits = typed.replace(",", "")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 18 else typed


def named(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Options of a choice: each row's id with its name."""
    return [(row["id"], row["name"]) for row in rows]
