"""Double entry: the chart of accounts and balanced lines. No I/O.

An amount is signed: positive is debit, negative is credit. Goods and people are posted like money, each in
its own commodity (a unit such as 동, or persons), so that unlike units can never be added.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from shared.refusals import Refusal

# A commodity knows its kind: goods that somebody counts in "KRW" are no money.
WON: Final = "KRW"
PERSON: Final = "person"
GOODS: Final = "goods:"


class Account(StrEnum):
    """The chart of accounts; `docs/accounts.md` says what each is for."""

    ORIGINAL_APPROPRIATION = "B110"  # 본예산
    SUPPLEMENTARY_APPROPRIATION = "B120"  # 추가경정예산
    EMERGENCY_APPROPRIATION = "B130"  # 긴급편성
    SUPPLEMENTARY_REDUCTION = "B140"  # 감추경
    UNCOMMITTED = "B200"  # 원인행위하지 않은 예산
    COMMITTED_UNPAID = "B300"  # 원인행위했으나 지출하지 않은 금액
    EXPENDED = "B400"  # 지출
    CASH = "F100"  # 공금예금
    RELIEF_EXPENSE = "F500"  # 구호 지출
    GOODS_AT_DEPOT = "G100"  # 창고 재고
    GOODS_RESERVED = "G150"  # 출고 예정
    GOODS_IN_TRANSIT = "G200"  # 수송 중
    GOODS_DELIVERED = "G300"  # 현장 인수
    GOODS_SOURCE = "G900"  # 입고 원천
    PEOPLE_APPLIED = "P100"  # 신청
    PEOPLE_CONFIRMED = "P200"  # 확정
    PEOPLE_ATTENDED = "P300"  # 참여
    PEOPLE_RELEASED = "P400"  # 미선정·취소
    PEOPLE_SOURCE = "P900"  # 신청자


APPROPRIATION_ACCOUNTS: Final = {
    "original_appropriation": Account.ORIGINAL_APPROPRIATION,
    "supplementary_appropriation": Account.SUPPLEMENTARY_APPROPRIATION,
    "emergency_appropriation": Account.EMERGENCY_APPROPRIATION,
    "supplementary_reduction": Account.SUPPLEMENTARY_REDUCTION,
}


class KnownAtInFuture(Refusal):
    english = "What is known at {known_at} cannot be said yet: it is {now}."
    korean = "{known_at}에 알려질 내용은 아직 말할 수 없습니다. 지금은 {now}입니다."


class NothingToExplain(Refusal):
    english = "The difference {difference} stands unexplained: there is nothing to withdraw."
    korean = "차이 {difference}에는 철회할 설명이 없습니다."


class AmbiguousId(Refusal):
    english = "{id} is the id of {kinds}. Say which is meant."
    korean = "{id}은(는) {kinds}의 번호입니다. 어느 것인지 밝혀 주십시오."


class Measure(StrEnum):
    """A figure of the execution report that can be followed to its entries."""

    ORIGINAL_APPROPRIATION = "original_appropriation"
    CURRENT_APPROPRIATION = "current_appropriation"
    COMMITTED = "committed"
    EXPENDED = "expended"


# A figure is sign x (sum of these accounts). A payment moves B300 to B400, so it leaves `committed` as it is.
MEASURES: Final[dict[Measure, tuple[int, frozenset[Account]]]] = {
    Measure.ORIGINAL_APPROPRIATION: (1, frozenset({Account.ORIGINAL_APPROPRIATION})),
    Measure.CURRENT_APPROPRIATION: (1, frozenset(APPROPRIATION_ACCOUNTS.values())),
    Measure.COMMITTED: (-1, frozenset({Account.COMMITTED_UNPAID, Account.EXPENDED})),
    Measure.EXPENDED: (-1, frozenset({Account.EXPENDED})),
}


class Kind(StrEnum):
    """What an id is the id of. The same text may be the id of a line and of a document; it never means both."""

    LINE = "budget_line"
    FUND = "fund"
    DOCUMENT = "document"
    PAYMENT = "payment"
    APPROPRIATION = "appropriation"
    ITEM = "item"
    RECEIPT = "receipt"
    REQUEST = "request"
    SHIPMENT = "shipment"
    TASK = "task"
    SHIFT = "shift"
    SIGN_UP = "sign_up"
    DISASTER = "disaster"
    BODY = "body"
    REGION = "region"
    SITE = "site"
    CONTACT = "contact"
    LOG_ENTRY = "log_entry"
    ACCOUNT = "account"


# What the lines of each book count.
COUNTED: Final[dict[str, Kind]] = {"B": Kind.LINE, "F": Kind.LINE, "G": Kind.ITEM, "P": Kind.TASK}


class Dimensions(NamedTuple):
    """By what a line can be asked for besides its object; empty where the fact names none."""

    disaster_id: str = ""
    fund_id: str = ""
    fiscal_year: int = 0
    region_id: str = ""
    party_id: str = ""  # the body or agency money goes to
    relief_stage: str = ""


class Line(NamedTuple):
    """One side of an entry. `object_id` is the budget line, item or task that is counted."""

    account: str  # one of the chart, whatever a damaged row may say
    commodity: str
    object_id: str
    disaster_id: str
    fund_id: str
    fiscal_year: int
    region_id: str
    party_id: str
    relief_stage: str
    amount: int


def move(
    commodity: str, object_id: str, dimensions: Dimensions, amount: int, *, debit: Account, credit: Account
) -> tuple[Line, Line]:
    """The two lines that carry `amount` from one account to another; a negative amount carries it back."""
    return (
        Line(debit, commodity, object_id, *dimensions, amount),
        Line(credit, commodity, object_id, *dimensions, -amount),
    )


def imbalance(lines: Iterable[Line]) -> dict[str, int]:
    """What is left over per commodity; empty for a balanced entry."""
    sums: Counter[str] = Counter()
    for line in lines:
        sums[line.commodity] += line.amount
    return {commodity: total for commodity, total in sums.items() if total != 0}


@dataclass(frozen=True, slots=True)
class DayBalance:
    """The change of one line's appropriation and commitments on one day, in won."""

    effective_date: date
    appropriated: int
    committed: int
    expended: int


def breaches(days: Sequence[DayBalance]) -> list[tuple[date, int, int, int]]:
    """The dates (with appropriation, commitments and payments so far) on which a line was overspent."""
    found = []
    appropriated = committed = expended = 0
    for day in sorted(days, key=lambda day: day.effective_date):
        appropriated += day.appropriated
        committed += day.committed
        expended += day.expended
        if committed > appropriated or expended > committed:
            found.append((day.effective_date, appropriated, committed, expended))
    return found
