"""Volunteers in the model: tasks, shifts with their seats, sign-ups, and how long personal data is kept."""

import calendar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from tests.simulation.model.core import Asked, Book, day_in_korea, in_order, known, need, need_new

POSSIBLE_IN: Final = {
    "verify": {"applied", "waitlisted"},
    "confirm": {"applied", "waitlisted"},
    "waitlist": {"applied"},
    "decline": {"applied", "waitlisted"},
    "cancel": {"applied", "waitlisted", "confirmed"},
    "attend": {"confirmed"},
}
LEADS_TO: Final = {
    "confirm": ("confirmed", "sign_up_confirmed"),
    "waitlist": ("waitlisted", "sign_up_waitlisted"),
    "decline": ("declined", "sign_up_declined"),
    "cancel": ("cancelled", "sign_up_cancelled"),
    "attend": ("attended", "attendance_recorded"),
}
SEATED: Final = {"confirmed", "attended"}
LONGEST_SHIFT: Final = timedelta(days=31)
LAST_YEAR: Final = 2100
MONTHS_KEPT: Final = 6
MANAGERS: Final = frozenset({"volunteer_manager", "importer"})


@dataclass
class Task:
    body: str
    disaster: str
    named_on: date
    selection: str
    credential: str | None
    proposed_by: str
    where: dict[str, str | None]
    last_day: date
    state: str = "proposed"
    version: int = 1
    nationalities: set[str] = field(default_factory=set)  # of those confirmed and purged since

    def told(self) -> dict[str, Any]:
        return {"state": self.state, "body_id": self.body, "version": self.version}


@dataclass
class Shift:
    task: str
    starts: datetime
    ends: datetime
    seats: int
    taken: int = 0
    version: int = 1

    def overlaps(self, other: "Shift") -> bool:
        return self.starts < other.ends and other.starts < self.ends


@dataclass
class SignUp:
    shift: str
    person: str | None  # the phone number as digits; None once purged
    name: str
    nationality: str | None
    credential: str | None
    kept_until: date
    last_day: date
    state: str
    version: int
    code: str | None = None  # learnt from the answer
    verified: bool = False

    def told(self) -> dict[str, Any]:
        return {"state": self.state, "version": self.version, "credential_verified": self.verified}


