"""Double entry: the chart of accounts, balanced entries and the hash chain. No I/O.

An amount is signed: positive is debit, negative is credit. Goods and people are posted like money, each in
its own commodity (a unit such as 동 or 명), so that unlike units can never be added.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from shared.clock import format_utc
from shared.events import canonical_json_of_plain

WON: Final = "KRW"
PERSON: Final = "명"
FIRST_HASH: Final = "0" * 64


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


class Line(NamedTuple):
    """One side of an entry. `object_id` is the budget line, item or task that is counted."""

    account: Account
    commodity: str
    object_id: str
    disaster_id: str  # empty where the fact names no disaster
    amount: int


class Entry(NamedTuple):
    """All postings of one event. Entries of one partition form a chain: each carries the hash of the one before."""

    chain: str
    sequence: int
    event_id: str
    event_type: str
    event_hash: str
    subject: str
    effective_date: date
    recorded_at: datetime
    previous_hash: str
    lines: tuple[Line, ...]

    def hash(self) -> str:
        return hashlib.sha256(
            canonical_json_of_plain(
                [
                    self.chain,
                    self.sequence,
                    self.event_id,
                    self.event_hash,
                    self.effective_date.isoformat(),
                    format_utc(self.recorded_at),
                    self.lines,
                    self.previous_hash,
                ]
            )
        ).hexdigest()


def move(
    commodity: str, object_id: str, disaster_id: str | None, amount: int, *, debit: Account, credit: Account
) -> list[Line]:
    """The two lines that carry `amount` from one account to another; a negative amount carries it back."""
    disaster = disaster_id or ""
    return [
        Line(debit, commodity, object_id, disaster, amount),
        Line(credit, commodity, object_id, disaster, -amount),
    ]


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
