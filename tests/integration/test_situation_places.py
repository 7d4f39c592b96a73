"""Regions by their administrative codes, groups of them and sites, over HTTP on both databases."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.situation.domain.regions_file import read_regions
from shared.auth import Role
from shared.config import Settings
from tests.integration.situation_office import (
    ADMINISTRATOR,
    AFFECTED,
    ANDONG,
    GROUP,
    GYEONGBUK,
    GYEONGNAM,
    IMPORTER,
    REGIONS,
    SANCHEONG,
    UISEONG,
    Office,
    open_office,
)
from tests.support import FixedClock

COORDINATOR, AUDITOR = Role.COORDINATOR, Role.AUDITOR
MOKPO = {"id": "4611000000", "name": "목포시", "english_name": "Mokpo-si", "kind": "city", "parent_id": "4600000000"}
GYM = {"id": "gym", "region_id": ANDONG, "name": "안동체육관", "english_name": "Andong Gymnasium", "kind": "shelter"}

UNFIT_REGIONS: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({**MOKPO, "id": "46110"}, (422, "unprocessable-entity")),
    ({**MOKPO, "kind": "planet"}, (422, "unprocessable-entity")),
    ({**MOKPO, "kind": "group"}, (422, "region-unfit")),
    ({**GROUP, "id": "group-other", "kind": "city"}, (422, "region-unfit")),
    ({**GROUP, "id": "group-other", "member_ids": []}, (422, "region-unfit")),
    ({**GROUP, "id": "group-other", "member_ids": [GROUP["id"]]}, (422, "region-unfit")),
    ({**GROUP, "id": "group-other", "member_ids": ["4611000000"]}, (422, "region-unfit")),
    ({**MOKPO, "member_ids": [ANDONG]}, (422, "region-unfit")),
    ({**MOKPO, "parent_id": None}, (422, "region-unfit")),
    ({**MOKPO, "parent_id": "4699900000"}, (422, "region-unfit")),
    ({**MOKPO, "parent_id": GYEONGBUK}, (422, "region-unfit")),
    ({**MOKPO, "parent_id": ANDONG}, (422, "region-unfit")),
    ({**MOKPO, "valid_from": "2025-01-02", "valid_to": "2025-01-01"}, (422, "region-unfit")),
    ({**MOKPO, "name": "목포\u200b시"}, (422, "unprocessable-entity")),
    ({**MOKPO, "id": ANDONG, "parent_id": GYEONGBUK}, (409, "already-exists")),
]
UNFIT_SITES: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"region_id": "4611000000"}, (404, "not-found")),
    ({"region_id": "안동"}, (422, "unprocessable-entity")),
    ({"region_id": GROUP["id"]}, (422, "region-is-group")),
    ({"body_id": "nobody"}, (404, "not-found")),
    ({"kind": "moon"}, (422, "unprocessable-entity")),
    ({"effective_date": "2025-03-01"}, (422, "effective-date-not-allowed")),
]


@pytest.fixture
def office(settings: Settings, clock: FixedClock) -> Iterator[Office]:
    with open_office(settings, clock) as opened:
        yield opened.with_regions()


def ids(page: Any) -> list[str]:
    return [row["id"] for row in page["items"]]


def test_everybody_finds_the_provinces_and_what_is_in_them(office: Office) -> None:
    assert len(office.shown("/regions?kind=province")["items"]) == 17
    assert ids(office.shown(f"/regions?parent_id={GYEONGNAM}")) == [SANCHEONG, "4885000000"]
    assert ids(office.shown("/regions?kind=city")) == [ANDONG]
    gangwon = office.shown("/regions/5100000000")
    assert (gangwon["name"], gangwon["english_name"]) == ("강원특별자치도", "Gangwon State")
    assert (gangwon["valid_from"], gangwon["valid_to"], gangwon["member_ids"]) == ("2023-06-11", None, [])
    assert office.get("/regions/9900000000").status_code == 404
    assert office.get("/regions?kind=planet").status_code == 422


def test_a_group_names_its_members(office: Office) -> None:
    assert office.shown(f"/regions/{GROUP['id']}")["member_ids"] == sorted(AFFECTED)
    told = office.facts("region_registered")[-1][1]
    assert (told["kind"], told["member_ids"], told["english_name"]) == (
        "group",
        sorted(AFFECTED),
        GROUP["english_name"],
    )


def test_a_file_of_regions_counts_once(office: Office) -> None:
    rows = read_regions(REGIONS)
    before = len(office.published())
    again = office.done("/region-imports", {"rows": [*rows, MOKPO, MOKPO]})
    assert again == {"registered": ["4611000000"], "unchanged": len(rows) + 1}
    assert len(office.published()) == before + 1
    assert office.facts("region_registered")[-1][1] == {
        "region_id": "4611000000",
        "name": "목포시",
        "english_name": "Mokpo-si",
        "kind": "city",
        "parent_id": "4600000000",
        "valid_from": None,
        "valid_to": None,
        "member_ids": [],
    }


def test_a_row_that_differs_from_what_is_registered_is_refused_with_its_code(office: Office) -> None:
    row = {**MOKPO, "id": ANDONG, "name": "안동", "parent_id": GYEONGBUK}
    answer = office.post("/region-imports", {"rows": [MOKPO, row]}, ADMINISTRATOR)
    assert (answer.status_code, answer.json["type"]) == (409, "urn:dure:problem:region-differs")
    assert (answer.json["id"], answer.json["field"], answer.json["registered"]) == (ANDONG, "name", "안동시")
    assert office.get("/regions/4611000000").status_code == 404  # all rows or none
    renamed_group = {**GROUP, "member_ids": [ANDONG]}
    assert office.refused("/region-imports", {"rows": [renamed_group]}) == (409, "region-differs")


def test_a_region_that_cannot_be_is_refused(office: Office) -> None:
    refused = [office.refused("/regions", row) for row, _ in UNFIT_REGIONS]
    assert refused == [refusal for _, refusal in UNFIT_REGIONS]


def test_a_region_is_renamed_from_a_day_on_and_again_if_that_was_wrong(office: Office) -> None:
    names = f"/regions/{ANDONG}/names"
    wrong = office.done(names, {"name": "안동특례시", "effective_date": "2025-04-01"}, IMPORTER, version=1)
    assert (wrong["name"], wrong["english_name"], wrong["version"], wrong["named_on"]) == (
        "안동특례시",
        None,
        2,
        "2025-04-01",
    )
    assert office.refused(names, {"name": "안동시"}, version=1) == (412, "stale-version")
    right = {"name": "안동시", "english_name": "Andong-si", "effective_date": "2025-04-01"}
    office.done(names, right, version=2)
    assert office.facts("region_renamed") == [
        ("2025-04-01", {"region_id": ANDONG, "name": "안동특례시", "english_name": None}),
        ("2025-04-01", {"region_id": ANDONG, "name": "안동시", "english_name": "Andong-si"}),
    ]
    early = {"name": "안동군", "effective_date": "2025-03-31"}
    assert office.refused(names, early, version=3) == (422, "dates-out-of-order")
    tomorrow = {"name": "안동군", "effective_date": "2025-04-12"}
    assert office.refused(names, tomorrow, version=3) == (422, "effective-date-not-allowed")
    assert office.refused(names, right, COORDINATOR, version=3) == (403, "role-missing")


def test_a_region_that_was_registered_wrongly_is_put_right(office: Office) -> None:
    office.done("/regions", {**MOKPO, "kind": "county", "valid_from": "1949-08-15"})
    right = {"kind": "city", "parent_id": "4600000000", "reason": "시를 군으로 잘못 등록"}
    corrected = office.done("/regions/4611000000/corrections", right, version=1)
    assert (corrected["kind"], corrected["valid_from"], corrected["version"]) == ("city", None, 2)
    told = office.facts("region_corrected")[0][1]
    assert (told["kind"], told["valid_from"], told["reason"]) == ("city", None, "시를 군으로 잘못 등록")
    fewer = {"kind": "group", "member_ids": [ANDONG, UISEONG], "reason": "피해 시·군을 잘못 묶음"}
    assert office.done(f"/regions/{GROUP['id']}/corrections", fewer, version=1)["member_ids"] == [ANDONG, UISEONG]
    assert office.shown(f"/regions/{GROUP['id']}")["member_ids"] == [ANDONG, UISEONG]
    assert office.refused(f"/regions/{GROUP['id']}/corrections", fewer, IMPORTER, version=2) == (403, "role-missing")


def test_a_region_that_was_merged_ends_and_its_end_can_be_taken_back(office: Office) -> None:
    end = f"/regions/{UISEONG}/end"
    ended = office.done(end, {"valid_to": "2025-04-10"}, version=1)
    assert (ended["valid_to"], ended["version"]) == ("2025-04-10", 2)
    assert office.facts("region_ended") == [("2025-04-11", {"region_id": UISEONG, "valid_to": "2025-04-10"})]
    site = {**GYM, "id": "hall", "region_id": UISEONG}
    assert office.refused("/sites", site) == (422, "region-not-in-force")
    assert office.refused(end, {"valid_to": "2025-04-10"}, version=1) == (412, "stale-version")
    again = {"kind": "county", "parent_id": GYEONGBUK, "reason": "합치지 않기로 함"}
    assert office.done(f"/regions/{UISEONG}/corrections", again, version=2)["valid_to"] is None
    office.done("/sites", site)
    too_early = office.post("/regions/5100000000/end", {"valid_to": "2023-06-10"}, ADMINISTRATOR, version=1)
    assert (too_early.status_code, too_early.json["valid_from"]) == (422, "2023-06-11")


def test_everybody_finds_the_sites_of_a_region(office: Office) -> None:
    site = office.done("/sites", GYM, COORDINATOR)
    assert (site["version"], site["body_id"], site["late"]) == (1, None, False)
    office.done("/sites", {**GYM, "id": "depot", "kind": "depot", "region_id": UISEONG}, IMPORTER)
    assert ids(office.shown("/sites")) == ["gym", "depot"]
    assert ids(office.shown(f"/sites?region_id={ANDONG}")) == ["gym"]
    assert ids(office.shown("/sites?kind=depot")) == ["depot"]
    assert ids(office.shown(f"/sites?region_id={SANCHEONG}")) == []
    assert office.facts("site_registered")[0] == (
        "2025-04-11",
        {
            "site_id": "gym",
            "region_id": ANDONG,
            "name": "안동체육관",
            "english_name": "Andong Gymnasium",
            "kind": "shelter",
            "body_id": None,
        },
    )


def test_a_site_that_cannot_be_is_refused(office: Office) -> None:
    refused = [office.refused("/sites", GYM | changed, COORDINATOR) for changed, _ in UNFIT_SITES]
    assert refused == [refusal for _, refusal in UNFIT_SITES]


def test_only_who_works_in_the_field_or_keeps_master_data_registers_sites(office: Office) -> None:
    assert office.post("/sites", GYM).status_code == 401
    for role in set(Role) - {ADMINISTRATOR, COORDINATOR, IMPORTER}:
        assert office.refused("/sites", GYM, role) == (403, "role-missing")


def test_a_site_opened_before_it_was_registered_is_shown_as_late(office: Office) -> None:
    site = office.done("/sites", {**GYM, "effective_date": "2025-03-25"}, COORDINATOR)
    assert (site["effective_date"], site["late"]) == ("2025-03-25", True)


def test_a_site_is_renamed_and_put_right(office: Office) -> None:
    office.with_bodies().done("/sites", GYM, COORDINATOR)
    named = office.done("/sites/gym/names", {"name": "안동실내체육관"}, COORDINATOR, version=1)
    assert (named["name"], named["english_name"]) == ("안동실내체육관", None)
    assert office.facts("site_renamed")[0][1] == {"site_id": "gym", "name": "안동실내체육관", "english_name": None}
    right = {"region_id": UISEONG, "kind": "depot", "body_id": "red-cross", "reason": "다른 체육관이었음"}
    corrected = office.done("/sites/gym/corrections", right, COORDINATOR, version=2)
    assert (corrected["region_id"], corrected["kind"], corrected["body_id"]) == (UISEONG, "depot", "red-cross")
    assert office.facts("site_corrected")[0][1] == {"site_id": "gym", **right}
    assert office.refused("/sites/gym/corrections", right, COORDINATOR, version=2) == (412, "stale-version")
    assert office.refused("/sites/gym/corrections", right, AUDITOR, version=3) == (403, "role-missing")


def test_an_import_is_not_larger_than_it_can_be_checked(office: Office) -> None:
    rows = [{**MOKPO, "id": f"46{number:08}"} for number in range(1, 1002)]
    assert office.refused("/region-imports", {"rows": rows}) == (422, "unprocessable-entity")
    assert office.refused("/region-imports", {"rows": []}) == (422, "unprocessable-entity")
    assert len(office.done("/region-imports", {"rows": rows[:1000]})["registered"]) == 1000