def half_a_year_after(day: date) -> date:
    months = day.month - 1 + MONTHS_KEPT
    year, month = day.year + months // 12, months % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def digits(phone: str) -> str:
    return "".join(character for character in phone if character.isdigit())


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class People:
    def __init__(self, book: Book) -> None:
        self.book = book
        self.tasks: dict[str, Task] = {}
        self.shifts: dict[str, Shift] = {}
        self.sign_ups: dict[str, SignUp] = {}
        self.reveals = 0

    def propose_task(self, asked: Asked) -> dict[str, Any]:
        body, on, id_ = asked.body, asked.day(), asked.body["id"]
        credential, disaster = body.get("required_credential"), body["disaster_id"]
        need(not (credential and body["selection"] == "first_come"), 422, "credential-needs-selection")
        whose = asked.act_for(disaster=disaster)
        need_new(self.tasks, id_)
        where = {"site_id": body.get("site_id"), "region_id": body.get("region_id")}
        self.tasks[id_] = Task(whose, disaster, on, body["selection"], credential, asked.account, where, last_day=on)
        told = {"task_id": id_, "kind": body["kind"], **titled(body), **where}
        self.book.tell("dispatch.task_opened", id_, 1, asked, on, **told)
        return self.tasks[id_].told()

    def rename_task(self, asked: Asked) -> dict[str, Any]:
        on, task = asked.day(), self._held(asked)
        asked.check_version(task)
        in_order(on, task.named_on)
        task.named_on = on
        task.version += 1
        told = {"task_id": asked.target, **titled(asked.body)}
        self.book.tell("dispatch.task_renamed", asked.target, task.version, asked, on, **told)
        return {**task.told(), **titled(asked.body)}

    def approve_task(self, asked: Asked) -> dict[str, Any]:
        task, on = self._task(asked, {"proposed"})
        need(task.proposed_by != asked.account, 403, "approved-by-self", account=asked.account)
        return self._advance_task(asked, task, on, "approved")

    def close_task(self, asked: Asked) -> dict[str, Any]:
        task, on = self._task(asked, {"proposed", "approved"})
        return self._advance_task(asked, task, on, "closed")

    def open_shift(self, asked: Asked) -> dict[str, Any]:
        body, on, id_ = asked.body, asked.day(), asked.body["id"]
        starts, ends = moment(body["starts_at"]), moment(body["ends_at"])
        possible = starts < ends and ends - starts <= LONGEST_SHIFT and ends.year <= LAST_YEAR
        need(possible, 422, "shift-times-impossible")
        task = self._held(asked)
        need(task.state in {"proposed", "approved"}, 409, "task-not-ready", state=task.state)
        in_order(on, task.last_day)
        need_new(self.shifts, id_)
        self.shifts[id_] = Shift(asked.target, starts, ends, body["seats"])
        data = {"shift_id": id_, "task_id": asked.target, "seats": body["seats"]}
        self.book.tell("dispatch.shift_opened", id_, 1, asked, on, **data)
        return {"seats": body["seats"], "taken": 0, "free": body["seats"], "version": 1}

    def sign_up(self, asked: Asked) -> dict[str, Any]:
        body, id_ = asked.body, asked.body["id"]
        shift = known(self.shifts, asked.target)
        task = self.tasks[shift.task]
        asked.act_for(task.body)
        on = self._day_of_public(asked, task)
        need(task.state == "approved", 409, "task-not-ready", state=task.state)
        in_order(on, task.last_day)
        last_day = day_in_korea(shift.ends)
        need(on <= last_day, 409, "shift-over", ended_on=last_day.isoformat())
        credential = body.get("credential")
        need(credential is None or credential["kind"] == task.credential, 422, "credential-not-asked")
        person, first_come = digits(body["phone"]), task.selection == "first_come"
        here = [known_ for known_ in self.sign_ups.values() if known_.shift == asked.target]
        again = any(one.person == person and one.state != "cancelled" for one in here)
        need(not again, 409, "signed-up-before")
        self._check_free(person, shift)
        need(not first_come or shift.taken < shift.seats, 409, "shift-full", seats=shift.seats, taken=shift.taken)
        need_new(self.sign_ups, id_)
        number = credential["number"] if credential else None
        kept = half_a_year_after(last_day)
        state, version = ("confirmed", 2) if first_come else ("applied", 1)
        one = SignUp(
            asked.target, person, body["name"], body.get("nationality"), number, kept, on, state=state, version=version
        )
        self.sign_ups[id_] = one
        self._tell("volunteer_applied", asked, id_, 1, on)
        if first_come:
            self._take_seat(shift)
            self._tell("sign_up_confirmed", asked, id_, 2, on)
        return {**one.told(), "purge_after": kept.isoformat()}

    def verify(self, asked: Asked) -> dict[str, Any]:
        asked.day()
        one, task = self._sign_up(asked, "verify", None)
        need(one.person is not None, 410, "purged")
        need(task.credential is not None, 409, "nothing-to-verify")
        one.verified = True
        one.version += 1
        return one.told()

    def decide(self, asked: Asked, step: str) -> dict[str, Any]:
        on = asked.day()
        one, task = self._sign_up(asked, step, on)
        shift = self.shifts[one.shift]
        if step == "confirm":
            need(one.person is not None, 410, "purged")
            need(one.verified or not task.credential, 409, "credential-unverified")
            self._check_free(one.person, shift)
            need(shift.taken < shift.seats, 409, "shift-full", seats=shift.seats, taken=shift.taken)
            self._take_seat(shift)
        if step == "attend":
            begins = day_in_korea(shift.starts)
            need(on >= begins, 409, "shift-not-begun", begins_on=begins.isoformat())
        self._advance(asked, one, step, on)
        return one.told()

    def cancel(self, asked: Asked) -> dict[str, Any]:
        one = known(self.sign_ups, asked.target)
        task = self.tasks[self.shifts[one.shift].task]
        asked.act_for(task.body)
        right_code = one.person is not None and asked.body.get("cancel_code", "").upper() == one.code
        manages = asked.person.acts_for(MANAGERS, task.body, task.disaster)
        need(manages or right_code, 403, "wrong-cancel-code")
        on = self._day_of_public(asked, task)
        if one.state == "cancelled":
            return one.told()
        held_seat = one.state == "confirmed"
        self._sign_up(asked, "cancel", on)
        self._advance(asked, one, "cancel", on, was_confirmed=held_seat)
        if held_seat:
            shift = self.shifts[one.shift]
            shift.taken -= 1
            shift.version += 1
        return one.told()

    def reveal(self, asked: Asked) -> dict[str, Any]:
        one = known(self.sign_ups, asked.target)
        task = self.tasks[self.shifts[one.shift].task]
        asked.act_for(task.body, task.disaster)
        need(one.person is not None, 410, "purged")
        self.reveals += 1
        return {"name": one.name, "nationality": one.nationality, "credential_number": one.credential}

    def purge(self, asked: Asked) -> dict[str, Any]:
        due = [one for one in self.sign_ups.values() if one.person is not None and one.kept_until < asked.today]
        people = {one.person for one in due}
        for one in due:
            if one.nationality and one.state in SEATED:
                self.tasks[self.shifts[one.shift].task].nationalities.add(one.nationality)
            one.person = one.code = one.credential = one.nationality = None
            one.version += 1
        left = {one.person for one in self.sign_ups.values()}
        return {"sign_ups": len(due), "volunteers": len(people - left)}

    def summary(self, task_id: str) -> dict[str, int]:
        """The counts of a task."""
        ups = [one for one in self.sign_ups.values() if self.shifts[one.shift].task == task_id]
        states = [one.state for one in ups]
        nations = {one.nationality for one in ups if one.nationality and one.state in SEATED}
        counted = {state: states.count(state) for state in ("waitlisted", "declined", "cancelled", "attended")}
        return {
            "applied": len(states),
            "confirmed": sum(state in SEATED for state in states),
            "nationalities": len(nations | self.tasks[task_id].nationalities),
            **counted,
        }

    def _task(self, asked: Asked, states: set[str]) -> tuple[Task, date]:
        on, task = asked.day(), self._held(asked)
        asked.check_version(task)
        need(task.state in states, 409, "task-not-ready", state=task.state)
        return task, on

    def _advance_task(self, asked: Asked, task: Task, on: date, state: str) -> dict[str, Any]:
        in_order(on, task.last_day)
        task.state, task.last_day = state, on
        task.version += 1
        self.book.tell(f"dispatch.task_{state}", asked.target, task.version, asked, on, task_id=asked.target)
        return task.told()

    def _sign_up(self, asked: Asked, step: str, on: date | None) -> tuple[SignUp, Task]:
        """A sign-up, if this step may be taken on it for its task's body. Raises Refused."""
        one = known(self.sign_ups, asked.target)
        task = self.tasks[self.shifts[one.shift].task]
        asked.act_for(task.body, task.disaster)
        asked.check_version(one)
        need(one.state in POSSIBLE_IN[step], 409, "wrong-state", state=one.state)
        if on is not None:
            in_order(on, one.last_day)
        return one, task

    def _held(self, asked: Asked) -> Task:
        task = known(self.tasks, asked.target)
        asked.act_for(task.body, task.disaster)
        return task

    def _day_of_public(self, asked: Asked, task: Task) -> date:
        """Another day than today is for an importer of the task's own body. Raises Refused."""
        on = asked.day()
        if on != asked.today and not asked.person.acts_for(MANAGERS, task.body, task.disaster):
            held = any(grant.body == task.body and grant.role in MANAGERS for grant in asked.person.grants)
            need(held, 403, "other-body", body_id=task.body)
            need(False, 403, "other-disaster")
        return on

    def _check_free(self, person: str | None, shift: Shift) -> None:
        elsewhere = [one for one in self.sign_ups.values() if one.person == person and one.state in SEATED]
        need(not any(self.shifts[one.shift].overlaps(shift) for one in elsewhere), 409, "overlapping-shift")

    def _take_seat(self, shift: Shift) -> None:
        shift.taken += 1
        shift.version += 1

    def _advance(self, asked: Asked, one: SignUp, step: str, on: date, **more: Any) -> None:
        one.state, event = LEADS_TO[step]
        one.version += 1
        one.last_day = on
        self._tell(event, asked, asked.target, one.version, on, **more)

    def _tell(self, event: str, asked: Asked, id_: str, version: int, on: date, **more: Any) -> None:
        shift = self.sign_ups[id_].shift
        task_id = self.shifts[shift].task
        task = self.tasks[task_id]
        about = {"sign_up_id": id_, "shift_id": shift, "task_id": task_id, "quantity": 1}
        data = {**about, "disaster_id": task.disaster, **task.where, **more}
        self.book.tell(f"dispatch.{event}", id_, version, asked, on, **data)


def titled(body: dict[str, Any]) -> dict[str, Any]:
    return {"title": body["title"], "english_title": body.get("english_title")}
