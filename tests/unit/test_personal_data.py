"""Encryption, fingerprints and masks of personal data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config import DEMO_PERSONAL_DATA_KEY
from shared.personal_data import (
    NotAPhoneNumber,
    Unreadable,
    Vault,
    format_phone,
    holds_registration_number,
    mask_name,
    mask_phone,
    normalise_phone,
)

OLD = "an-older-key-of-at-least-thirty-two-characters"
NEW = "a-newer-key-of-at-least-thirty-two-characters!"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_is_encrypted_is_read_again(text: str) -> None:
    assert Vault.of(NEW).decrypt(Vault.of(NEW).encrypt(text)) == text


def test_what_is_encrypted_does_not_show_the_text() -> None:
    token = Vault(NEW).encrypt("홍길동")
    assert "홍길동".encode() not in token
    assert token != Vault(NEW).encrypt("홍길동"), "equal names must not be seen to be equal"


def test_another_key_reads_nothing() -> None:
    with pytest.raises(Unreadable):
        Vault(OLD).decrypt(Vault(NEW).encrypt("홍길동"))


def test_a_changed_byte_is_noticed() -> None:
    token = bytearray(Vault(NEW).encrypt("홍길동"))
    token[20] ^= 1
    with pytest.raises(Unreadable):
        Vault(NEW).decrypt(bytes(token))


def test_after_a_change_of_keys_old_data_is_read_and_old_people_are_recognised() -> None:
    both = Vault(f"{NEW},{OLD}")
    assert both.decrypt(Vault(OLD).encrypt("홍길동")) == "홍길동"
    assert both.fingerprint("01012345678") == Vault(OLD).fingerprint("01012345678")
    assert Vault(NEW).decrypt(both.encrypt("홍길동")) == "홍길동", "new data is written with the new key"


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        Vault(f"{NEW},short")


def test_the_same_phone_has_the_same_fingerprint_only_under_the_same_key() -> None:
    vault = Vault(DEMO_PERSONAL_DATA_KEY)
    assert vault.fingerprint("01012345678") == Vault(DEMO_PERSONAL_DATA_KEY).fingerprint("01012345678")
    assert vault.fingerprint("01012345678") != vault.fingerprint("01012345679")
    assert vault.fingerprint("01012345678") != Vault(NEW).fingerprint("01012345678")


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("010-1234-5678", "01012345678"),
        ("01012345678", "01012345678"),
        ("010 1234 5678", "01012345678"),
        ("010.1234.5678", "01012345678"),
        ("010\u20131234\u20135678", "01012345678"),  # telephones offer this dash
        (
            "\uff10\uff11\uff10-\uff11\uff12\uff13\uff14-\uff15\uff16\uff17\uff18",
            "01012345678",
        ),  # a Korean keyboard in full-width mode
        ("+82 10-1234-5678", "01012345678"),
        ("+82 (0)10-1234-5678", "01012345678"),
        ("011-123-4567", "0111234567"),
        ("02-123-4567", "021234567"),
        ("054-1234-5678", "05412345678"),
        ("070-1234-5678", "07012345678"),
        ("0502-123-4567", "05021234567"),
    ],
)
def test_korean_phone_numbers_are_normalised(written: str, digits: str) -> None:
    assert normalise_phone(written) == digits
    assert normalise_phone(format_phone(digits)) == digits


@pytest.mark.parametrize(
    "written",
    [
        "",
        "010-123-456",
        "010-123-4567",
        "010-12345-678901",
        "119",
        "1588-1234",
        "+1 202 555 0100",
        "전화 없음",
        "01O-1234-5678",
    ],
)
def test_anything_else_is_no_phone_number_and_is_not_repeated_in_the_error(written: str) -> None:
    with pytest.raises(NotAPhoneNumber) as caught:
        normalise_phone(written)
    assert not written or written not in str(caught.value)


@pytest.mark.parametrize(
    ("digits", "masked"),
    [
        ("01012345678", "010-****-5678"),
        ("0111234567", "011-***-4567"),
        ("021234567", "02-***-4567"),
        ("05021234567", "0502-***-4567"),
    ],
)
def test_the_middle_of_a_phone_number_is_hidden(digits: str, masked: str) -> None:
    assert mask_phone(digits) == masked


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("홍길동", "홍*동"),
        ("홍길", "홍*"),
        ("홍", "*"),
        ("남궁길동", "남**동"),
        ("Hong Gildong", "H**********g"),
        ("", "*"),
    ],
)
def test_the_middle_of_a_name_is_hidden(name: str, masked: str) -> None:
    assert mask_name(name) == masked


def test_a_name_typed_as_separate_letters_is_masked_by_syllable() -> None:
    assert mask_name("\u1112\u1169\u11bc\u1100\u1175\u11af\u1103\u1169\u11bc") == "홍*동"


@pytest.mark.parametrize(
    "text",
    [
        "900101-1234567",
        "9001011234567",
        "면허 900101 5234567",
        "\uff19\uff10\uff10\uff11\uff10\uff11-\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
    ],
)
def test_registration_numbers_are_recognised(text: str) -> None:
    assert holds_registration_number(text)


@pytest.mark.parametrize("text", ["홍길동", "제12345호", "010-1234-5678", "991301-1234567", "900101-9234567"])
def test_other_numbers_are_not_taken_for_registration_numbers(text: str) -> None:
    assert not holds_registration_number(text)
