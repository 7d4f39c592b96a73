"""How a disaster advances, on what it is based, and who is responsible in it."""

from datetime import date
from enum import StrEnum
from typing import Final

from shared.refusals import Refusal


class Stage(StrEnum):
    SUPPRESSION = "suppression"  # 진화·응급
    RECOVERY = "recovery"  # 복구
    LIVELIHOOD = "livelihood"  # 생계


class BasisKind(StrEnum):
    """What the relief is based on."""

    SPECIAL_DISASTER_ZONE = "special_disaster_zone"  # 특별재난지역 선포
    STATE_OF_DISASTER = "state_of_disaster"  # 재난사태 선포
    OTHER = "other"  # such as a decision of the city's own


class BodyKind(StrEnum):
    CITY = "city"  # 시
    DISTRICT = "district"  # 구·군
    VOLUNTEER_CENTRE = "volunteer_centre"  # 자원봉사센터
    RED_CROSS = "red_cross"  # 대한적십자사
    OTHER = "other"


class Duty(StrEnum):
    HEAD = "head"  # 과장
    TEAM_LEADER = "team_leader"  # 팀장
    OFFICER = "officer"  # 담당


# A stage may be skipped but never returned to: money and goods are already accounted by stage. One that was recorded
# by mistake is corrected with a reason.
TRANSITIONS: Final[dict[Stage, frozenset[Stage]]] = {
    Stage.SUPPRESSION: frozenset({Stage.RECOVERY, Stage.LIVELIHOOD}),
    Stage.RECOVERY: frozenset({Stage.LIVELIHOOD}),
    Stage.LIVELIHOOD: frozenset(),
}


class StageCannotGoBack(Refusal):
    english = "The disaster is in the stage {current}; it cannot go to {requested}, because stages only advance."
    korean = "현재 단계({current})에서 {requested} 단계로 바꿀 수 없습니다. 단계는 앞으로만 나아갑니다."


class NothingToCorrect(Refusal):
    english = "The disaster is in the stage {current} already; there is nothing to correct."
    korean = "이미 {current} 단계입니다. 바로잡을 것이 없습니다."


class BasisIncomplete(Refusal):
    english = "A basis has a kind, a reference and a date. Give all three, or none to take it back."
    korean = "선포 근거는 종류·문서·날짜를 함께 적거나, 거두려면 모두 비워 두십시오."


class AlreadyInTaskForce(Refusal):
    english = "The body {body_id} is in the task force of this disaster on these days already, from {first_day}."
    korean = "기관 {body_id}은(는) 이 재난의 대책본부에 {first_day}부터 이미 참여하고 있습니다."


def check_advance(current: Stage, requested: Stage) -> None:
    """Raises StageCannotGoBack."""
    if requested not in TRANSITIONS[current]:
        raise StageCannotGoBack(current=current.value, requested=requested.value)


def check_correction(current: Stage, right: Stage) -> None:
    """Raises NothingToCorrect."""
    if right is current:
        raise NothingToCorrect(current=current.value)


def check_basis(kind: str | None, reference: str | None, day: date | None) -> None:
    """Raises BasisIncomplete."""
    if len({part is None for part in (kind, reference, day)}) > 1:
        raise BasisIncomplete


def days_overlap(first: date, last: date | None, other_first: date, other_last: date | None) -> bool:
    return first <= (other_last or date.max) and other_first <= (last or date.max)
