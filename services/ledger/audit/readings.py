"""What the words of a header can mean: each reading is an arithmetic and how surely the words mean it."""

import re
from collections.abc import Iterator
from enum import IntEnum
from fractions import Fraction
from itertools import permutations
from typing import Final

from services.ledger.audit.expressions import Constant, Expression, Operation, Reference, Sum, in_per_cent
from services.ledger.audit.headers import Header
from services.ledger.audit.table import Table


class Strength(IntEnum):
    EXPLICIT = 0  # the header states the formula
    EXPECTED = 1  # the header's words mean it
    POSSIBLE = 2  # used only where the rows prove it, so that an unusual table raises no false alarm


# A column of the same row (None), or one cell of the table such as its grand total.
Place = tuple[int | None, int]
Reading = tuple[Expression[Place], Strength]

# The ceiling of spending, the surest name first.
APPROPRIATIONS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(예산)?현액$",
        r"^(현|최종|총)?예산(액|총액)?$",
        r"^((기금)?(운용)?계획|편성)(액|금액)?$",
    )
)
COMMITTED: Final = re.compile(r"^(지출)?원인행위(액|금액)?$")
EXPENDED: Final = re.compile(r"^(지출|집행)(액|금액|누계|누계액|실적)?$")
FORECAST: Final = re.compile(r"(년말|연말|연도말|^말|예상|전망)")
CHANGE: Final = re.compile(
    r"^((전년도?|전기|전월|당초|기정)?(예산)?(대비|비교))?(증감|증가|증·감|증△감)(액|수|량|분)?$"
)
CHANGE_RATE: Final = re.compile(
    r"^((전년도?|전기|전월|당초|기정)?(예산)?(대비|비교))?(증감|증가|증·감|신장|성장)(률|율|비율)$"
)
REMAINDER: Final = re.compile(r"(잔액$|^잔량|^미집행액?$|불용액|잔여|^미지출액?$|^(현)?재고(량|수량)?$)")
_OTHER_WHOLES: Final = re.compile(
    r"^(목표|계획|정원|배정|전체|대상|(징수)?결정|요청|신청|입고|확보|본예산|당초|사업비|총사업비|교부|조정액)"
)
_TOTAL: Final = re.compile(r"^(계|합계|총계|소계|총액)$")
_BASE: Final = re.compile(r"(전년|전기|당초|기정|본예산|이전|변경전|종전|직전)")
_USED_ELSEWHERE: Final = re.compile(r"(이월|반납|환수|낙찰|불용|기타|예비)")
_PRODUCT: Final = re.compile(r"(금액|구매액|구입액|소요액|가액|총액|비용)$")
_PARTS: Final = (
    (re.compile(r"집행"), re.compile(r"(집행|지출|원인행위)")),
    (re.compile(r"(징수|수납)"), re.compile(r"(징수|수납)(?!결정)")),
    (re.compile(r"(달성|이행|추진)"), re.compile(r"(실적|달성|이행)")),
    (re.compile(r"(소진|사용)"), re.compile(r"(소진|사용|집행)")),
    (re.compile(r"(지급|배부)"), re.compile(r"(지급|배부)")),
)
_BRUTE_FORCE_COLUMNS: Final = 10


def column(index: int) -> Expression[Place]:
    return Reference((None, index))


def amounts(table: Table, *, besides: int) -> list[int]:
    return [index for index in table.figure_columns if index != besides and table.is_additive(index)]


def appropriations(table: Table, year: int | None) -> list[int]:
    """Columns of the spending ceiling, the surest first: of the wanted year, else of the latest."""
    ranked = []
    for index in table.figure_columns:
        header = table.headers[index]
        rank = next((rank for rank, name in enumerate(APPROPRIATIONS) if name.search(header.stem)), None)
        if rank is not None and table.is_additive(index):
            ranked.append((year is not None and header.year != year, -(header.year or 0), rank, index))
    if not ranked:
        return []
    best = min(ranked)[:2]
    return [entry[-1] for entry in sorted(ranked) if entry[:2] == best]


