"""Events published on `relief.dispatch.v1`. They carry opaque ids only: personal data never leaves this service."""

from dataclasses import dataclass
from datetime import datetime

from shared.events import Payload


@dataclass(frozen=True)
class TaskEvent(Payload):
    """Base of what is told of a task."""

    task_id: str
    disaster_id: str
    kind: str
    selection: str


@dataclass(frozen=True)
class TaskOpened(TaskEvent):
    """A volunteer task (일감) was proposed."""

    TYPE = "dispatch.task_opened.v1"


@dataclass(frozen=True)
class TaskApproved(TaskEvent):
    """A task was approved by another account than its proposer and is open to the public."""

    TYPE = "dispatch.task_approved.v1"


@dataclass(frozen=True)
class TaskClosed(TaskEvent):
    """A task takes no more sign-ups."""

    TYPE = "dispatch.task_closed.v1"


@dataclass(frozen=True)
class ShiftOpened(Payload):
    """A shift with a number of seats was added to a task."""

    TYPE = "dispatch.shift_opened.v1"
    shift_id: str
    task_id: str
    disaster_id: str
    starts_at: datetime
    ends_at: datetime
    seats: int


@dataclass(frozen=True)
class SignUpEvent(Payload):
    """Base of what is told of one person's sign-up; `quantity` is that person."""

    sign_up_id: str
    shift_id: str
    task_id: str
    disaster_id: str
    quantity: int


@dataclass(frozen=True)
class VolunteerApplied(SignUpEvent):
    """Somebody signed up for a shift; on a first-come task the confirmation follows as an event of its own."""

    TYPE = "dispatch.volunteer_applied.v1"


@dataclass(frozen=True)
class SignUpConfirmed(SignUpEvent):
    """A sign-up took a seat of its shift."""

    TYPE = "dispatch.sign_up_confirmed.v1"


@dataclass(frozen=True)
class SignUpDeclined(SignUpEvent):
    """A sign-up was declined."""

    TYPE = "dispatch.sign_up_declined.v1"


@dataclass(frozen=True)
class SignUpWaitlisted(SignUpEvent):
    """A sign-up waits for a seat to become free."""

    TYPE = "dispatch.sign_up_waitlisted.v1"


@dataclass(frozen=True)
class SignUpCancelled(SignUpEvent):
    """A sign-up was cancelled; `was_confirmed` says that it gave a seat back."""

    TYPE = "dispatch.sign_up_cancelled.v1"
    was_confirmed: bool


@dataclass(frozen=True)
class AttendanceRecorded(SignUpEvent):
    """A confirmed volunteer came."""

    TYPE = "dispatch.attendance_recorded.v1"


PUBLISHED = (
    TaskOpened,
    TaskApproved,
    TaskClosed,
    ShiftOpened,
    VolunteerApplied,
    SignUpConfirmed,
    SignUpDeclined,
    SignUpWaitlisted,
    SignUpCancelled,
    AttendanceRecorded,
)
