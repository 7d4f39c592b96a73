"""Differences that somebody has to answer for: findings of the reconciliation, and breaks.

Each has an id that says what it is about. What people say of it are notes, which are only ever added: who owns it,
what explains it, that an explanation is withdrawn. A finding whose amount changes is another finding, so an
explanation never covers more than what it was given for.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger.domain import NothingToExplain
from services.ledger.postings import hold_clock
from services.ledger.store import inbox, notes
from shared.chain import FIRST_HASH, HASH_VERSION, link_hash
from shared.events import canonical_json

ID_LENGTH: Final = 16


class Severity(StrEnum):
    ERROR = "error"
    EXPLAIN = "explain"  # may well be right, but somebody has to say why


class Action(StrEnum):
    ASSIGN = "assign"  # somebody looks after it
    EXPLAIN = "explain"  # it is as it should be, and this is why
    REOPEN = "reopen"  # an explanation is withdrawn
    RETAKE = "retake"  # what could not be taken in was taken in after all


# After these nothing is left to do.
ENDS: Final = frozenset({Action.EXPLAIN, Action.RETAKE})


@dataclass(frozen=True)
class Finding:
    """One difference. `facts` say what it is about and nothing that may change while it stays the same."""

    kind: str
    korean: str
    english: str
    facts: Mapping[str, Any]
    severity: Severity = Severity.ERROR

    @property
    def id(self) -> str:
        return hashlib.sha256(canonical_json([self.kind, self.facts])).hexdigest()[:ID_LENGTH]


def described(tx: Connection, findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as they are told, each with what was said of it."""
    said = _said(tx)
    return [
        {
            "id": finding.id,
            "kind": finding.kind,
            "severity": finding.severity.value,
            "sentence": finding.korean,
            "english_sentence": finding.english,
            **finding.facts,
            **_state(said.get(finding.id, [])),
        }
        for finding in findings
    ]


def breaks(tx: Connection) -> list[dict[str, Any]]:
    """What could not be taken in, with its service as the owner until somebody else is named."""
    table, said = inbox.breaks, _said(tx)
    rows = tx.execute(sa.select(table).order_by(table.c.found_at, table.c.number))
    return [break_view(row, said.get(str(row.number), [])) for row in rows]


def break_view(row: sa.Row[Any], said: list[sa.Row[Any]]) -> dict[str, Any]:
    place = f"{row.topic}/{row.partition}@{row.offset}"
    state = _state(said)
    return {
        "id": str(row.number),
        "kind": "break",
        "severity": Severity.ERROR.value,
        "sentence": f"{place}: 처리하지 못해 보관한 사건입니다 ({row.kind}: {row.reason}).",
        "english_sentence": f"{place}: an event that could not be taken in ({row.kind}: {row.reason}).",
        "break_kind": row.kind,
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.offset,
        "event_id": row.event_id,
        "reason": row.reason,
        "found_at": row.found_at,
        **state,
        "owner": state["owner"] or row.topic.split(".")[1],
    }


def add_note(
    tx: Connection, difference: str, action: Action, *, owner: str | None, reason: str, account: str, now: datetime
) -> dict[str, Any]:
    """Say something of a difference. Raises NothingToExplain where it was not explained and is to be reopened."""
    hold_clock(tx, now)  # notes form one chain: whoever adds to it waits for the other
    if action is Action.REOPEN and not _is_ended(_said(tx).get(difference, [])):
        raise NothingToExplain(difference=difference)
    newest = tx.execute(sa.select(notes).order_by(notes.c.number.desc()).limit(1)).first()
    number, previous = (newest.number, newest.hash) if newest else (0, FIRST_HASH)
    row = {
        "number": number + 1,
        "difference": difference,
        "action": action.value,
        "owner": owner,
        "reason": reason,
        "account": account,
        "recorded_at": now,
        "hash_version": HASH_VERSION,
    }
    row["hash"] = note_hash(row, previous)
    tx.execute(sa.insert(notes), row)
    return row


def note_hash(row: Mapping[str, Any], previous: str) -> str:
    """The hash of a note, chained to the one before."""
    names = ("difference", "action", "owner", "reason", "account", "recorded_at")
    return link_hash(row["hash_version"], row["number"], previous, [row[name] for name in names])


def notes_of(tx: Connection, difference: str) -> list[dict[str, Any]]:
    query = sa.select(notes).where(notes.c.difference == difference).order_by(notes.c.number)
    return [dict(row) for row in tx.execute(query).mappings()]


def open_breaks(tx: Connection) -> list[dict[str, Any]]:
    return [one for one in breaks(tx) if one["is_open"]]


def _said(tx: Connection) -> dict[str, list[sa.Row[Any]]]:
    found: dict[str, list[sa.Row[Any]]] = {}
    for row in tx.execute(sa.select(notes).order_by(notes.c.number)):
        found.setdefault(row.difference, []).append(row)
    return found


def _is_ended(said: list[sa.Row[Any]]) -> bool:
    decisive = [Action(note.action) for note in said if note.action != Action.ASSIGN]
    return bool(decisive) and decisive[-1] in ENDS


def _state(said: list[sa.Row[Any]]) -> dict[str, Any]:
    """Who owns a difference, whether anything is left to do, and what explains it."""
    owners = [note.owner for note in said if note.owner]
    ended = _is_ended(said)
    explanation = next((note for note in reversed(said) if note.action != Action.ASSIGN), None) if ended else None
    return {
        "owner": owners[-1] if owners else None,
        "is_open": not ended,
        "resolution": explanation.reason if explanation else None,
        "resolved_by": explanation.account if explanation else None,
    }
