"""Events published on `relief.dispatch.v1`. They carry opaque ids only: personal data never leaves this service."""

from shared.events import Code, Id, Moment, Name, Payload, Quantity


class TaskEvent(Payload, frozen=True, kw_only=True):
    """Base of what is told of a task."""

    task_id: Id
    disaster_id: Id
    title: Name
    english_title: Name | None
    kind: Code
    selection: Code
    site_id: Id | None
    region_id: Id | None


class TaskOpened(TaskEvent, frozen=True, kw_only=True):
    """A volunteer task (일감) was proposed."""

    TYPE = "dispatch.task_opened.v1"


class TaskApproved(TaskEvent, frozen=True, kw_only=True):
    """A task was approved by another account than its proposer and is open to the public."""

    TYPE = "dispatch.task_approved.v1"


class TaskClosed(TaskEvent, frozen=True, kw_only=True):
    """A task takes no more sign-ups."""

    TYPE = "dispatch.task_closed.v1"


class TaskRenamed(Payload, frozen=True, kw_only=True):
    """From this day on a task has other titles."""

    TYPE = "dispatch.task_renamed.v1"
    task_id: Id
    title: Name
    english_title: Name | None


class ShiftOpened(Payload, frozen=True, kw_only=True):
    """A shift with a number of seats was added to a task; `title` is the task's."""

    TYPE = "dispatch.shift_opened.v1"
    shift_id: Id
    task_id: Id
    disaster_id: Id
    title: Name
    site_id: Id | None
    region_id: Id | None
    starts_at: Moment
    ends_at: Moment
    seats: Quantity


class SignUpEvent(Payload, frozen=True, kw_only=True):
    """Base of what is told of one person's sign-up; `quantity` is that person."""

    sign_up_id: Id
    shift_id: Id
    task_id: Id
    disaster_id: Id
    site_id: Id | None
    region_id: Id | None
    quantity: Quantity


class VolunteerApplied(SignUpEvent, frozen=True, kw_only=True):
    """Somebody signed up for a shift; on a first-come task the confirmation follows as an event of its own."""

    TYPE = "dispatch.volunteer_applied.v1"


class SignUpConfirmed(SignUpEvent, frozen=True, kw_only=True):
    """A sign-up took a seat of its shift."""

    TYPE = "dispatch.sign_up_confirmed.v1"


class SignUpDeclined(SignUpEvent, frozen=True, kw_only=True):
    """A sign-up was declined."""

    TYPE = "dispatch.sign_up_declined.v1"


class SignUpWaitlisted(SignUpEvent, frozen=True, kw_only=True):
    """A sign-up waits for a seat to become free."""

    TYPE = "dispatch.sign_up_waitlisted.v1"


class SignUpCancelled(SignUpEvent, frozen=True, kw_only=True):
    """A sign-up was cancelled; `was_confirmed` says that it gave a seat back."""

    TYPE = "dispatch.sign_up_cancelled.v1"
    was_confirmed: bool


class AttendanceRecorded(SignUpEvent, frozen=True, kw_only=True):
    """A confirmed volunteer came."""

    TYPE = "dispatch.attendance_recorded.v1"


PUBLISHED = (
    TaskOpened,
    TaskApproved,
    TaskClosed,
    TaskRenamed,
    ShiftOpened,
    VolunteerApplied,
    SignUpConfirmed,
    SignUpDeclined,
    SignUpWaitlisted,
    SignUpCancelled,
    AttendanceRecorded,
)
