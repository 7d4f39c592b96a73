"""What counts as plain text on forms, in events and in every database, and which numbers no text may hold."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

CONTROLS_AND_SURROGATES: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Format characters (Cf), among them those that have no width or turn the direction of writing; fillers and blanks that
# look like nothing; variation selectors and tags; line and paragraph separators, which no form shows.
INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def is_plain(text: str, *, allowed_controls: str = "") -> bool:
    """No control characters and no half of a surrogate pair: PostgreSQL and UTF-8 refuse some of them."""
    if text.isascii() and text.isprintable():  # settles most texts, which are ids, at once
        return True
    return set(CONTROLS_AND_SURROGATES.findall(text)) <= set(allowed_controls)


def has_invisible(text: str) -> bool:
    """Whether a character in it is not seen, so that two texts that differ may look the same."""
    return not text.isascii() and INVISIBLE.search(text) is not None


# 고유식별정보, 개인정보 보호법 시행령 제19조: what `unique_identifier` finds, and its name in Korean.
UNIQUE_IDENTIFIERS: Final[Mapping[str, str]] = {
    "resident registration number": "주민등록번호",
    "alien registration number": "외국인등록번호",
    "passport number": "여권번호",
    "driving licence number": "운전면허번호",
}
FOREIGN: Final = "5678"  # the digit that says sex and century, for foreigners

# Before anything is looked for, every text is brought into one form: digits are 0 to 9, what is not seen is gone, and
# between two digits stands at most one separator: a dash, a space, or a line break.
UNUSUAL: Final = re.compile("[^\x00-\x7f가-힣]")
UNSEEN_CATEGORIES: Final = frozenset({"Cf", "Mn", "Me"})
HANGUL_FILLERS: Final = "\u115f\u1160"  # the others become these under NFKC
BLANK: Final = "\u2800"
# What people type for a dash though Unicode calls it a letter, a symbol or a point; ㆍ and ㅡ as NFKC writes them.
LIKE_A_DASH: Final = "−ー一˗⁃·・•∙⋅‧─━⎯➖∼⁄∕\u119e\u1173"
BETWEEN_DIGITS: Final = re.compile(r"(?<=\d)[-./~_\s]+(?=\d)")
SEVEN_DIGITS: Final = re.compile(r"(?:\d\D*){7}")  # no number looked for has fewer

MONTH: Final = r"(?:0[1-9]|1[0-2])"
DAY: Final = r"(?:0[1-9]|[12]\d|3[01])"
# Since October 2020 the last six digits are random: there is no check digit that tells a number from another.
THIRTEEN: Final = re.compile(rf"\d\d{MONTH}{DAY}(\d)\d{{6}}")
# As people write it: the date in one or three parts, anything but a comma, then seven digits.
REGISTRATION: Final = re.compile(rf"(?<!\d)\d\d[- ]?{MONTH}[- ]?{DAY}[^\w,]{{0,3}}(\d)\d{{6}}(?!\d)")
# One letter and eight digits, or since December 2021 a letter in the middle. Item codes look like the older form, so
# only the five letters of Korean passports count, and no counter (D00000012) and no date (S20250411); what is left is
# refused, for a code can be chosen anew. Two letters and seven digits have expired long ago.
PASSPORT: Final = re.compile(
    rf"(?<![0-9a-z])[msrod][-./\s]?(?:\d{{3}}[a-z]\d{{4}}|(?!000|(?:19|20)\d\d{MONTH}{DAY})\d{{8}})(?![0-9a-z])",
    re.IGNORECASE,
)
# Where it was issued, by number or by name, then 2, 6 and 2 digits. Only with separators, which no telephone number
# and no bank account sets like this; twelve digits in a row may be anything.
DRIVING_LICENCE: Final = re.compile(
    r"(?<!\d)(?<!\d-)(?:(?:1[1-9]|2[0-68])[- ]"
    r"|(?:서울|부산|경기|강원|충북|충남|전북|전남|경북|경남|제주|대구|인천|광주|대전|울산)[-.\s]?)"
    r"\d\d[- ]\d{6}[- ]\d\d(?!-?\d)"
)
# What holds thirteen digits by chance and is known by its form.
CODES: Final = re.compile(
    r"(?<![0-9a-z])(?:"
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"  # an id chosen by the system, or by another
    r"|(?=\d*[a-f])[0-9a-f]{32,}"  # the same without dashes, a hash
    r"|(?:1[1-9]|2[0-4])\d\d(?:1[1-5]|2[12])-?[09]\d{6}"  # 법인등록번호; as a person's it would be of the 1800s
    r"|(?<!-)\d+(?=(?:천|백만)?원)"  # an amount
    r")(?![0-9a-z])",
    re.IGNORECASE,
)
# What together with its neighbours would have thirteen digits, in whatever groups.
SHORT_DAY: Final = r"(?:0?[1-9]|1[0-2])[- ](?:0?[1-9]|[12]\d|3[01])"
NEIGHBOURS: Final = re.compile(
    r"(?<!\d)(?<!\d-)(?:"
    r"\d{1,3}(?:,\d{3})+"  # an amount
    rf"|(?:19|20)?\d\d[- ]{SHORT_DAY}(?:[- ](?:(?:19|20)?\d\d[- ])?{SHORT_DAY})?"  # a day, or from one to another
    r"|(?:\+82[- ]?0?|82[- ]|0)(?:2|1[016-9]|[3-6][1-5]|[78]0|50\d)[- ]?\d{3,4}[- ]?\d{4}"  # a telephone
    r"|1[5-9]\d\d[- ]\d{4}"  # a telephone of a company
    r"|100\d-\d{3}-\d{6}|3[0-5][1-6]-\d{4}-\d{4}-\d\d|900\d-\d{4}-\d{4}-\d"  # bank accounts with thirteen digits
    r")(?!-?\d)"
)
RUN: Final = re.compile(r"\d(?:[- ]?\d)*")
KNOWN: Final = ","  # stands for what is known: no number goes on across it


def unique_identifier(text: str) -> str | None:
    """The kind of the first unique identification number in it, a key of `UNIQUE_IDENTIFIERS`; None if there is none.

    Sees through separators, invisible characters and digits of any script. A comma is no separator: it groups amounts.
    """
    if not text.isascii():
        text = UNUSUAL.sub(_usual, unicodedata.normalize("NFKC", text))
    if not SEVEN_DIGITS.search(text):
        return None
    text = CODES.sub(KNOWN, BETWEEN_DIGITS.sub(_one_separator, text))
    if sex_and_century := _registration(text):
        return "alien registration number" if sex_and_century in FOREIGN else "resident registration number"
    if PASSPORT.search(text):
        return "passport number"
    return "driving licence number" if DRIVING_LICENCE.search(text) else None


def _usual(match: re.Match[str]) -> str:
    """A digit of any script as 0 to 9, a dash as a dash, a blank as a blank, and nothing for what is not seen."""
    character = match[0]
    category = unicodedata.category(character)
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    if category in UNSEEN_CATEGORIES or character in HANGUL_FILLERS:
        return ""
    if category == "Pd" or character in LIKE_A_DASH:
        return "-"
    return " " if category.startswith("Z") or character == BLANK else character


def _one_separator(match: re.Match[str]) -> str:
    separators = match[0]
    if "\n" in separators:
        return "\n"
    return " " if any(character.isspace() for character in separators) else "-"


def _registration(text: str) -> str | None:
    """The digit for sex and century of a resident or alien registration number."""
    if found := REGISTRATION.search(text):
        return found[1]
    for digits in _runs_of_digits(NEIGHBOURS.sub(KNOWN, text)):
        if found := THIRTEEN.fullmatch(digits):
            return found[1]
    return None


def _runs_of_digits(text: str) -> Iterator[str]:
    """Digits with only separators between them, in whatever groups; also those with only dashes between them."""
    for run in RUN.findall(text):
        yield run.replace("-", "").replace(" ", "")
        for part in run.split(" "):
            yield part.replace("-", "")
