"""Seats of shifts against a plain model: whatever is asked in whatever order, nobody is seated twice."""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, Final

import sqlalchemy as sa
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from services.dispatch import store
from services.dispatch.app import create_app
from shared.auth import Role
from shared.config import load_settings
from shared.db import Database
from shared.http import EXTENSION
from tests.support import Caller, FixedClock

MANAGER: Final = Role.VOLUNTEER_MANAGER
AUDITOR: Final = Role.AUDITOR
DURING_THE_DAY: Final = datetime(2025, 4, 12, 3, 0, tzinfo=UTC)
# Name of the shift: its task's way of selection, seats, and hours on one day (UTC). The first three overlap.
SHIFTS: Final = {
    "forenoon": ("first_come", 1, (0, 4)),
    "all-day": ("first_come", 2, (0, 9)),
    "midday": ("selected", 1, (2, 6)),
    "evening": ("selected", 2, (9, 12)),
}
PEOPLE: Final = [f"010-0000-000{number}" for number in range(4)]
ENGAGED: Final = {"confirmed", "attended"}
LEADS_TO: Final = {"confirm": "confirmed", "waitlist": "waitlisted", "decline": "declined", "attend": "attended"}
ALLOWED_FROM: Final = {
    "confirm": {"applied", "waitlisted"},
    "waitlist": {"applied"},
    "decline": {"applied", "waitlisted"},
    "cancel": {"applied", "waitlisted", "confirmed"},
    "attend": {"confirmed"},
}


@dataclass
class Known:
    """What the model knows of one sign-up."""

    person: str
    shift: str
    state: str
    cancel_code: str


def overlap(one: str, other: str) -> bool:
    (starts, ends), (other_starts, other_ends) = SHIFTS[one][2], SHIFTS[other][2]
    return starts < other_ends and other_starts < ends


