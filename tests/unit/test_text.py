"""Which numbers and characters a text may not hold, in all their disguises."""

import re
import sys
import unicodedata
from time import perf_counter
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.text import NEIGHBOURS, UNIQUE_IDENTIFIERS, has_invisible, unique_identifier

RESIDENT, ALIEN, PASSPORT, LICENCE = UNIQUE_IDENTIFIERS
UNICODE: range = range(sys.maxunicode + 1)
DASHES = [chr(code) for code in UNICODE if unicodedata.category(chr(code)) == "Pd"]
LIKE_DASHES = [*"−ー~～·・･•./／．_ㆍㅡ─⁄∕"]
FORMAT = [chr(code) for code in UNICODE if unicodedata.category(chr(code)) == "Cf"]
UNSEEN = [*FORMAT, *"\u115f\u1160\u3164\uffa0\ufe0f\U000e0100\u034f\u0301\u20e3"]
SPACES = [chr(code) for code in UNICODE if chr(code).isspace() and ord(chr(code)) > 0x1F]
ZEROS = [chr(code) for code in UNICODE if unicodedata.decimal(chr(code), None) == 0]
BANK_ACCOUNT = re.compile(r"100\d-\d{3}-|3[0-5][1-6]-\d{4}-\d{4}-|900\d-\d{4}-\d{4}-")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("900101-1234567", RESIDENT),
        ("9001011234567", RESIDENT),
        ("041231-4000000", RESIDENT),
        ("000229-3999999", RESIDENT),
        ("900101-9234567", RESIDENT),
        ("900101-0234567", RESIDENT),
        ("900101-5234567", ALIEN),
        ("9001016234567", ALIEN),
        ("050505-7123456", ALIEN),
        ("050505-8123456", ALIEN),
        ("900101 1234567", RESIDENT),
        ("900101 - 1234567", RESIDENT),
        ("900101\n1234567", RESIDENT),
        ("900101--1234567", RESIDENT),
        ("900101(1234567)", RESIDENT),
        ("900101:1234567", RESIDENT),
        ("90.01.01-1234567", RESIDENT),
        ("90.01.01 1234567", RESIDENT),
        ("90. 01. 01. 1234567", RESIDENT),
        ("90/01/01/1234567", RESIDENT),
        ("90 01 01 1234567", RESIDENT),
        ("9 0 0 1 0 1 1 2 3 4 5 6 7", RESIDENT),
        ("9-0-0-1-0-1-1-2-3-4-5-6-7", RESIDENT),
        ("900101-1-234567", RESIDENT),
        ("900101-123-4567", RESIDENT),
        ("900101 123 4567", RESIDENT),
        ("9001 0112 3456 7", RESIDENT),
        ("９００１０１－１２３４５６７", RESIDENT),
        ("９００１０１１２３４５６７", RESIDENT),
        ("①⓪⓪①⓪①①②③④⑤⑥⑦", RESIDENT),
        ("❾⓿⓿❶⓿❶❶❷❸❹❺❻❼", RESIDENT),
        ("⁹⁰⁰¹⁰¹-₁₂₃₄₅₆₇", RESIDENT),
        ("٩٠٠١٠١-١٢٣٤٥٦٧", RESIDENT),
        ("९००१०१-१२३४५६७", RESIDENT),
        ("𝟗𝟎𝟎𝟏𝟎𝟏-𝟏𝟐𝟑𝟒𝟓𝟔𝟕", RESIDENT),
        ("9\ufe0f\u20e30\ufe0f\u20e30101-1234567", RESIDENT),
        ("9001\u200b01\u2060-12\u00ad34567", RESIDENT),
        ("\u202e900101-1234567", RESIDENT),
        ("주민번호 900101-1234567입니다", RESIDENT),
        ("주민번호900101-1234567.", RESIDENT),
        ("id9001011234567x", RESIDENT),
        ("1. 900101-1234567, 2. 없음", RESIDENT),
        ("900101-1234567 010-1234-5678", RESIDENT),
        ("010-1234-5678/900101-1234567", RESIDENT),
        ("2025-04-11 900101-1234567", RESIDENT),
        ("3,700,000,000원 900101-1234567", RESIDENT),
        ("1) 900-101-1234567", RESIDENT),
        ("900101-1234567원", RESIDENT),
        ("900101 1234567 원본", RESIDENT),
        ("홍길동 900101-1234567\n김영희 910202-2345678", RESIDENT),
        ("M12345678", PASSPORT),
        ("m12345678", PASSPORT),
        ("S98765432", PASSPORT),
        ("여권M12345678번", PASSPORT),
        ("M 12345678", PASSPORT),
        ("M-12345678", PASSPORT),
        ("Ｍ１２３４５６７８", PASSPORT),
        ("M1234\u200b5678", PASSPORT),
        ("M123A4567", PASSPORT),
        ("r987z6543", PASSPORT),
        ("O 111B2222", PASSPORT),
        ("D123A4567", PASSPORT),
        ("M20259999", PASSPORT),  # no date
        ("12-34-567890-12", LICENCE),
        ("11-98-123456-01", LICENCE),
        ("28 20 123456 78", LICENCE),
        ("１２－３４－５６７８９０－１２", LICENCE),
        ("12–34–567890–12", LICENCE),
        ("서울-98-123456-12", LICENCE),
        ("경기 98-123456-12", LICENCE),
        ("면허 13-05-000123-40 소지", LICENCE),
    ],
)
def test_a_unique_identification_number_is_found_in_every_disguise(text: str, kind: str) -> None:
    assert unique_identifier(text) == kind


