"""What a column header says: its name, year, unit, the label and formula in its brackets."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from services.ledger.audit.expressions import Expression, NotAFormulaError, parse_formula

MONEY_UNITS: Final = frozenset({"원", "천원", "만원", "백만원", "천만원", "억원", "조원"})
# fmt: off
COUNT_UNITS: Final = frozenset({
    "개", "명", "인", "대", "동", "건", "회", "개소", "곳", "세대", "가구", "권", "병", "매", "박스",
    "상자", "세트", "시간", "일", "톤", "마리", "식", "팀", "채", "점", "벌", "켤레", "롤", "포", "통",
    "호", "필지", "장", "단체", "기관", "리터", "L", "kg", "g", "t", "km", "㎡", "m", "ha",
    "㎏", "㎞", "ℓ", "EA", "ea", "본", "조", "척", "정", "끼", "봉", "캔", "팩", "묶음", "종",
    "차량",
})
# fmt: on
_APOSTROPHES: Final = str.maketrans(dict.fromkeys("’‘`‵´′＇", "'"))
_BRACKETS: Final = str.maketrans("[]〔〕〈〉", "()()()")
_FULL_WIDTH: Final = str.maketrans({code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)})
_GROUP: Final = re.compile(r"\(([^()]*)\)")
_YEAR: Final = re.compile(r"(?<![0-9])(20[0-9]{2})(?![0-9])\s*(?:년도?)?|'\s*([0-9]{2})(?![0-9])\s*(?:년도?)?")
_BARE_YEAR: Final = re.compile(r"(?<![0-9])([0-9]{2})년도?")
_PERCENT_NAME: Final = re.compile(r"(률|율|비율|비중|구성비|점유비|%)$")
_COUNT_NAME: Final = re.compile(
    r"(인원|명수|건수|개수|횟수|대수|가구|세대|개소|수량|물량|인구|자수|학생|시간|출고|입고|재고)"
)
_MONEY_NAME: Final = re.compile(r"(액|예산|금|비용|사업비|지출|원인행위|세입|세출|수입)")
_NOT_ADDITIVE: Final = re.compile(
    r"(단가|평균|[0-9인명건개회가구대]당|순위|연번|번호|코드|배율|배수|^년도$|^연도$|기준일|일자|날짜|연락처|전화)"
)


@dataclass(frozen=True, slots=True)
class Header:
    raw: str
    name: str  # as printed, without label, formula and unit
    stem: str  # the name without year, spaces and brackets: what the column is about
    year: int | None
    unit: str | None
    label: str | None
    formula: Expression[str] | None
    words: tuple[str, ...]  # what other brackets hold, such as 원인행위

    @property
    def is_percent(self) -> bool:
        return self.unit == "%" or _PERCENT_NAME.search(self.stem) is not None

    @property
    def is_additive(self) -> bool:
        return not self.is_percent and _NOT_ADDITIVE.search(self.stem) is None

    @property
    def is_money(self) -> bool:
        if self.unit is not None:
            return self.unit in MONEY_UNITS
        return not self.is_count and _MONEY_NAME.search(self.stem) is not None

    @property
    def is_count(self) -> bool:
        """Counted things cannot be off by a rounding difference."""
        if self.unit is not None:
            return self.unit in COUNT_UNITS
        return _COUNT_NAME.search(self.stem) is not None


def parse_header(raw: str) -> Header:
    """Everything the header tells. Words that are no formula stay part of the name."""
    text = " ".join(unicodedata.normalize("NFC", raw).translate(_FULL_WIDTH).translate(_APOSTROPHES).split())
    text = text.translate(_BRACKETS)
    unit, text = _take_unit(text)
    label, formula, text = _take_formula(text)
    year_match = _YEAR.search(text) or _BARE_YEAR.search(text)
    year = None
    if year_match:
        digits = next(group for group in year_match.groups() if group)
        year = int(digits) if len(digits) == 4 else 2000 + int(digits)
    words = tuple("".join(group.split()) for group in _GROUP.findall(text))
    without_year = text.replace(year_match.group(), "") if year_match else text
    stem = "".join(_GROUP.sub("", without_year).split()).strip("·:-_")
    return Header(raw, text, stem, year, unit, label, formula, words)


def unit_of_name(name: str) -> str | None:
    """The unit a row carries in its name, as in 개최장소(개소); other words in brackets are no unit."""
    for group in _GROUP.findall(name):
        if group.strip() in COUNT_UNITS | MONEY_UNITS:
            return str(group.strip())
    return None


def _take_unit(text: str) -> tuple[str | None, str]:
    """Splits off (천원), (%), (단위: 명) and the unit in (D/B, %)."""
    found: str | None = None

    def keep_the_rest(match: re.Match[str]) -> str:
        nonlocal found
        parts = [part.strip() for part in re.split(r"[,;]", match.group(1))]
        rest = []
        for part in parts:
            unit = re.sub(r"^단위\s*:?\s*", "", part)
            if unit == "%" or unit in MONEY_UNITS or unit in COUNT_UNITS:
                found = found or unit
            else:
                rest.append(part)
        return f"({','.join(rest)})" if rest else ""

    remaining = _GROUP.sub(keep_the_rest, text).strip()
    if not remaining:
        return None, text
    return found, remaining


def _take_formula(text: str) -> tuple[str | None, Expression[str] | None, str]:
    """Splits off the longest ending that is a label or a formula, and a leading circled label."""
    for start in range(1, len(text)):
        if text[start - 1].isascii() and text[start - 1].isalnum() and text[start] != "(":
            continue
        if text[start] != "(" and text[start].isascii() and not text[start - 1].isspace():
            continue
        try:
            label, formula = parse_formula(text[start:])
        except NotAFormulaError:
            continue
        return label, formula, text[:start].strip()
    if len(text) > 1 and not text[0].isascii():
        try:
            label, _ = parse_formula(text[0])
        except NotAFormulaError:
            return None, None, text
        return label, None, text[1:].strip()
    return None, None, text