class Seats(RuleBasedStateMachine):
    sign_ups = Bundle("sign_ups")

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        settings = load_settings({"DURE_HOME": self.home.name, "DURE_LOG_LEVEL": "error"})
        clock = FixedClock(DURING_THE_DAY)
        app = create_app(settings, clock)
        self.database: Database = app.extensions[EXTENSION].database
        self.call = Caller(app, "dispatch", settings, clock)
        self.model: dict[str, Known] = {}

    def teardown(self) -> None:
        self.database.close()
        self.home.cleanup()

    @initialize()
    def open_shifts(self) -> None:
        for selection in ("first_come", "selected"):
            body = {
                "id": selection,
                "disaster_id": "yeongnam-wildfires-2025",
                "title": "이재민 텐트 철거",
                "place": "안동체육관",
                "kind": "general",
                "selection": selection,
                "host_organisation": "자원봉사센터",
            }
            assert self.call.post("/tasks", body, MANAGER, account="one").status_code == 201
            assert (
                self.call.post(f"/tasks/{selection}/approve", {}, MANAGER, account="two", version=1).status_code == 200
            )
        for name, (selection, seats, (starts, ends)) in SHIFTS.items():
            hours = {"starts_at": f"2025-04-12T{starts:02}:00:00Z", "ends_at": f"2025-04-12T{ends:02}:00:00Z"}
            answer = self.call.post(f"/tasks/{selection}/shifts", {"id": name, "seats": seats} | hours, MANAGER)
            assert answer.status_code == 201

    @rule(target=sign_ups, person=st.sampled_from(PEOPLE), shift=st.sampled_from(sorted(SHIFTS)))
    def sign_up(self, person: str, shift: str) -> Any:
        body = {"name": "홍길동", "phone": person, "consent": True}
        answer = self.call.post(f"/shifts/{shift}/sign-ups", body, MANAGER)
        first_come = SHIFTS[shift][0] == "first_come"
        expected = self._why_not_here(person, shift) or self._why_not_seated(person, shift, takes_seat=first_come)
        if expected:
            assert self._slug(answer) == expected
            return multiple()
        body = answer.json
        self.model[body["id"]] = Known(person, shift, "confirmed" if first_come else "applied", body["cancel_code"])
        assert body["state"] == self.model[body["id"]].state
        return body["id"]

    @rule(id_=sign_ups, step=st.sampled_from(sorted(LEADS_TO)))
    def decide(self, id_: str, step: str) -> None:
        known = self.model[id_]
        answer = self.call.post(f"/sign-ups/{id_}/{step}", {}, MANAGER, version=self._version(id_))
        expected = None if known.state in ALLOWED_FROM[step] else "wrong-state"
        if step == "confirm":
            expected = expected or self._why_not_seated(known.person, known.shift, takes_seat=True)
        if expected:
            assert self._slug(answer) == expected
        else:
            assert answer.json["state"] == LEADS_TO[step]
            known.state = LEADS_TO[step]

    @rule(id_=sign_ups, step=st.sampled_from(sorted(LEADS_TO)))
    def nothing_changes_by_a_manager_of_another_body(self, id_: str, step: str) -> None:
        answer = self.call.post(f"/sign-ups/{id_}/{step}", {}, MANAGER, body="red-cross", version=self._version(id_))
        assert self._slug(answer) == "other-body"

    @rule(id_=sign_ups, times=st.integers(1, 3), as_manager=st.booleans())
    def cancel(self, id_: str, times: int, as_manager: bool) -> None:
        known = self.model[id_]
        for _ in range(times):
            body, roles = ({}, (MANAGER,)) if as_manager else ({"cancel_code": known.cancel_code}, ())
            answer = self.call.post(f"/sign-ups/{id_}/cancel", body, *roles)
            if answer.status_code == 429:
                return  # a run may cancel more often than one address is allowed to
            if known.state in ALLOWED_FROM["cancel"] | {"cancelled"}:
                assert answer.json["state"] == "cancelled"
                known.state = "cancelled"
            else:
                assert self._slug(answer) == "wrong-state"

    @invariant()
    def the_seats_are_those_of_the_model(self) -> None:
        with self.database.read() as tx:
            taken = {row.id: row.taken for row in tx.execute(sa.select(store.shifts))}
        assert taken == {shift: self._seated(shift) for shift in taken}
        assert all(count <= SHIFTS[shift][1] for shift, count in taken.items())

    @invariant()
    def the_balances_told_to_the_ledger_are_those_of_the_model(self) -> None:
        told = {item["shift_id"]: item["taken"] for item in self.call.get("/balances", AUDITOR).json["items"]}
        assert told == {shift: self._seated(shift) for shift in told}

    @invariant()
    def nobody_is_expected_in_two_places(self) -> None:
        for one, other in combinations([known for known in self.model.values() if known.state in ENGAGED], 2):
            assert one.person != other.person or not overlap(one.shift, other.shift)

    @invariant()
    def the_summary_counts_what_happened(self) -> None:
        for item in self.call.get("/summary", MANAGER).json["items"]:
            states = [known.state for known in self.model.values() if SHIFTS[known.shift][0] == item["task_id"]]
            assert item["applied"] == len(states)
            assert item["confirmed"] == sum(state in ENGAGED for state in states)
            for state in ("waitlisted", "declined", "cancelled", "attended"):
                assert item[state] == states.count(state)

    def _why_not_here(self, person: str, shift: str) -> str | None:
        again = any(
            (known.person, known.shift) == (person, shift) and known.state != "cancelled"
            for known in self.model.values()
        )
        return "signed-up-before" if again else None

    def _why_not_seated(self, person: str, shift: str, *, takes_seat: bool) -> str | None:
        engaged = [known for known in self.model.values() if known.state in ENGAGED and known.person == person]
        if any(overlap(known.shift, shift) for known in engaged):
            return "overlapping-shift"
        return "shift-full" if takes_seat and self._seated(shift) >= SHIFTS[shift][1] else None

    def _seated(self, shift: str) -> int:
        return sum(known.shift == shift and known.state in ENGAGED for known in self.model.values())

    def _version(self, id_: str) -> int:
        return int(self.call.get(f"/sign-ups/{id_}", MANAGER).json["version"])

    def _slug(self, answer: Any) -> str:
        return str(answer.json["type"]).rpartition(":")[2]


TestSeats = Seats.TestCase
TestSeats.settings = hypothesis_settings(max_examples=20, stateful_step_count=25, deadline=None)
