"""Rules of the situation room: how a disaster advances and which duties one account may hold. No I/O."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from shared.auth import Role, incompatible
from shared.refusals import Refusal


class Stage(StrEnum):
    SUPPRESSION = "suppression"  # 진화·응급
    RECOVERY = "recovery"  # 복구
    LIVELIHOOD = "livelihood"  # 생계


class BodyKind(StrEnum):
    CITY = "city"  # 시
    DISTRICT = "district"  # 구·군
    VOLUNTEER_CENTRE = "volunteer_centre"  # 자원봉사센터
    RED_CROSS = "red_cross"  # 대한적십자사
    OTHER = "other"


class SiteKind(StrEnum):
    DEPOT = "depot"  # 물류창고
    SHELTER = "shelter"  # 임시대피소
    DISTRIBUTION = "distribution"  # 배부처
    FIELD = "field"  # 현장


class Duty(StrEnum):
    HEAD = "head"  # 과장
    TEAM_LEADER = "team_leader"  # 팀장
    OFFICER = "officer"  # 담당


# A stage may be skipped but never returned to: money and goods are already accounted by stage.
TRANSITIONS: Final[dict[Stage, frozenset[Stage]]] = {
    Stage.SUPPRESSION: frozenset({Stage.RECOVERY, Stage.LIVELIHOOD}),
    Stage.RECOVERY: frozenset({Stage.LIVELIHOOD}),
    Stage.LIVELIHOOD: frozenset(),
}


class StageCannotGoBack(Refusal):
    english = "The disaster is in the stage {current}; it cannot go to {requested}, because stages only advance."
    korean = "현재 단계({current})에서 {requested} 단계로 바꿀 수 없습니다. 단계는 앞으로만 나아갑니다."


class IncompatibleDuties(Refusal):
    english = "One account may not hold {first} and {second} together (지방회계법)."
    korean = "한 계정이 {first}와(과) {second}을(를) 함께 맡을 수 없습니다(지방회계법)."


class SignInRefused(Refusal):
    english = "The account or the password is wrong."
    korean = "계정 또는 비밀번호가 맞지 않습니다."


class TooManyAttempts(Refusal):
    english = "Too many attempts to sign in. Try again in {retry_after_seconds} seconds."
    korean = "로그인 시도가 너무 많습니다. {retry_after_seconds}초 뒤에 다시 시도하십시오."


def check_advance(current: Stage, requested: Stage) -> None:
    """Raises StageCannotGoBack."""
    if requested not in TRANSITIONS[current]:
        raise StageCannotGoBack(current=current.value, requested=requested.value)


def check_duties(roles: Collection[Role]) -> None:
    """Raises IncompatibleDuties."""
    if pair := incompatible(roles):
        first, second = sorted(pair)
        raise IncompatibleDuties(first=first.value, second=second.value)
