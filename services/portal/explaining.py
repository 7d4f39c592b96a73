"""What a refusal says to a person: names instead of ids, words instead of codes."""

from string import Formatter
from typing import Any, Final

from services.portal import visitor
from services.portal.formats import day
from services.portal.messages import catalogue, text, word
from services.portal.names import name_of

# What the facts of a refusal are, as far as sentences of the portal speak of them.
NAMED: Final = {"body_id": "body", "disaster_id": "disaster", "held": "body"}
WORDS: Final = {
    "earlier_step": "step",
    "step": "step",
    "required_credential": "credential",
    "differs": "field",
    "kind": "kind",
    "first": "role",
    "second": "role",
}


def sentence(problem: dict[str, Any]) -> str:
    """The portal's own sentence where the service's speaks of ids, codes or headers; else the service's.

    Who may decide is left out, because the page says it by itself.
    """
    language = visitor.language()
    entry = catalogue().get(f"problem.{str(problem.get('type', '')).rpartition(':')[2]}")
    if entry is None:
        return str(problem.get("detail", "")).replace(str(problem.get("who_may_decide", "")), "").strip()
    asked = [name for _, name, _, _ in Formatter().parse(entry[language]) if name]
    return entry[language].format(**{name: fact(name, problem.get(name), language) for name in asked})


def fact(name: str, value: Any, language: str) -> str:
    if name in NAMED:  # one id or several
        return ", ".join(name_of(NAMED[name], one) for one in str(value or "").split(", "))
    if name == "day":
        return day(value, language)
    return word(WORDS[name], value, language) if name in WORDS else str(value)


def finding_sentence(finding: dict[str, Any]) -> str:
    """What a difference is; the ledger's own sentence of something unknown speaks in codes."""
    language = visitor.language()
    if "kind_of_object" in finding:
        return text(
            "reconciliation.unknown",
            language,
            where=word("kind", finding["kind_of_object"], language),
            object=finding["object_id"],
            what=word("kind", finding["kind"].removeprefix("unknown_"), language),
            id=finding["id_of_unknown"],
        )
    if "break_kind" in finding:
        return text("reconciliation.break", language, service=word("owner", finding["topic"].split(".")[1], language))
    return str(finding["sentence"] if language == "ko" else finding["english_sentence"])
