"""Rules of volunteering: who may sign up where, who may decide, and which step follows which. No I/O."""

import calendar
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.refusals import Refusal

LONGEST_SHIFT: Final = timedelta(days=31)
LAST_YEAR: Final = 2100  # as of fiscal years; calendars end, and retention is counted from the end of a shift


class TaskKind(StrEnum):
    GENERAL = "general"  # 노력봉사
    FOREIGN_RESIDENTS = "foreign_residents"  # 외국인주민 봉사
    MEDICAL = "medical"  # 의료봉사


class Selection(StrEnum):
    FIRST_COME = "first_come"  # 선착순: a sign-up takes its seat at once
    SELECTED = "selected"  # 선발: a sign-up waits for a decision


class TaskState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"  # open to the public
    CLOSED = "closed"  # takes no more sign-ups; those it has are still decided


class TaskStep(StrEnum):
    APPROVE = "approve"
    CLOSE = "close"
    OPEN_SHIFT = "open_shift"
    SIGN_UP = "sign_up"


class SignUpState(StrEnum):
    APPLIED = "applied"
    CONFIRMED = "confirmed"  # holds a seat
    WAITLISTED = "waitlisted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    ATTENDED = "attended"  # held a seat and came


class Step(StrEnum):
    APPLY = "apply"
    VERIFY_CREDENTIAL = "verify_credential"
    CONFIRM = "confirm"
    WAITLIST = "waitlist"
    DECLINE = "decline"
    CANCEL = "cancel"
    ATTEND = "attend"


TASK_TRANSITIONS: Final[dict[tuple[TaskState, TaskStep], TaskState]] = {
    (TaskState.PROPOSED, TaskStep.APPROVE): TaskState.APPROVED,
    (TaskState.PROPOSED, TaskStep.CLOSE): TaskState.CLOSED,
    (TaskState.APPROVED, TaskStep.CLOSE): TaskState.CLOSED,
    (TaskState.PROPOSED, TaskStep.OPEN_SHIFT): TaskState.PROPOSED,
    (TaskState.APPROVED, TaskStep.OPEN_SHIFT): TaskState.APPROVED,
    (TaskState.APPROVED, TaskStep.SIGN_UP): TaskState.APPROVED,
}

TRANSITIONS: Final[dict[tuple[SignUpState, Step], SignUpState]] = {
    (SignUpState.APPLIED, Step.VERIFY_CREDENTIAL): SignUpState.APPLIED,
    (SignUpState.WAITLISTED, Step.VERIFY_CREDENTIAL): SignUpState.WAITLISTED,
    (SignUpState.APPLIED, Step.CONFIRM): SignUpState.CONFIRMED,
    (SignUpState.WAITLISTED, Step.CONFIRM): SignUpState.CONFIRMED,
    (SignUpState.APPLIED, Step.WAITLIST): SignUpState.WAITLISTED,
    (SignUpState.APPLIED, Step.DECLINE): SignUpState.DECLINED,
    (SignUpState.WAITLISTED, Step.DECLINE): SignUpState.DECLINED,
    (SignUpState.APPLIED, Step.CANCEL): SignUpState.CANCELLED,
    (SignUpState.WAITLISTED, Step.CANCEL): SignUpState.CANCELLED,
    (SignUpState.CONFIRMED, Step.CANCEL): SignUpState.CANCELLED,
    (SignUpState.CONFIRMED, Step.ATTEND): SignUpState.ATTENDED,
}

# In these states a person is expected, or was, where the shift is.
ENGAGED: Final = frozenset({SignUpState.CONFIRMED, SignUpState.ATTENDED})


class TaskNotReady(Refusal):
    english = "The task is {state}; {step} is not possible now."
    korean = "일감 상태가 {state}이므로 {step}을(를) 할 수 없습니다."


class ApprovedBySelf(Refusal):
    english = "{account} proposed this task and so may not approve it; another account has to."
    korean = "{account}은(는) 이 일감을 등록했으므로 승인할 수 없습니다. 다른 계정이 승인해야 합니다."


class CredentialNeedsSelection(Refusal):
    english = (
        "A task that requires {required_credential} is selected, not first come: the credential is verified first."
    )
    korean = "{required_credential} 자격이 필요한 일감은 자격을 먼저 확인해야 하므로 선착순으로 모집할 수 없습니다."


class ShiftTimesImpossible(Refusal):
    english = "A shift ends after it starts, lasts at most {longest_days} days and ends by the year {last_year}."
    korean = "활동은 시작한 뒤에 끝나야 하고 최대 {longest_days}일이며 {last_year}년 안에 끝나야 합니다."


