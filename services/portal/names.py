"""What things are called, in the visitor's language where they have a name in it."""

import re
from collections.abc import Mapping
from typing import Any, Final

import flask
from markupsafe import Markup, escape

from services.portal import visitor
from services.portal.calls import look_up
from services.portal.formats import NONE

# Where names are kept. The situation service shows its own to everybody, the others to whom they concern.
LISTS: Final = {
    "body": ("situation", "/bodies"),
    "disaster": ("situation", "/disasters"),
    "region": ("situation", "/regions"),
    "site": ("situation", "/sites"),
    "item": ("inventory", "/items"),
    "fund": ("disbursement", "/funds"),
    "line": ("disbursement", "/budget-lines"),
    "task": ("dispatch", "/tasks"),
}
KOREAN: Final = re.compile(r"[ㄱ-ㆎ가-힣]+(?:[\s·,.()/~-]*[ㄱ-ㆎ가-힣]+)*")

Row = Mapping[str, Any]


def rows(kind: str) -> dict[str, Row]:
    """Everything of a kind by its id, read once for a page; nothing while its service is away."""
    found: dict[str, dict[str, Row]] = flask.g.setdefault("names", {})
    if kind not in found:
        found[kind] = {row["id"]: row for row in look_up(*LISTS[kind])}
    return found[kind]


def called(row: Row, field: str = "name") -> str:
    """`name`, or `english_name` on an English page; `line_name` goes with `line_english_name`."""
    stem, _, last = field.rpartition("_")
    english = row.get("_".join(filter(None, (stem, "english", last))))
    return str(english if english and visitor.language() == "en" else row[field])


def name_of(kind: str, id_: str | None) -> str:
    """The name that belongs to an id; the id itself where it names nothing that is known."""
    if not id_:
        return NONE
    row = rows(kind).get(id_)
    return called(row, "title" if kind == "task" else "name") if row else id_


def said(text: Any) -> Markup:
    """Text for a page: what is Korean on an English page is marked so, for whoever has it read out."""
    escaped = escape(text)
    if visitor.language() == "ko":
        return escaped
    return Markup(KOREAN.sub(r'<span lang="ko">\g<0></span>', str(escaped)))  # noqa: S704  # escaped just above


def lang_of(text: str) -> Markup:
    """The attribute of an element whose text may be Korean on an English page."""
    return Markup(' lang="ko"' if visitor.language() != "ko" and KOREAN.search(text) else "")  # noqa: S704  # constant
