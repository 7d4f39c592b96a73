"""Rules of spending public money: who may do what when, and how much is left. No I/O."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from shared.auth import Role
from shared.events import canonical_json
from shared.refusals import Refusal


class FundType(StrEnum):
    GENERAL = "general"  # 일반회계
    SPECIAL = "special"  # 특별회계
    FUND = "fund"  # 기금


class AppropriationKind(StrEnum):
    ORIGINAL = "original_appropriation"  # 본예산
    SUPPLEMENTARY = "supplementary_appropriation"  # 추가경정예산
    EMERGENCY = "emergency_appropriation"  # 긴급편성
    REDUCTION = "supplementary_reduction"  # 감추경


class State(StrEnum):
    PROPOSED = "proposed"  # 품의
    REVIEWED = "reviewed"  # 검토
    APPROVED = "approved"  # 결재
    COMMITTED = "committed"  # 원인행위
    PAID = "paid"  # 지출 완료: nothing of the commitment is left to pay
    REJECTED = "rejected"  # 반려


class Step(StrEnum):
    PROPOSE = "propose"
    REVISE = "revise"
    REVIEW = "review"
    APPROVE = "approve"
    REJECT = "reject"
    COMMIT = "commit"
    PAY = "pay"
    REVERSE = "reverse"
    RELEASE = "release"


TRANSITIONS: Final[dict[tuple[State, Step], State]] = {
    (State.PROPOSED, Step.REVISE): State.PROPOSED,
    (State.REVIEWED, Step.REVISE): State.PROPOSED,
    (State.APPROVED, Step.REVISE): State.PROPOSED,
    (State.REJECTED, Step.REVISE): State.PROPOSED,
    (State.PROPOSED, Step.REVIEW): State.REVIEWED,
    (State.PROPOSED, Step.REJECT): State.REJECTED,
    (State.REVIEWED, Step.APPROVE): State.APPROVED,
    (State.REVIEWED, Step.REJECT): State.REJECTED,
    (State.APPROVED, Step.COMMIT): State.COMMITTED,
    (State.COMMITTED, Step.PAY): State.COMMITTED,
    (State.COMMITTED, Step.REVERSE): State.COMMITTED,
    (State.PAID, Step.REVERSE): State.PAID,  # what comes back is also no longer committed
    (State.COMMITTED, Step.RELEASE): State.COMMITTED,
}

# The one duty a person holds on a document. Rejecting belongs to whoever could have reviewed or approved.
DUTY: Final[dict[Step, frozenset[Role]]] = {
    Step.PROPOSE: frozenset({Role.DRAFTER}),
    Step.REVISE: frozenset({Role.DRAFTER}),
    Step.REVIEW: frozenset({Role.REVIEWER}),
    Step.APPROVE: frozenset({Role.APPROVER}),
    Step.REJECT: frozenset({Role.REVIEWER, Role.APPROVER}),
    Step.COMMIT: frozenset({Role.COMMITMENT_OFFICER}),
    Step.RELEASE: frozenset({Role.COMMITMENT_OFFICER}),
    Step.PAY: frozenset({Role.PAYMENT_OFFICER}),
    Step.REVERSE: frozenset({Role.PAYMENT_OFFICER}),
}

# What moves money of a line takes effect in the line's own fiscal year.
MOVES_MONEY: Final = frozenset({Step.COMMIT, Step.RELEASE, Step.PAY, Step.REVERSE})


class OverCommitment(Refusal):
    english = (
        "{requested_won:,} won cannot be committed on {effective_date}: {line_name} has {available_won:,} won left, "
        "{short_by_won:,} won too little. {who_may_decide}"
    )
    korean = (
        "{effective_date}에 {requested_won:,}원을 원인행위할 수 없습니다. {line_name}의 잔액은 {available_won:,}원으로 "
        "{short_by_won:,}원이 부족합니다. {who_may_decide}"
    )


class ReductionBelowCommitments(Refusal):
    english = "{line_name} cannot be reduced by {requested_won:,} won: only {available_won:,} won are uncommitted."
    korean = (
        "{line_name}을(를) {requested_won:,}원 감액할 수 없습니다. 원인행위하지 않은 금액은 {available_won:,}원입니다."
    )


class Overpayment(Refusal):
    english = "{requested_won:,} won cannot be paid: {unpaid_won:,} won of the commitment are unpaid."
    korean = "{requested_won:,}원을 지출할 수 없습니다. 원인행위 중 미지출액은 {unpaid_won:,}원입니다."


class OverReversal(Refusal):
    english = "{requested_won:,} won cannot be reversed: {reversible_won:,} won of this payment stand."
    korean = "{requested_won:,}원을 여입할 수 없습니다. 이 지출에서 남은 금액은 {reversible_won:,}원입니다."


class OverRelease(Refusal):
    english = "{requested_won:,} won cannot be released: {unpaid_won:,} won of the commitment are unpaid."
    korean = "{requested_won:,}원의 원인행위를 취소할 수 없습니다. 미지출액은 {unpaid_won:,}원입니다."


class TouchedBefore(Refusal):
    english = "{account} did '{earlier_step}' on this document before and so may not {step} it."
    korean = "{account}은(는) 이 문서를 이미 처리({earlier_step})했으므로 {step}할 수 없습니다."


class ApprovalVoid(Refusal):
    english = "The document was changed after its approval; what was approved is no longer what it says."
    korean = "결재 뒤에 문서가 바뀌어 결재의 효력이 없습니다. 다시 결재를 받으십시오."


class AuthorityMissing(Refusal):
    english = "A {kind} needs the decision it rests on: its reference and its date, on or before {latest_date}."
    korean = "{kind}에는 근거가 되는 의결의 문서번호와 날짜({latest_date} 이전)가 필요합니다."


class OriginalExists(Refusal):
    english = (
        "{line_name} has its original appropriation already: {amount_won:,} won from {effective_date}. "
        "Any change after it is a supplementary, an emergency appropriation or a reduction."
    )
    korean = (
        "{line_name}의 본예산은 {effective_date}자 {amount_won:,}원으로 이미 있습니다. "
        "그 뒤의 변경은 추가경정, 긴급편성 또는 감추경으로 기록하십시오."
    )


class OtherFiscalYear(Refusal):
    english = (
        "{effective_date} is not in the fiscal year {fiscal_year} of {line_name}. What belongs to another year needs "
        "that year's line or a carry-over."
    )
    korean = (
        "{effective_date}은(는) {line_name}의 회계연도({fiscal_year}년)에 들지 않습니다. 다른 연도에 속하는 것은 "
        "그 연도의 예산과목이나 이월이 있어야 합니다."
    )


@dataclass(frozen=True)
class Content:
    """What a reviewer and an approver agree to. Any change of it is another document in their eyes."""

    budget_line_id: str
    amount_won: int
    purpose: str
    payee: str
    disaster_id: str | None
    relief_stage: str | None
    region_id: str | None
    party_id: str | None

    def digest(self) -> str:
        return hashlib.sha256(canonical_json(self)).hexdigest()


@dataclass(frozen=True)
class PastStep:
    """One step somebody took on a document."""

    step: Step
    account: str


def check_untouched(past: Iterable[PastStep], step: Step, account: str) -> None:
    """One person holds one duty per document, whatever other roles the account has. Raises TouchedBefore."""
    for earlier in past:
        if earlier.account == account and DUTY[earlier.step].isdisjoint(DUTY[step]):
            raise TouchedBefore(account=account, step=step.value, earlier_step=earlier.step.value)


def check_own_year(line_name: str, fiscal_year: int, effective_date: date) -> None:
    """Every won belongs to exactly one year: that of its line. Raises OtherFiscalYear."""
    if effective_date.year != fiscal_year:
        raise OtherFiscalYear(line_name=line_name, fiscal_year=fiscal_year, effective_date=effective_date)


def check_authority(kind: AppropriationKind, reference: str | None, decided_on: date | None, latest: date) -> None:
    """Every change after the original budget rests on a decision made by the day `latest`. Raises AuthorityMissing."""
    if kind is AppropriationKind.ORIGINAL:
        return
    if not reference or decided_on is None or decided_on > latest:
        raise AuthorityMissing(kind=kind.value, latest_date=latest)


def signed_amount(kind: AppropriationKind, amount_won: int) -> int:
    """The change of the current appropriation (예산현액), in won."""
    return -amount_won if kind is AppropriationKind.REDUCTION else amount_won