def rates(table: Table, index: int, total_row: int | None) -> Iterator[Reading]:
    """A part of a whole in per cent; a share of the total row; or any two columns the rows prove."""
    header = table.headers[index]
    others = amounts(table, besides=index)
    wholes = appropriations(table, header.year)
    wholes += [other for other in others if _OTHER_WHOLES.search(table.headers[other].stem) and other not in wholes]
    stated = _stated_basis(table, index, others)
    for part in stated or _parts(table, index, others):
        for whole in wholes:
            if part != whole:
                yield in_per_cent(Operation("/", column(part), column(whole))), Strength.EXPECTED
    if len(others) > _BRUTE_FORCE_COLUMNS:
        return
    for part in stated or sorted(others, key=lambda other: abs(index - other)):
        if total_row is not None:
            share: Expression[Place] = Operation("/", column(part), Reference((total_row, part)))
            yield in_per_cent(share), Strength.POSSIBLE
        for whole in others:
            if part != whole:
                yield in_per_cent(Operation("/", column(part), column(whole))), Strength.POSSIBLE


def _stated_basis(table: Table, index: int, others: list[int]) -> list[int]:
    """The numerator a header names in brackets, as in 집행률(원인행위): no other is then meant."""
    for words in table.headers[index].words:
        basis = words.removesuffix("기준").removesuffix("액")
        named = [other for other in others if _is_about(table.headers[other], basis)]
        if named:
            return named
    return []


def _is_about(header: Header, basis: str) -> bool:
    """원인행위 means the column of that name, or 집행액(원인행위)."""
    return basis in (header.stem.removesuffix("액"), *(words.removesuffix("액") for words in header.words))


def _parts(table: Table, index: int, others: list[int]) -> list[int]:
    """The numerators the header's words point to, those just before it first."""
    header = table.headers[index]
    if FORECAST.search(header.stem):
        return [other for other in others if FORECAST.search(table.headers[other].stem)]
    plain = [other for other in others if not FORECAST.search(table.headers[other].stem)]
    nearest_before = sorted(plain, key=lambda other: (other > index, abs(index - other)))
    for rate_words, part_words in _PARTS:
        if rate_words.search(header.stem):
            found = [
                other
                for other in nearest_before
                if part_words.search(table.headers[other].stem) and not REMAINDER.search(table.headers[other].stem)
            ]
            # A whole (징수결정액, 집행계획액) may carry the same word as its part.
            return [other for other in found if not _is_whole(table, other)] or found
    stem = re.sub(r"(비율|률|율)$", "", header.stem)
    return [other for other in nearest_before if stem and table.headers[other].stem.startswith(stem)]


def _is_whole(table: Table, index: int) -> bool:
    stem = table.headers[index].stem
    return any(name.search(stem) for name in APPROPRIATIONS) or re.search(r"(결정|계획|목표)", stem) is not None


def _pairs(table: Table, index: int) -> Iterator[tuple[int, int, Strength]]:
    """Which columns a change is from and to."""
    candidates = [other for other in amounts(table, besides=index) if not CHANGE.search(table.headers[other].stem)]
    before = [other for other in candidates if other < index] or candidates
    if len(before) < 2:
        return
    years = {other: table.headers[other].year for other in before}
    last, last_but_one = before[-1], before[-2]
    if any(_BASE.search(table.headers[other].stem) for other in before) and len(before) == 2:
        base = next(other for other in before if _BASE.search(table.headers[other].stem))
        yield base, next(other for other in before if other != base), Strength.EXPECTED
    elif None not in years.values() and len(set(years.values())) == len(before):
        early, late = sorted(before, key=lambda other: years[other] or 0)[-2:]
        yield early, late, Strength.EXPECTED
    elif len(before) == 2:
        yield last_but_one, last, Strength.EXPECTED
        yield last, last_but_one, Strength.EXPECTED
    for base, later in permutations(before, 2):
        yield base, later, Strength.POSSIBLE


def changes(table: Table, index: int) -> Iterator[Reading]:
    for base, later, strength in _pairs(table, index):
        yield Operation("-", column(later), column(base)), strength


