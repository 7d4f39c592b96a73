"""What the portal says, in Korean and English, from one catalogue (`messages.json`)."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

CATALOGUE: Final = Path(__file__).with_name("messages.json")
LANGUAGES: Final = ("ko", "en")


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Every key with its text per language."""
    texts: dict[str, dict[str, str]] = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return texts


def text(key: str, language: str, **facts: Any) -> str:
    """The text of `key` with `facts` filled in. Raises KeyError for a key the catalogue lacks."""
    return catalogue()[key][language].format(**facts)


def word(kind: str, code: str | None, language: str) -> str:
    """The name of a code such as a state or role; the code itself where a service has one the portal does not know."""
    if code is None:
        return "-"
    entry = catalogue().get(f"{kind}.{code}")
    return entry[language] if entry else code


def field_errors(errors: Any, name: str = "") -> list[tuple[str, str]]:
    """Validation errors, however deeply nested, as pairs of a field's name and what is wrong with it."""
    if isinstance(errors, dict):
        # List positions and the request part ("json") are no names of fields.
        inner = [(key if not key.isdecimal() and key != "json" else name, value) for key, value in errors.items()]
        return [pair for key, value in inner for pair in field_errors(value, key)]
    first = errors[0] if isinstance(errors, list) and errors else errors
    return [(name, str(first))]
