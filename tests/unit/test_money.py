"""Figures as reports write them: rounding, marks and as-of lines."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import (
    as_of_label,
    divide_half_up,
    format_number,
    format_rate,
    in_unit,
    parse_as_of,
    parse_number,
    parse_rate,
    rate,
)

amounts = st.integers(-(10**15), 10**15)


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (5, 6, "83.3"),
        (67_546, 583_200, "11.6"),
        (-94_666, 1_428_303, "-6.6"),
        (0, 583_200, "0.0"),
        (6_000_000, 6_000_000, "100.0"),
        (1, 2_000, "0.1"),  # a half goes up
        (-1, 2_000, "-0.1"),  # away from zero
        (-1, 100_000, "0.0"),  # no minus zero
    ],
)
def test_a_rate_is_half_up_on_the_exact_quotient(part: int, whole: int, expected: str) -> None:
    assert rate(part, whole) == expected


def test_a_rate_of_nothing_is_not_measured() -> None:
    assert rate(5, 0) is None
    assert format_rate(None) == "-"


@given(amounts, st.integers(1, 10**15))
def test_a_rate_is_within_half_a_tenth_of_the_quotient(part: int, whole: int) -> None:
    printed = rate(part, whole)
    assert printed is not None
    tenths = int(Decimal(printed) * 10)
    assert 2 * abs(tenths * whole - 1000 * part) <= whole


@given(amounts, st.sampled_from([1, 1_000, 1_000_000, 100_000_000]))
def test_an_amount_in_a_unit_is_what_decimal_rounds_half_up(amount_won: int, unit_won: int) -> None:
    expected = (Decimal(amount_won) / unit_won).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    assert in_unit(amount_won, unit_won) == expected


def test_an_amount_is_converted_only_by_a_positive_unit() -> None:
    with pytest.raises(ValueError, match="positive"):
        in_unit(1_000, 0)


def test_a_half_goes_away_from_zero_whatever_the_signs() -> None:
    assert [divide_half_up(part, whole) for part, whole in [(1, 2), (-1, 2), (1, -2), (-1, -2)]] == [1, -1, -1, 1]


@pytest.mark.parametrize(("value", "text"), [(-1_578, "△1,578"), (0, "0"), (None, "-"), (6_000_000, "6,000,000")])
def test_a_number_is_printed_with_a_triangle_and_separators(value: int | None, text: str) -> None:
    assert format_number(value) == text


@given(st.none() | amounts)
def test_a_printed_number_reads_back(value: int | None) -> None:
    assert parse_number(format_number(value)) == value


@given(amounts, st.integers(1, 10**15))
def test_a_printed_rate_reads_back(part: int, whole: int) -> None:
    value = rate(part, whole)
    assert value is not None
    assert parse_rate(format_rate(value)) == Decimal(value)


@pytest.mark.parametrize("text", ["△1,578", "▲1,578", "-1,578", "(1,578)", "△ 1578", "−1,578", " （1,578） "])
def test_every_mark_of_a_negative_is_read(text: str) -> None:
    assert parse_number(text) == -1_578


@pytest.mark.parametrize("text", ["", "-", " - ", "–", "—"])
def test_a_dash_is_not_measured(text: str) -> None:
    assert parse_number(text) is None
    assert parse_rate(text) is None


@pytest.mark.parametrize("text", ["1.5", "1,23", "12,34,567", "△", "--1", "1,578원", "(-)", "83.3%"])
def test_money_that_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole number"):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("83.3", "83.3"), ("172%", "172"), ("△6.6 %", "-6.6"), ("12.90%", "12.90"), ("1,234.5", "1234.5")],
)
def test_a_rate_is_read_with_or_without_its_sign(text: str, value: str) -> None:
    assert parse_rate(text) == Decimal(value)


def test_words_are_no_rate() -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate("순증")


def test_the_as_of_line_is_printed_one_way() -> None:
    assert as_of_label(date(2025, 4, 11)) == "’25.4.11. 기준"


@pytest.mark.parametrize(
    "text",
    [
        "(’25. 4. 11. 기준)",
        "(’25.4.11. 기준)",
        "’25.4.11 기준",
        "‘25.4.11. 기준",
        "'25.4.11.기준",
        "`25. 4. 11. 기준",
        "‵25.4.11. 기준",
        "2025. 4. 11. 기준",
        "2025년 4월 11일 현재",
    ],
)
def test_every_form_of_the_as_of_line_is_read(text: str) -> None:
    assert parse_as_of(text) == date(2025, 4, 11)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_printed_as_of_line_reads_back(day: date) -> None:
    assert parse_as_of(as_of_label(day)) == day


def test_a_line_without_a_year_needs_one_from_outside() -> None:
    assert parse_as_of("(10.31.기준)", default_year=2024) == date(2024, 10, 31)
    with pytest.raises(ValueError, match="names no year"):
        parse_as_of("(10.31.기준)")


@pytest.mark.parametrize("text", ["기준", "’25.13.40. 기준", "4월"])
def test_a_line_without_a_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - an impossible day is worded by the standard library
        parse_as_of(text)
