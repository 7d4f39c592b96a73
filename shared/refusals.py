"""A refusal: the owner of a fact says no, in a sentence, with the numbers involved."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

State = TypeVar("State", bound=StrEnum)
Step = TypeVar("Step", bound=StrEnum)


class Refusal(Exception):
    """Base of every rule a service enforces.

    A subclass is declared with two sentences; each names its facts in braces. The facts are given as
    keywords when it is raised, and reach the caller beside the sentence:

        class StockTooLow(Refusal):
            english = "{requested:,} {unit} were asked for, {available:,} are available."
            korean = "요청 {requested:,}{unit}, 가용 {available:,}{unit}입니다."
    """

    english: ClassVar[str]
    korean: ClassVar[str]

    def __init__(self, **facts: Any) -> None:
        super().__init__(facts)
        self.facts = facts

    def sentence(self, language: str = "en") -> str:
        template = self.korean if language == "ko" else self.english
        return template.format(**self.facts)

    def __str__(self) -> str:
        return self.sentence()


class Unknown(Refusal):
    english = "There is no {kind} with the id {id}."
    korean = "{kind} {id}을(를) 찾을 수 없습니다."


class AlreadyExists(Refusal):
    english = "A {kind} with the id {id} exists already."
    korean = "{kind} {id}이(가) 이미 있습니다."


class StaleVersion(Refusal):
    english = "Version {expected} was edited, but version {current} is the latest. Read it again first."
    korean = "{expected}판을 고치려 했으나 최신은 {current}판입니다. 다시 불러온 뒤 고치십시오."


class DateNotAllowed(Refusal):
    english = (
        "{effective_date} cannot be recorded today ({today}): days from {earliest} to {latest} are allowed here. "
        "{basis}"
    )
    korean = (
        "오늘({today})은 {effective_date}자로 기록할 수 없습니다. {earliest}부터 {latest}까지의 날짜만 가능합니다. "
        "{basis}"
    )


class OtherBody(Refusal):
    english = "This is the work of the body {body_id}; the account {account} acts for {held}."
    korean = "이 일은 기관 {body_id}의 일입니다. 계정 {account}은(는) {held}의 일을 합니다."


class OtherDisaster(Refusal):
    english = "The account {account} does not act for {body_id} in the disaster {disaster_id}."
    korean = "계정 {account}은(는) 재난 {disaster_id}에서 기관 {body_id}의 일을 맡고 있지 않습니다."


class WhichBody(Refusal):
    english = "The account {account} acts for several bodies ({held}). Say for which one: send Acting-Body."
    korean = "계정 {account}은(는) 여러 기관({held})의 일을 합니다. 어느 기관의 일인지 Acting-Body로 밝혀 주십시오."


class WrongState(Refusal):
    english = "In the state {state}, the step {step} is not possible."
    korean = "{state} 상태에서는 {step}을(를) 할 수 없습니다."


class DatesOutOfOrder(Refusal):
    english = "{effective_date} comes before {previous_date}, the day of what it rests on."
    korean = "{effective_date}은(는) 앞선 절차의 날짜({previous_date})보다 이릅니다."


class StorageUnavailable(Refusal):
    """Not the rules but the database says no: it is away, or its disk is full."""

    english = (
        "The database does not answer or has no room just now. Send this again a little later; with the same "
        "Idempotency-Key it counts once."
    )
    korean = (
        "지금은 데이터베이스가 응답하지 않거나 저장할 공간이 없습니다. 잠시 뒤 다시 보내 주십시오. "
        "같은 Idempotency-Key로 보내면 한 번만 반영됩니다."
    )


def next_state(transitions: Mapping[tuple[State, Step], State], state: State, step: Step) -> State:
    """The state a step leads to. Raises WrongState when the table has no way."""
    try:
        return transitions[state, step]
    except KeyError:
        raise WrongState(state=state.value, step=step.value) from None


def check_date_order(effective_date: date, previous_date: date) -> None:
    """Nothing takes effect before what it rests on. Raises DatesOutOfOrder."""
    if effective_date < previous_date:
        raise DatesOutOfOrder(effective_date=effective_date, previous_date=previous_date)
