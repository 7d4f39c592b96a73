"""Rules of the situation room, without I/O."""

from datetime import date
from pathlib import Path

import pytest

from services.situation import duties
from services.situation.api.problems import PROBLEMS
from services.situation.domain import accounts, disasters, places
from services.situation.domain.disasters import BasisKind, Stage
from services.situation.domain.places import RegionKind
from services.situation.domain.regions_file import COLUMNS, RegionsFileUnreadable, read_regions
from shared.auth import Grant, Role
from shared.refusals import DatesOutOfOrder, Refusal, check_date_order

REGIONS = (Path(duties.__file__).parent / "regions.csv").read_text(encoding="utf-8")
HEADER = ",".join(COLUMNS)
GYEONGBUK = "4700000000,경상북도,Gyeongsangbuk-do,province,,,"
MONEY = (Role.DRAFTER, Role.REVIEWER, Role.APPROVER, Role.COMMITMENT_OFFICER, Role.PAYMENT_OFFICER)
ALONE = {
    *((Role.ADMINISTRATOR, role) for role in (*MONEY, Role.BUDGET_OFFICER)),
    *((Role.BUDGET_OFFICER, role) for role in MONEY),
    *((Role.AUDITOR, role) for role in Role),
    *((Role.IMPORTER, role) for role in Role),
    (Role.COMMITMENT_OFFICER, Role.PAYMENT_OFFICER),
}
TODAY = date(2025, 4, 11)


@pytest.mark.parametrize(
    ("current", "requested"),
    [
        (Stage.SUPPRESSION, Stage.RECOVERY),
        (Stage.SUPPRESSION, Stage.LIVELIHOOD),
        (Stage.RECOVERY, Stage.LIVELIHOOD),
    ],
)
def test_a_disaster_advances_to_any_later_stage(current: Stage, requested: Stage) -> None:
    disasters.check_advance(current, requested)


@pytest.mark.parametrize(
    ("current", "requested"),
    [
        (current, requested)
        for current in Stage
        for requested in Stage
        if list(Stage).index(requested) <= list(Stage).index(current)
    ],
)
def test_a_disaster_never_returns_to_a_stage(current: Stage, requested: Stage) -> None:
    with pytest.raises(disasters.StageCannotGoBack) as refusal:
        disasters.check_advance(current, requested)
    assert refusal.value.facts == {"current": current.value, "requested": requested.value}


def test_a_basis_is_whole_or_not_there() -> None:
    disasters.check_basis(None, None, None)
    disasters.check_basis(BasisKind.STATE_OF_DISASTER.value, "대통령 공고", TODAY)
    for part in ((BasisKind.OTHER.value, None, None), (None, "대통령 공고", TODAY)):
        with pytest.raises(disasters.BasisIncomplete):
            disasters.check_basis(*part)


@pytest.mark.parametrize("first", list(Role))
@pytest.mark.parametrize("second", list(Role))
def test_one_account_holds_only_duties_that_go_together(first: Role, second: Role) -> None:
    held, new = Grant(first, "city", None, TODAY), Grant(second, "districts", "yeongnam", TODAY)
    if first is second or not {(first, second), (second, first)} & ALONE:
        accounts.check_duties([held], new, duties.RULES)
        return
    with pytest.raises(accounts.IncompatibleDuties) as refusal:
        accounts.check_duties([held], new, duties.RULES)
    assert {refusal.value.facts["first"], refusal.value.facts["second"]} == {first.value, second.value}
    assert refusal.value.facts["legal_basis"] in refusal.value.sentence("ko")
    assert refusal.value.facts["legal_basis"] in refusal.value.sentence("en")


@pytest.mark.parametrize(
    ("held", "new", "day"),
    [
        ((None, None), (None, None), date(2016, 11, 30)),
        ((None, date(2025, 3, 31)), (date(2025, 3, 31), None), date(2025, 3, 31)),
        ((None, date(2025, 3, 31)), (date(2025, 4, 1), None), None),
        ((date(2025, 4, 2), None), (None, date(2025, 4, 1)), None),
        ((date(2025, 4, 2), None), (date(2025, 1, 1), date(2025, 12, 31)), date(2025, 4, 2)),
        ((None, date(2016, 11, 29)), (None, None), None),
    ],
)
def test_duties_meet_on_the_days_that_both_and_the_rule_have(
    held: tuple[date | None, date | None], new: tuple[date | None, date | None], day: date | None
) -> None:
    commits, pays = (
        Grant(role, "city", None, *days)
        for role, days in ((Role.COMMITMENT_OFFICER, held), (Role.PAYMENT_OFFICER, new))
    )
    if day is None:
        accounts.check_duties([commits], pays, duties.RULES)
        return
    with pytest.raises(accounts.IncompatibleDuties) as refusal:
        accounts.check_duties([commits], pays, duties.RULES)
    assert refusal.value.facts["day"] == day


def test_a_rule_that_was_repealed_no_longer_counts() -> None:
    (rule,) = duties.read_rules(
        '[{"duties": ["drafter"], "with": ["reviewer"], "effective_from": "2020-01-01", "effective_to": "2024-12-31",'
        ' "legal_basis": "훈령", "sentence": "함께 맡지 않습니다."}]'
    )
    drafts, reviews = (Grant(role, "city", None, TODAY) for role in (Role.DRAFTER, Role.REVIEWER))
    accounts.check_duties([drafts], reviews, [rule])
    with pytest.raises(accounts.IncompatibleDuties):
        accounts.check_duties([Grant(Role.DRAFTER, "city")], Grant(Role.REVIEWER, "city"), [rule])