@pytest.mark.parametrize("dash", [*DASHES, *LIKE_DASHES, *SPACES])
def test_a_number_is_found_behind_every_dash_point_and_blank(dash: str) -> None:
    assert unique_identifier(f"가900101{dash}1234567") == RESIDENT


@pytest.mark.parametrize("zero", ZEROS, ids=[f"{ord(zero):x}" for zero in ZEROS])
def test_a_number_is_found_in_the_digits_of_every_script(zero: str) -> None:
    assert unique_identifier("".join(chr(ord(zero) + int(digit)) for digit in "9001015234567")) == ALIEN


def test_a_number_is_found_behind_every_character_that_is_not_seen() -> None:
    assert [mark for mark in UNSEEN if unique_identifier(f"9001{mark}01-123{mark}4567") != RESIDENT] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "안동시 구호품 3차 발송",
        # amounts
        "3,700,000,000",
        "1,200,000,000,000",
        "1,010,112,345,678원",
        "１，０１０，１１２，３４５，６７８원",
        "예산 1,428,303,000 중 1,200,000,000 집행 (84.0%)",
        "1011512345678원",
        "25.04.11 1500000원",
        "25.04.11 3,700,000",
        # telephones
        "010-1234-5678",
        "01012345678",
        "02-123-4567",
        "031-201-1234",
        "031-201-1234 031-202-2345",
        "02-345-2312 / 02-312-3456",
        "02-345-2312\n02-312-3456",
        "010-2123-4567 12명",
        "010 2123 4567 12",
        "01021234567 12",
        "+82 10-1234-5678",
        "+82-10-1234-5678 1",
        "+82-010-1234-5678",
        "0502-1234-5678 1",
        "1588-1234 12345",
        # dates
        "2025-04-11",
        "2025-04-11 12:34:56",
        "2012-10-11 12345",
        "2012. 10. 11. 12345",
        "2012.10.1~2013.4.1",
        "25.04.11~25.04.15 3일",
        "25. 10. 11. ~ 25. 10. 15. 3일",
        "4/11 10:30 ~ 4/12 9:00",
        "2025-04-11T10:30:00.123456+09:00",
        "1744329600000",
        # numbers of organisations, accounts and documents
        "123-45-67890",
        "123-45-67890 123",
        "110121-0001234",
        "130111-0006246",
        "1002-123-456789",
        "우리 1005-123-456789",
        "농협 301-0123-4567-81",
        "900-101",
        "field-coordinator",
        "kim1234",
        "coordinator-2025",
        "2025-yeongnam-wildfires",
        "shipment-20250411-000123",
        "4713025021",
        # ids chosen by the system
        "0196234e001011234567ab8cd0123456",
        "a9001011234567bcdef0123456789abc",
        "A9001011234567BCDEF0123456789ABC",
        "90010112-3456-7abc-8def-0123456789ab",
        "abcdefab-1111-4111-8111-900101123456",
        "x-a9001011234567bcdef0123456789abc",
        # as long as one, or longer, but none
        "901301-1234567",  # no such month
        "900132-1234567",  # no such day
        "900100-1234567",
        "900001-1234567",
        "90010112345678",
        "19900101-1234567",
        "8900101-1234567",
        "900101-12345678",
        "900101-123456",
        "900101-1******",
        "900101, 1234567",
        "12 명, 25 명, 300 개, 1200 개",
        "120 300 45 1200 5000 77",
        # like passports and licences
        "A12345678",
        "M1234567",
        "M123456789",
        "AM12345678",
        "M12345678A",
        "D20250411",
        "S-20251231",
        "D00000012",
        "D-2025-0411",
        "M123AB567",
        "M12A34567",
        "S 100 M 2000 L 500",
        "S-100 M-200",
        "123456781234",
        "29-34-567890-12",
        "10-34-567890-12",
        "12-34-567890-123",
        "112-34-567890-12",
        "1-12-34-567890-12",
        "12-345-67890-12",
        "12-34567-89012",
    ],
)
def test_what_only_looks_like_a_number_is_left_alone(text: str) -> None:
    assert unique_identifier(text) is None