class ShiftOver(Refusal):
    english = "The shift ended on {ended_on}; nobody can sign up for it on {effective_date}."
    korean = "이 활동은 {ended_on}에 끝나 {effective_date}에는 신청할 수 없습니다."


class ShiftNotBegun(Refusal):
    english = "The shift begins on {begins_on}; nobody has attended it by {effective_date}."
    korean = "이 활동은 {begins_on}에 시작하므로 {effective_date}에는 참여를 기록할 수 없습니다."


class ShiftFull(Refusal):
    english = "All {seats:,} seats of this shift are taken ({taken:,} of {seats:,})."
    korean = "이 활동의 자리 {seats:,}석이 모두 찼습니다({seats:,}석 중 {taken:,}석)."


class SignedUpBefore(Refusal):
    english = "This phone number is signed up for this shift already."
    korean = "이 전화번호로 이미 이 활동에 신청했습니다."


class Overlap(Refusal):
    # The other shift is not named: whoever knows a phone number must not learn where its owner will be.
    english = "This person is confirmed for another shift between {starts_at} and {ends_at} (time in Korea)."
    korean = "이 사람은 {starts_at}부터 {ends_at} 사이(한국 시각)에 다른 활동이 이미 확정되어 있습니다."


class CredentialNotAsked(Refusal):
    english = "This task asks for no credential of the kind {kind}; nothing is kept that is not needed."
    korean = "이 일감은 {kind} 자격을 요구하지 않습니다. 필요하지 않은 정보는 받지 않습니다."


class NothingToVerify(Refusal):
    english = "This task requires no credential, so none is verified."
    korean = "이 일감에는 자격이 필요하지 않으므로 확인할 것이 없습니다."


class CredentialUnverified(Refusal):
    english = "The task requires a verified {required_credential}; it has not been verified for this person."
    korean = "이 일감에는 확인된 {required_credential} 자격이 필요합니다. 아직 확인되지 않았습니다."


class WrongCancelCode(Refusal):
    english = (
        "The sign-up can be cancelled with the code that was given when signing up, or by a volunteer manager of the "
        "body whose task it is."
    )
    korean = (
        "신청할 때 받은 취소 번호가 있어야 취소할 수 있습니다. 번호를 모르면 이 일감을 맡은 기관의 자원봉사 담당에게 "
        "문의하십시오."
    )


class Purged(Refusal):
    english = "The personal data of this sign-up was purged on {purged_on}; nobody can show it any more."
    korean = "이 신청의 개인정보는 {purged_on}에 파기되어 더는 볼 수 없습니다."


def next_task_state(state: TaskState, step: TaskStep) -> TaskState:
    """Raises TaskNotReady."""
    try:
        return TASK_TRANSITIONS[state, step]
    except KeyError:
        raise TaskNotReady(state=state.value, step=step.value) from None


def check_selection(selection: Selection, required_credential: str | None) -> None:
    """A seat cannot be given at once where a credential has to be verified before. Raises CredentialNeedsSelection."""
    if required_credential and selection is Selection.FIRST_COME:
        raise CredentialNeedsSelection(required_credential=required_credential)


def check_approver(proposed_by: str, account: str) -> None:
    """Raises ApprovedBySelf."""
    if proposed_by == account:
        raise ApprovedBySelf(account=account)


def check_shift_times(starts_at: datetime, ends_at: datetime) -> None:
    """Raises ShiftTimesImpossible."""
    if not starts_at < ends_at or ends_at - starts_at > LONGEST_SHIFT or ends_at.year > LAST_YEAR:
        raise ShiftTimesImpossible(longest_days=LONGEST_SHIFT.days, last_year=LAST_YEAR)


def check_not_over(ended_on: date, effective_date: date) -> None:
    """Raises ShiftOver."""
    if effective_date > ended_on:
        raise ShiftOver(ended_on=ended_on, effective_date=effective_date)


def check_begun(begins_on: date, effective_date: date) -> None:
    """Raises ShiftNotBegun."""
    if effective_date < begins_on:
        raise ShiftNotBegun(begins_on=begins_on, effective_date=effective_date)


def check_credential_asked(required: str | None, kind: str) -> None:
    """Only what the task needs is taken. Raises CredentialNotAsked."""
    if kind != required:
        raise CredentialNotAsked(kind=kind)


def check_credential_required(required: str | None) -> None:
    """Raises NothingToVerify."""
    if not required:
        raise NothingToVerify


def check_credential_verified(required: str | None, *, is_verified: bool) -> None:
    """Raises CredentialUnverified."""
    if required and not is_verified:
        raise CredentialUnverified(required_credential=required)


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or the last day of that month where it has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
