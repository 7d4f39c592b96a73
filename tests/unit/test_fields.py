"""What the fields of every request take, and the sentence that names the field when they do not."""

import unicodedata
from typing import Any

import marshmallow as ma
import pytest
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from shared.fields import Identifier, RegionId, Schema, Text, Unit


class Form(Schema):
    line = Text(20)
    note = Text(40, multiline=True)
    unit = Unit()
    code = Identifier()
    region = RegionId()


def loaded(field: str, value: Any) -> Any:
    return Form().load({field: value})[field]


def refused(field: str, value: Any) -> str:
    with pytest.raises(ma.ValidationError) as refusal:
        Form().load({field: value})
    assert isinstance(refusal.value.messages, dict)
    assert list(refusal.value.messages) == [field]
    (sentence,) = refusal.value.messages[field]
    return str(sentence)


@pytest.mark.parametrize("field", ["line", "note", "unit"])
@pytest.mark.parametrize(
    ("value", "kind", "korean"),
    [
        ("900101-1234567", "resident registration number", "주민등록번호"),
        ("9001011234567", "resident registration number", "주민등록번호"),
        ("９００１０１－１２３４５６７", "resident registration number", "주민등록번호"),
        ("900101 – 5234567", "alien registration number", "외국인등록번호"),
        ("여권 M123A4567", "passport number", "여권번호"),
        ("12-34-567890-12", "driving licence number", "운전면허번호"),
    ],
)
def test_a_number_that_identifies_a_person_is_refused_in_every_text(
    field: str, value: str, kind: str, korean: str
) -> None:
    sentence = refused(field, value)
    assert sentence == f"{korean}는 받지 않습니다. No {kind} is ever taken, and something here looks like one."
    assert value not in sentence


@pytest.mark.parametrize("field", ["code", "region"])
@pytest.mark.parametrize("value", ["group-9001011234567", "group-900101-1234567", "group-9_0_0_1_0_1-1234567"])
def test_a_number_that_identifies_a_person_is_refused_in_every_id(field: str, value: str) -> None:
    assert "주민등록번호" in refused(field, value)


def test_an_account_named_by_a_number_that_identifies_a_person_is_refused() -> None:
    assert "주민등록번호" in refused("code", "9001011234567")
    assert "여권번호" in refused("code", "M12345678")


@pytest.mark.parametrize("value", ["3,700,000,000", "010-1234-5678", "2025-04-11", "123-45-67890", "02-123-4567"])
def test_amounts_telephones_and_dates_are_taken_in_texts(value: str) -> None:
    assert loaded("line", value) == value
    assert loaded("note", value) == value


@pytest.mark.parametrize(
    "value", ["a", "2025-yeongnam-wildfires", "9f1c2d3e4b5a60718293a4b5c6d7e8f9", "A.b_c-1", "x" * 64]
)
def test_an_id_is_letters_digits_dots_hyphens_and_underscores(value: str) -> None:
    assert loaded("code", value) == value


@pytest.mark.parametrize("value", ["", "-a", "x" * 65, "안동", "a b", "a\n", "a/b", "１２"])
def test_anything_else_is_no_id(value: str) -> None:
    assert refused("code", value) == "Must be 1 to 64 letters, digits, '.', '_' or '-'."


@pytest.mark.parametrize("field", ["line", "note", "unit"])
@pytest.mark.parametrize(
    "mark", [*"\u200b\u200d\u200e\u202e\u2060\u2066\u2069\ufeff\u00ad\u3164\u115f\uffa0\ufe0f\U000e0041"]
)
def test_a_character_that_is_not_seen_is_refused(field: str, mark: str) -> None:
    assert refused(field, f"가{mark}나").startswith("Contains an invisible character")


def test_a_text_of_nothing_but_fillers_is_refused() -> None:
    assert refused("line", "\u3164\u3164").startswith("Contains an invisible character")


@pytest.mark.parametrize("field", ["line", "note", "unit"])
def test_hangul_is_composed_on_entry(field: str) -> None:
    assert loaded(field, unicodedata.normalize("NFD", "각각")) == "각각"