@pytest.mark.parametrize("id_", ["anonymous", "PORTAL", "import-drafter", "Import-x", "demo-1"])
def test_names_of_the_system_are_reserved(id_: str) -> None:
    with pytest.raises(accounts.ReservedId):
        accounts.check_account_id(id_)


@pytest.mark.parametrize("id_", ["hong", "importers", "administrator", "demonstrator", "city-import-1"])
def test_other_names_are_free(id_: str) -> None:
    accounts.check_account_id(id_)


def test_a_password_is_long_and_not_easy_to_guess() -> None:
    accounts.check_password("산불 없는 봄 2025", "hong")
    for password, refusal in (
        ("아홉 글자 암호임", accounts.PasswordTooShort),
        (" \t" * 5, accounts.PasswordBlank),
        ("1111111111", accounts.PasswordOfOneCharacter),
        ("hong-gil-dong", accounts.PasswordIsAccount),
    ):
        with pytest.raises(refusal):
            accounts.check_password(password, "Hong-Gil-Dong")


def test_the_regions_of_korea_are_on_file() -> None:
    rows = {row["id"]: row for row in read_regions(REGIONS)}
    provinces = [row["name"] for row in rows.values() if row["kind"] == "province"]
    assert (len(provinces), len(rows)) == (17, 24)
    assert rows["5200000000"] == {
        "id": "5200000000",
        "name": "전북특별자치도",
        "english_name": "Jeonbuk State",
        "kind": "province",
        "parent_id": None,
        "valid_from": "2024-01-18",
        "valid_to": None,
    }
    assert rows["4886000000"]["parent_id"] == "4800000000"


def test_a_file_of_regions_may_begin_with_the_mark_of_excel_and_name_known_parents() -> None:
    andong = "4717000000, 안동시 ,,city,4700000000,1963-01-01,"
    (row,) = read_regions(f"\ufeff{HEADER}\r\n{andong}\r\n\r\n", {"4700000000": RegionKind.PROVINCE})
    assert (row["name"], row["english_name"], row["valid_from"]) == ("안동시", None, "1963-01-01")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "the columns are code,name"),
        (f"{HEADER},note\n", 1, "the columns are code,name"),
        (f"{HEADER}\n{GYEONGBUK}\n{GYEONGBUK}\n", 3, "4700000000 is on line 2 already"),
        (f"{HEADER}\n{GYEONGBUK},\n", 2, "8 cells instead of 7"),
        (f"{HEADER}\n47,경상북도,,province,,,\n", 2, "'47' is no code of 10 digits"),
        (f"{HEADER}\n４７００００００００,경상북도,,province,,,\n", 2, "is no code of 10 digits"),
        (f"{HEADER}\ngroup-x,묶음,,group,,,\n", 2, "is no code of 10 digits"),
        (f"{HEADER}\n4700000000, ,,province,,,\n", 2, "the name is missing"),
        (f"{HEADER}\n4700000000,경상북도,,do,,,\n", 2, "the kind 'do' is none of province, city, county, district"),
        (f"{HEADER}\n4700000000,경상북도,,province,4800000000,,\n", 2, "there is no region above a province"),
        (f"{HEADER}\n{GYEONGBUK}\n4717000000,안동시,,city,,,\n", 3, "above a city is a registered province"),
        (f"{HEADER}\n{GYEONGBUK}\n4717000000,안동시,,city,북,,\n", 3, "'북' is no code of 10 digits"),
        (f"{HEADER}\n4717000000,안동시,,city,4700000000,,\n", 2, "not 4700000000"),
        (f"{HEADER}\n{GYEONGBUK}\n4886000000,산청군,,county,4700000000,,\n", 3, "with the same first two digits"),
        (f"{HEADER}\n4700000000,경상북도,,province,,2025-02-30,\n", 2, "'2025-02-30' is no day"),
        (f"{HEADER}\n4700000000,경상북도,,province,,20250101,\n", 2, "'20250101' is no day"),
        (f"{HEADER}\n4700000000,경상북도,,province,,2025-01-02,2025-01-01\n", 2, "before it began on 2025-01-02"),
        (f'{HEADER}\n{GYEONGBUK}\n"4717000000,안동시,,city,,,\n', 3, "no CSV"),
    ],
)
def test_a_file_of_regions_that_cannot_be_read_names_the_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(RegionsFileUnreadable) as refusal:
        read_regions(text)
    assert refusal.value.facts["line"] == line
    assert reason in refusal.value.sentence("en")
    assert refusal.value.sentence("ko").startswith(f"{line}행: ")


@pytest.mark.parametrize("on", [date(2023, 6, 10), date(2026, 7, 1)])
def test_a_region_is_one_from_its_first_day_to_its_last(on: date) -> None:
    gangwon = ("5100000000", date(2023, 6, 11), date(2026, 6, 30))
    for day in gangwon[1:]:
        places.check_in_force(*gangwon, day)
    places.check_in_force("4700000000", None, None, on)
    with pytest.raises(places.RegionNotInForce):
        places.check_in_force(*gangwon, on)


def test_what_rests_on_a_fact_may_share_its_day_but_not_come_before_it() -> None:
    check_date_order(date(2025, 3, 22), date(2025, 3, 22))
    with pytest.raises(DatesOutOfOrder):
        check_date_order(date(2025, 3, 21), date(2025, 3, 22))


class Facts(dict[str, str]):
    """Any fact a sentence may ask for."""

    def __missing__(self, name: str) -> str:
        return f"<{name}>"


@pytest.mark.parametrize("refusal", PROBLEMS, ids=lambda refusal: refusal.__name__)
def test_every_refusal_has_both_sentences(refusal: type[Refusal]) -> None:
    assert refusal.english.format_map(Facts()).isascii()
    assert not refusal.korean.format_map(Facts()).isascii()
