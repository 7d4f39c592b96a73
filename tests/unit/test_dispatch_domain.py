"""Rules of volunteering, without any I/O."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatch import domain, events
from services.dispatch.domain import (
    ENGAGED,
    TASK_TRANSITIONS,
    TRANSITIONS,
    Selection,
    SignUpState,
    Step,
    TaskState,
    TaskStep,
    add_months,
)
from services.dispatch.permissions import DATING, PERMISSIONS
from services.dispatch.retention import last_day_kept
from shared.events import json_schema
from shared.refusals import WrongState, next_state

MORNING = datetime(2025, 4, 4, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(("state", "step"), list(product(SignUpState, Step)))
def test_a_step_leads_where_the_table_says_or_is_refused(state: SignUpState, step: Step) -> None:
    if (state, step) in TRANSITIONS:
        assert next_state(TRANSITIONS, state, step) is TRANSITIONS[state, step]
    else:
        with pytest.raises(WrongState) as refusal:
            next_state(TRANSITIONS, state, step)
        assert state.value in str(refusal.value)


@pytest.mark.parametrize(("state", "step"), list(product(TaskState, TaskStep)))
def test_only_an_approved_task_takes_sign_ups(state: TaskState, step: TaskStep) -> None:
    allowed = (state, step) in TASK_TRANSITIONS
    if step is TaskStep.SIGN_UP:
        assert allowed is (state is TaskState.APPROVED)
    if not allowed:
        with pytest.raises(domain.TaskNotReady):
            domain.next_task_state(state, step)


def test_attendance_follows_confirmation_only() -> None:
    assert [state for state, step in TRANSITIONS if step is Step.ATTEND] == [SignUpState.CONFIRMED]


def test_a_final_state_is_left_by_no_step() -> None:
    left = {state for state, _ in TRANSITIONS}
    assert left.isdisjoint({SignUpState.DECLINED, SignUpState.CANCELLED, SignUpState.ATTENDED})


def test_only_confirmation_leads_into_a_seat() -> None:
    into = {step for (before, step), after in TRANSITIONS.items() if after in ENGAGED and before not in ENGAGED}
    assert into == {Step.CONFIRM}


def test_a_seat_is_not_given_at_once_where_a_credential_is_verified_first() -> None:
    with pytest.raises(domain.CredentialNeedsSelection):
        domain.check_selection(Selection.FIRST_COME, "medical_licence")
    domain.check_selection(Selection.SELECTED, "medical_licence")
    domain.check_selection(Selection.FIRST_COME, None)


def test_the_proposer_does_not_approve() -> None:
    with pytest.raises(domain.ApprovedBySelf):
        domain.check_approver("manager-1", "manager-1")
    domain.check_approver("manager-1", "manager-2")


@pytest.mark.parametrize("length", [timedelta(0), timedelta(hours=-1), timedelta(days=31, seconds=1)])
def test_a_shift_of_impossible_length_is_refused(length: timedelta) -> None:
    with pytest.raises(domain.ShiftTimesImpossible):
        domain.check_shift_times(MORNING, MORNING + length)


def test_a_shift_may_last_from_one_moment_to_a_month() -> None:
    domain.check_shift_times(MORNING, MORNING + timedelta(seconds=1))
    domain.check_shift_times(MORNING, MORNING + timedelta(days=31))


def test_nobody_signs_up_after_a_shift_or_attends_before_it() -> None:
    domain.check_not_over(date(2025, 4, 5), date(2025, 4, 5))
    domain.check_begun(date(2025, 4, 5), date(2025, 4, 5))
    with pytest.raises(domain.ShiftOver):
        domain.check_not_over(date(2025, 4, 5), date(2025, 4, 6))
    with pytest.raises(domain.ShiftNotBegun):
        domain.check_begun(date(2025, 4, 5), date(2025, 4, 4))


def test_only_the_credential_the_task_requires_is_taken() -> None:
    domain.check_credential_asked("medical_licence", "medical_licence")
    for required in (None, "driving_licence"):
        with pytest.raises(domain.CredentialNotAsked):
            domain.check_credential_asked(required, "medical_licence")


def test_a_required_credential_has_to_be_verified() -> None:
    with pytest.raises(domain.CredentialUnverified):
        domain.check_credential_verified("medical_licence", is_verified=False)
    domain.check_credential_verified("medical_licence", is_verified=True)
    domain.check_credential_verified(None, is_verified=False)
    with pytest.raises(domain.NothingToVerify):
        domain.check_credential_required(None)


def test_every_refusal_speaks_both_languages_without_naming_another_shift() -> None:
    refusal = domain.Overlap(starts_at="2025-04-04 09:00", ends_at="2025-04-04 18:00")
    assert "2025-04-04 09:00" in refusal.sentence("en")
    assert "2025-04-04 18:00" in refusal.sentence("ko")
    assert set(refusal.facts) == {"starts_at", "ends_at"}


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2025, 4, 5), 6, date(2025, 10, 5)),
        (date(2025, 8, 31), 6, date(2026, 2, 28)),
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
        (date(2025, 12, 31), 1, date(2026, 1, 31)),
    ],
)
def test_months_later_is_the_same_day_or_the_last_of_the_month(day: date, months: int, later: date) -> None:
    assert add_months(day, months) == later


@given(st.dates(date(1950, 1, 1), date(2900, 1, 1)), st.integers(0, 600))
def test_adding_months_never_leaves_the_month_it_aims_at(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


def test_data_is_kept_six_months_after_the_shift() -> None:
    assert last_day_kept(date(2025, 4, 5), date(2025, 4, 1)) == date(2025, 10, 5)


def test_attendance_alone_may_be_dated_back_and_nothing_forward() -> None:
    windows = {operation: DATING.window(operation, date(2025, 4, 11)) for operation in PERMISSIONS}
    assert {operation for operation, window in windows.items() if window.days_back} == {"record_attendance"}
    assert windows["record_attendance"].days_back == 7
    assert not any(window.days_forward for window in windows.values())


def test_no_event_has_a_field_for_personal_data() -> None:
    told = {name for payload in events.PUBLISHED for name in json_schema(payload)["properties"]}
    assert told == {
        *("task_id", "disaster_id", "title", "english_title", "kind", "selection"),
        *("shift_id", "site_id", "region_id", "starts_at", "ends_at", "seats"),
        *("sign_up_id", "quantity", "was_confirmed"),
    }