def test_a_text_is_measured_as_composed() -> None:
    longest = "각" * 20
    assert loaded("line", unicodedata.normalize("NFD", longest)) == longest
    assert refused("line", unicodedata.normalize("NFD", longest + "각")) == "Longer than 20 characters."


def test_a_text_far_too_long_is_refused_before_it_is_composed() -> None:
    assert refused("line", "가" + "\u0315\u0300" * 400_000) == "Longer than 20 characters."


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("line", "", "Must not be blank."),
        ("line", " \u3000", "Must not be blank."),
        ("line", "x" * 21, "Longer than 20 characters."),
        ("line", "a\nb", "Contains a control character or a broken character."),
        ("note", "a\x00b", "Contains a control character or a broken character."),
        ("note", "a\ud800b", "Contains a control character or a broken character."),
        ("unit", "x" * 21, "Longer than 20 characters."),
        ("line", 5, "Not a valid string."),
    ],
)
def test_a_text_that_cannot_be_kept_is_refused_with_its_reason(field: str, value: Any, sentence: str) -> None:
    assert refused(field, value) == sentence


def test_lines_are_kept_where_they_are_allowed_and_blanks_around_are_not() -> None:
    assert loaded("note", " 첫 줄\n\t둘째 줄 ") == "첫 줄\n\t둘째 줄"


@pytest.mark.parametrize(
    "value", ["개", "동", "대", "kg", "㎏", "L", "상자", "box", "20kg 포대", "세트(5인)", "인원", "%", "명"]
)
def test_a_unit_is_what_goods_are_counted_in(value: str) -> None:
    assert loaded("unit", value) == value


@pytest.mark.parametrize("value", ["1", "1000", "１２", "1,000", "1.5", "٣", "- 5"])
def test_a_unit_is_no_number(value: str) -> None:
    assert refused("unit", value) == "A unit is a word such as 개 or kg, not a number."


@pytest.mark.parametrize(
    "value",
    [
        *(
            "KRW",
            "krw",
            "ＫＲＷ",
            "USD",
            "usd",
            "US$",
            "EUR",
            "Jpy",
            "CNY",
            "원",
            "천원",
            "천 원",
            "백만원",
            "십억원",
            "억원",
        ),
        *(
            "조원",
            "원화",
            "달러",
            "만 달러",
            "₩",
            "￦",
            "$",
            "＄",
            "€",
            "¥",
            "유로",
            "엔",
            "위안",
            "won",
            "Won",
            "million won",
        ),
        unicodedata.normalize("NFD", "백만원"),
    ],
)
def test_a_unit_is_no_money(value: str) -> None:
    assert refused("unit", value) == "Money is no unit of goods: it is counted in won and spent from a fund."


@pytest.mark.parametrize(
    "value", ["4717000000", "2600000000", "group-yeongnam", "group-1", "group-A.b_c-d", "group-" + "x" * 58]
)
def test_a_region_is_ten_digits_or_a_group(value: str) -> None:
    assert loaded("region", value) == value


@pytest.mark.parametrize(
    "value",
    [
        "andong",
        "471700000",
        "47170000000",
        "４７１７０００００",
        "4717000000\n",
        "group-",
        "group-" + "x" * 59,
        "group-안동",
        "Group-a",
        "",
    ],
)
def test_anything_else_is_no_region(value: str) -> None:
    assert refused("region", value).startswith("Must be an administrative code of 10 digits, or for a group")


def test_the_openapi_document_shows_the_patterns() -> None:
    plugin = MarshmallowPlugin()
    APISpec("t", "1", "3.1.0", plugins=[plugin])
    assert plugin.converter is not None
    shown = plugin.converter.fields2jsonschema(Form().fields)["properties"]  # type: ignore[no-untyped-call]  # theirs
    assert shown["code"]["pattern"] == r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
    assert shown["region"]["pattern"] == r"^(?:[0-9]{10}|group-[A-Za-z0-9._-]{1,58})$"
    assert shown["line"]["pattern"] == r"^[\x20-\x7e\xa0-\uffff]*\S[\x20-\x7e\xa0-\uffff]*$"
    assert (shown["line"]["minLength"], shown["line"]["maxLength"], shown["unit"]["maxLength"]) == (1, 20, 20)