@given(st.integers(0, 10**15))
def test_an_amount_with_its_commas_is_never_taken_for_a_number(amount: int) -> None:
    for text in (f"{amount:,}", f"총 {amount:,}원", f"₩{amount:,}-", f"{amount:,} {amount:,}"):
        assert unique_identifier(text) is None


@given(st.uuids())
def test_an_id_chosen_by_the_system_is_never_taken_for_a_number(chosen: UUID) -> None:
    assume(re.search("[a-f]", chosen.hex))
    assert unique_identifier(chosen.hex) is None
    assert unique_identifier(str(chosen)) is None


numbers = st.builds(
    lambda year, month, day, serial: f"{year:02}{month:02}{day:02}{serial:07}",
    st.integers(0, 99),
    st.integers(1, 12),
    st.integers(1, 31),
    st.integers(1_000_000, 8_999_999),
)
dashes = st.text(st.sampled_from([*DASHES, *LIKE_DASHES]), max_size=3)
unseen = st.text(st.sampled_from(UNSEEN), max_size=2)
gaps = st.lists(st.tuples(unseen, dashes, unseen).map("".join), min_size=12, max_size=12)


@given(numbers, gaps)
def test_dashes_and_unseen_characters_anywhere_between_the_digits_hide_no_number(digits: str, gaps: list[str]) -> None:
    text = digits[0] + "".join(gap + digit for gap, digit in zip(gaps, digits[1:], strict=True))
    groups = "".join(
        ("-" if any(character in DASHES + LIKE_DASHES for character in gap) else "") + digit
        for gap, digit in zip(["", *gaps], digits, strict=True)
    )
    assume(not NEIGHBOURS.fullmatch(groups))  # as a bank account is written, or two dates
    assert unique_identifier(f"번호 {text}입니다") in (RESIDENT, ALIEN)


@given(numbers, st.sampled_from([6, 7]), st.sampled_from(SPACES), st.text(st.sampled_from(SPACES), max_size=1))
def test_blanks_before_and_after_the_seventh_digit_hide_no_number(digits: str, at: int, blank: str, more: str) -> None:
    assert unique_identifier(f"{digits[:at]}{blank}{more}{digits[at:]}") in (RESIDENT, ALIEN)


@given(numbers, st.text("0123456789", min_size=1, max_size=5))
def test_a_longer_run_of_digits_holds_no_number(digits: str, more: str) -> None:
    assert unique_identifier(digits + more) is None
    assert unique_identifier(more + digits) is None


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    assert unique_identifier(text) in (None, *UNIQUE_IDENTIFIERS)


@pytest.mark.parametrize(
    "part", ["9", "9-", "9 ", "1,", "12,345", "ab1", "1.", "가1", "·1", "M1 ", "9\n", "1 2-3,", "a" * 31 + "-"]
)
def test_a_long_text_is_looked_through_in_a_time_that_grows_with_its_length(part: str) -> None:
    started = perf_counter()
    unique_identifier(part * (200_000 // len(part)))
    assert perf_counter() - started < 5


def test_every_format_character_filler_and_variation_selector_counts_as_invisible() -> None:
    selectors = [chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x180B, 0x180E))]
    assert [
        mark for mark in [*FORMAT, *selectors, *"\u115f\u1160\u3164\uffa0\u2028\u2029"] if not has_invisible(mark)
    ] == []


def test_what_is_seen_is_not_invisible() -> None:
    seen = [chr(code) for code in UNICODE if unicodedata.category(chr(code))[0] in "LNPS"]
    fillers = "\u115f\u1160\u3164\uffa0\u2800"  # Unicode calls them letters and a symbol
    assert [mark for mark in seen if has_invisible(mark) and mark not in fillers] == []
    assert not has_invisible("구호품 120개 · 안동시 (3차) 😀 é ñ")
