"""What an event says, for a person: names instead of ids, words instead of codes, dates as they are written here."""

import re
from collections.abc import Mapping
from typing import Any, Final

from services.portal import formats, visitor
from services.portal.messages import text, word
from services.portal.names import name_of

# Ids that are known by a name, and codes that stand for a word, by the field they are in.
NAMED: Final = {
    "region_id": "region",
    "region_ids": "region",
    "member_ids": "region",
    "parent_id": "region",
    "site_id": "site",
    "depot_id": "site",
    "body_id": "body",
    "party_id": "body",
    "disaster_id": "disaster",
    "item_id": "item",
    "fund_id": "fund",
    "budget_line_id": "line",
    "task_id": "task",
}
WORDS: Final = {
    "relief_stage": "stage",
    "stage": "stage",
    "decision": "step",
    "decided_by": "account",
    "account_id": "account",
    "selection": "selection",
    "fund_type": "fund_type",
    "basis_kind": "basis_kind",
    "duty": "duty",
    "role": "role",
}
# What `kind` says depends on what the event is about.
KINDS: Final = {
    "disbursement": "appropriation_kind",
    "dispatch": "task_kind",
    "situation.disaster": "disaster",
    "situation.body": "body_kind",
    "situation.region": "region_kind",
    "situation.site": "site_kind",
}
DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")


def facts(event: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Each fact of an event with its values in words; what it does not say is left out."""
    told = []
    for name, value in event["data"].items():
        values = value if isinstance(value, list) else [value]
        if values and value is not None:
            told.append((word("field", name, visitor.language()), [shown(event["type"], name, one) for one in values]))
    return told


def shown(type_: str, name: str, value: Any) -> str:
    language = visitor.language()
    if not isinstance(value, str):
        return _not_text(name, value, language)
    if name in NAMED:
        return name_of(NAMED[name], value)
    if vocabulary := _kinds(type_) if name == "kind" else WORDS.get(name):
        return word(vocabulary, value, language)
    if MOMENT.fullmatch(value):
        return formats.moment(value, language)
    return formats.day(value, language) if DAY.fullmatch(value) else value


def _not_text(name: str, value: Any, language: str) -> str:
    if isinstance(value, bool):
        return text("fact.yes" if value else "fact.no", language)
    if isinstance(value, dict):  # a line of a shipment
        return f"{name_of('item', value['item_id'])} {formats.number(value['quantity'])}{value['unit']}"
    if name.endswith("_won"):
        return text("unit.won", language, amount=formats.number(value))
    return str(value) if name == "fiscal_year" else formats.number(value)


def _kinds(type_: str) -> str:
    return next(kinds for beginning, kinds in KINDS.items() if type_.startswith(beginning))