def change_rates(table: Table, index: int) -> Iterator[Reading]:
    """The change in per cent of its base, over the printed change where there is one."""
    change_columns = [other for other in amounts(table, besides=index) if CHANGE.search(table.headers[other].stem)]
    change = min(change_columns, key=lambda other: (other > index, abs(index - other)), default=None)
    if change is None:
        for base, later, strength in _pairs(table, index):
            difference: Expression[Place] = Operation("-", column(later), column(base))
            yield in_per_cent(Operation("/", difference, column(base))), strength
        return
    match table.headers[change].formula:
        case Operation("-", _, Reference(label)):
            for base in table.figure_columns:
                if table.headers[base].label == label:
                    yield in_per_cent(Operation("/", column(change), column(base))), Strength.EXPECTED
                    return
    for base, _, strength in _pairs(table, min(index, change)):
        yield in_per_cent(Operation("/", column(change), column(base))), strength


def remainders(table: Table, index: int) -> Iterator[Reading]:
    """What is left: appropriation - executed, received - issued, or two columns the rows prove."""
    others = [other for other in amounts(table, besides=index) if not FORECAST.search(table.headers[other].stem)]
    stems = {other: table.headers[other].stem for other in others}
    used = _stated_basis(table, index, others) or [
        other for other in others if COMMITTED.search(stems[other]) or EXPENDED.search(stems[other])
    ]
    whole = next(iter(appropriations(table, table.headers[index].year)), None)
    unambiguous = not any(_USED_ELSEWHERE.search(stem) for stem in stems.values())
    received = [other for other in others if re.search(r"^입고", stems[other])]
    issued = [other for other in others if re.search(r"^(출고|불출|배부)", stems[other])]
    if whole is not None and unambiguous:
        for part in used:
            yield Operation("-", column(whole), column(part)), Strength.EXPECTED
    carried = [other for other in others if re.search(r"(이월|전월|전기|전년|기초|기존)", stems[other])]
    if len(received) == len(issued) == 1 and len(others) == 2:
        yield Operation("-", column(received[0]), column(issued[0])), Strength.EXPECTED
    if len(received) == len(issued) == len(carried) == 1 and len(others) == 3:
        stock: Expression[Place] = Operation("+", column(carried[0]), column(received[0]))
        yield Operation("-", stock, column(issued[0])), Strength.EXPECTED
    if len(others) > _BRUTE_FORCE_COLUMNS:
        return
    for left, right in permutations(others, 2):
        yield Operation("-", column(left), column(right)), Strength.POSSIBLE
    for left, middle, right in permutations(others, 3):
        if middle < right:
            yield Operation("-", Operation("-", column(left), column(middle)), column(right)), Strength.POSSIBLE
        if left < middle:
            yield Operation("-", Operation("+", column(left), column(middle)), column(right)), Strength.POSSIBLE


def compositions(table: Table, index: int) -> Iterator[Reading]:
    """A total across the row, and quantity x unit price; both only where the rows prove them."""
    header = table.headers[index]
    others = amounts(table, besides=index)
    after = tuple(other for other in others if other > index)
    before = tuple(other for other in others if other < index)
    # 본예산 + 추경 = 예산현액 stands before its total; a column called 계 may stand before or after its parts.
    sides = [before] if any(name.search(header.stem) for name in APPROPRIATIONS) else []
    sides = [after, before] if _TOTAL.search(header.stem) else sides
    for side in sides:
        for size in range(len(side), 1, -1):
            part = side[:size] if side is after else side[-size:]
            yield Sum(tuple((None, other) for other in part)), Strength.POSSIBLE
    prices = [other for other in table.figure_columns if table.headers[other].stem.endswith("단가")]
    if _PRODUCT.search(header.stem):
        for price in prices:
            for quantity in others:
                product: Expression[Place] = Operation("*", column(quantity), column(price))
                for unit in (1, 1_000, 1_000_000):
                    yield Operation("*", product, Constant(Fraction(1, unit))), Strength.POSSIBLE
