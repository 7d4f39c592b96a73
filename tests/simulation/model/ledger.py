"""The ledger in the model: what it took in and when, what was said of differences, and what it answered before."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from tests.simulation.model.core import Asked, Fact, day_in_korea, need

TICK: Final = timedelta(microseconds=1)
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
MAY_BE_READ_LATER: Final = {"malformed", "failed", "unknown"}


class Entry(NamedTuple):
    """A fact that was taken in, and the moment from which on the ledger knows it."""

    fact: Fact
    posted_at: datetime


class Break(NamedTuple):
    """What could not be taken in."""

    id: str
    kind: str
    event_id: str | None


@dataclass
class Note:
    action: str
    owner: str | None
    reason: str
    account: str


@dataclass
class Ledger:
    entries: list[Entry] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    sealed_at: datetime = LONG_AGO
    postings: int = 0
    notes: dict[str, list[Note]] = field(default_factory=dict)
    noted: int = 0
    anchors: int = 0
    anchored_on: date | None = None
    learnt: dict[str, Fact] = field(default_factory=dict)  # by event: what it did not know once and would take in now

    def post(self, now: datetime, facts: Iterable[Fact]) -> None:
        """Nothing is posted at or before a moment somebody asked about, whatever the clock says."""
        posted_at = max(now, self.sealed_at + TICK)
        self.sealed_at = posted_at
        self.postings += 1
        self.entries += [Entry(fact, posted_at) for fact in facts]

    def seal(self, moment: datetime, now: datetime) -> None:
        """A moment that was asked about can be asked about again, also once the clock was set back. Raises Refused."""
        need(moment <= max(now, self.sealed_at), 422, "known-at-in-future")
        self.sealed_at = max(self.sealed_at, moment)

    def is_open(self, difference: str) -> bool:
        decisive = [note.action for note in self.notes.get(difference, []) if note.action != "assign"]
        return not decisive or decisive[-1] not in ("explain", "retake")

    def state_of(self, difference: str) -> dict[str, Any]:
        """Who owns a difference, whether anything is left to do, and what explains it."""
        said = self.notes.get(difference, [])
        explains = [note for note in said if note.action != "assign"][-1:] if not self.is_open(difference) else []
        return {
            "owner": next((note.owner for note in reversed(said) if note.owner), None),
            "is_open": self.is_open(difference),
            "resolution": explains[0].reason if explains else None,
            "resolved_by": explains[0].account if explains else None,
        }

    def add_note(self, asked: Asked) -> dict[str, Any]:
        body, difference = asked.body, asked.target
        need(body["action"] != "assign" or "owner" in body, 422, "unprocessable-entity")
        need(body["action"] != "reopen" or not self.is_open(difference), 409, "nothing-to-explain")
        self._note(difference, Note(body["action"], body.get("owner"), body["reason"], asked.account))
        told = {name: body.get(name) for name in ("action", "owner", "reason")}
        return {**told, "number": self.noted, "difference": difference, "account": asked.account}

    def retake(self, asked: Asked) -> dict[str, Any]:
        """What is parked and may be read by now; `post` is called by whoever sees the order."""
        taken = [
            one
            for one in self.breaks
            if one.kind in MAY_BE_READ_LATER and one.event_id in self.learnt and self.is_open(one.id)
        ]
        for one in taken:
            self._note(one.id, Note("retake", None, "", asked.account))
        return {"items": [{"break": one.id, "event_id": one.event_id} for one in taken]}

    def make_anchor(self, asked: Asked) -> dict[str, Any]:
        return {"anchor": {"number": self.anchor(asked.now)}}

    def anchor(self, now: datetime) -> int:
        self.anchors += 1
        self.anchored_on = max(day_in_korea(now), self.anchored_on or date.min)
        return self.anchors

    def wants_anchor(self, now: datetime) -> bool:
        """One a day."""
        return self.anchored_on is None or self.anchored_on < day_in_korea(now)

    def _note(self, difference: str, note: Note) -> None:
        self.notes.setdefault(difference, []).append(note)
        self.noted += 1
