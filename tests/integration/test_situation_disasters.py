"""Disasters, their task forces, contacts and the log, over HTTP on both databases."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from services.situation import permissions
from services.situation.app import create_app
from shared.auth import Role
from shared.config import Settings
from tests.integration.situation_office import (
    ADMINISTRATOR,
    AFFECTED,
    ANDONG,
    GROUP,
    IMPORTER,
    SANCHEONG,
    UISEONG,
    WILDFIRE,
    Office,
    open_office,
)
from tests.support import FixedClock

COORDINATOR, MANAGER, AUDITOR = Role.COORDINATOR, Role.VOLUNTEER_MANAGER, Role.AUDITOR
DISASTER = "/disasters/yeongnam"
ZONE = {
    "basis_kind": "special_disaster_zone",
    "basis_reference": "대통령 공고 제350호",
    "basis_date": "2025-03-27",
}
HEAD = {"body_id": "city", "duty": "head", "section": "재난총괄", "name": "가나다", "phone": "000-0000-0000"}

UNFIT_DISASTERS: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"began_on": "2025-04-12"}, (422, "dates-out-of-order")),
    ({"region_ids": ["4611000000"]}, (404, "not-found")),
    ({"region_ids": ["안동"]}, (422, "unprocessable-entity")),
    (
        {"region_ids": ["5200000000"], "began_on": "2022-01-01", "effective_date": "2022-01-01"},
        (422, "region-not-in-force"),
    ),
    ({"basis_kind": "other"}, (422, "basis-incomplete")),
    ({**ZONE, "basis_date": None}, (422, "basis-incomplete")),
    ({**ZONE, "basis_kind": "rumour"}, (422, "unprocessable-entity")),
    ({"effective_date": "2009-12-31", "began_on": "2009-12-31"}, (422, "effective-date-not-allowed")),
    ({"id": "yeongnam"}, (409, "already-exists")),
]


@pytest.fixture
def office(settings: Settings, clock: FixedClock) -> Iterator[Office]:
    with open_office(settings, clock) as opened:
        yield opened.with_regions().with_bodies().with_disaster()


def test_everybody_reads_where_a_disaster_is_and_how_far(office: Office) -> None:
    shown = office.shown(DISASTER)
    assert (shown["name"], shown["english_name"], shown["stage"]) == ("2025 영남 산불", None, "suppression")
    assert [(stage["stage"], stage["effective_date"]) for stage in shown["stages"]] == [("suppression", "2025-03-22")]
    assert (shown["region_ids"], shown["bodies"], shown["basis_kind"]) == ([], [], None)
    assert [row["region_ids"] for row in office.shown("/disasters")["items"]] == [[]]
    assert "recorded_by" not in office.get(DISASTER).text


def test_a_disaster_is_opened_with_its_regions_and_its_basis(office: Office) -> None:
    fire = {
        **WILDFIRE,
        "id": "second",
        "english_name": "2025 Yeongnam wildfires",
        "region_ids": [GROUP["id"], UISEONG, UISEONG],
        **ZONE,
    }
    opened = office.done("/disasters", {**fire, "effective_date": "2025-03-22"}, IMPORTER)
    assert opened["region_ids"] == [UISEONG, GROUP["id"]]
    assert office.facts("disaster_opened")[-1] == (
        "2025-03-22",
        {
            "disaster_id": "second",
            "name": "2025 영남 산불",
            "english_name": "2025 Yeongnam wildfires",
            "kind": "wildfire",
            "began_on": "2025-03-22",
            "region_ids": [UISEONG, GROUP["id"]],
            **ZONE,
        },
    )


def test_a_disaster_that_cannot_be_is_refused(office: Office) -> None:
    refused = [
        office.refused("/disasters", {**WILDFIRE, "id": "second", **changed}, IMPORTER)
        for changed, _ in UNFIT_DISASTERS
    ]
    assert refused == [refusal for _, refusal in UNFIT_DISASTERS]


def test_stages_advance_and_keep_their_history(office: Office) -> None:
    recovery = {"stage": "recovery", "effective_date": "2025-04-07", "note": "진화 완료"}
    answer = office.post(f"{DISASTER}/stages", recovery, ADMINISTRATOR, version=1)
    assert (answer.status_code, answer.json["stage"], answer.headers["ETag"]) == (201, "recovery", '"2"')
    back = office.post(f"{DISASTER}/stages", {"stage": "suppression"}, ADMINISTRATOR, version=2)
    assert (back.status_code, back.json["current"], back.json["requested"]) == (409, "recovery", "suppression")
    assert [(stage["stage"], stage["effective_date"], stage["late"]) for stage in office.shown(DISASTER)["stages"]] == [
        ("suppression", "2025-03-22", True),
        ("recovery", "2025-04-07", True),
    ]
    told = office.published()[-1]
    assert (told.type, told.aggregate_version) == ("situation.disaster_stage_changed.v1", 2)
    assert (told.account, told.body_id) == ("x", "city")
    assert office.facts("disaster_stage_changed") == [("2025-04-07", {"disaster_id": "yeongnam", "stage": "recovery"})]


def test_a_stage_is_dated_back_a_month_and_never_before_the_one_it_follows(office: Office) -> None:
    def stage(day: str, *roles: Role) -> tuple[int, str]:
        return office.refused(f"{DISASTER}/stages", {"stage": "recovery", "effective_date": day}, *roles, version=1)

    assert stage("2025-03-21", IMPORTER) == (422, "dates-out-of-order")
    assert stage("2025-03-11") == (422, "effective-date-not-allowed")
    assert stage("2025-04-12") == (422, "effective-date-not-allowed")
    assert stage("2025-04-01", COORDINATOR) == (403, "role-missing")


def test_two_administrators_advance_a_disaster_once(office: Office) -> None:
    stages = [
        office.post(f"{DISASTER}/stages", {"stage": stage}, ADMINISTRATOR, version=1).status_code
        for stage in ("recovery", "livelihood")
    ]
    assert stages == [201, 412]


def test_a_stage_recorded_by_mistake_is_put_right_with_a_reason(office: Office) -> None:
    stages, corrections = f"{DISASTER}/stages", f"{DISASTER}/stages/corrections"
    office.done(stages, {"stage": "recovery", "effective_date": "2025-04-04"}, version=1)
    office.done(stages, {"stage": "livelihood", "effective_date": "2025-04-11"}, version=2)
    same = {"stage": "livelihood", "reason": "잘못 누름"}
    assert office.refused(corrections, same, version=3) == (409, "nothing-to-correct")
    right = {"stage": "recovery", "reason": "잘못 누름"}
    assert office.refused(corrections, {"stage": "recovery"}, version=3) == (422, "unprocessable-entity")
    assert office.refused(corrections, right, version=2) == (412, "stale-version")
    assert office.refused(corrections, right, IMPORTER, version=3) == (403, "role-missing")
    put_right = office.done(corrections, right, version=3)
    assert (put_right["stage"], put_right["stage_effective_date"]) == ("recovery", "2025-04-04")
    assert [(row["stage"], row["note"], row["is_correction"]) for row in put_right["stages"]][-1] == (
        "recovery",
        "잘못 누름",
        True,
    )
    fact = {"disaster_id": "yeongnam", "stage": "recovery", "reason": "잘못 누름"}
    assert office.facts("disaster_stage_corrected") == [("2025-04-11", fact)]
    office.later(days=1)
    assert office.done(stages, {"stage": "livelihood"}, version=4)["stage_effective_date"] == "2025-04-12"


def test_the_basis_is_stated_restated_and_taken_back(office: Office) -> None:
    basis = f"{DISASTER}/basis"
    stated = office.done(basis, {**ZONE, "effective_date": "2025-03-27"}, IMPORTER, version=1)
    assert {name: stated[name] for name in ZONE} == ZONE
    assert office.refused(basis, {"basis_kind": "other"}, version=2) == (422, "basis-incomplete")
    assert office.refused(basis, ZONE, version=1) == (412, "stale-version")
    assert office.refused(basis, ZONE, COORDINATOR, version=2) == (403, "role-missing")
    assert office.done(basis, {}, version=2)["basis_kind"] is None
    nothing = dict.fromkeys(ZONE)
    assert office.facts("disaster_basis_stated") == [
        ("2025-03-27", {"disaster_id": "yeongnam", **ZONE}),
        ("2025-04-11", {"disaster_id": "yeongnam", **nothing}),
    ]


def test_the_affected_regions_are_given_as_a_whole_from_a_day_on(office: Office) -> None:
    regions = f"{DISASTER}/regions"
    office.done(regions, {"region_ids": [SANCHEONG], "effective_date": "2025-03-22"}, IMPORTER, version=1)
    grown = office.done(regions, {"region_ids": AFFECTED, "effective_date": "2025-03-25"}, version=2)
    assert (grown["region_ids"], grown["regions_effective_date"]) == (sorted(AFFECTED), "2025-03-25")
    assert [row["region_ids"] for row in office.shown("/disasters")["items"]] == [sorted(AFFECTED)]
    early = {"region_ids": [ANDONG], "effective_date": "2025-03-24"}
    assert office.refused(regions, early, version=3) == (422, "dates-out-of-order")
    assert office.refused(regions, {"region_ids": ["4611000000"]}, version=3) == (404, "not-found")
    assert office.done(regions, {"region_ids": []}, version=3)["region_ids"] == []
    assert [(day, fact["region_ids"]) for day, fact in office.facts("disaster_regions_changed")] == [
        ("2025-03-22", [SANCHEONG]),
        ("2025-03-25", sorted(AFFECTED)),
        ("2025-04-11", []),
    ]


def test_a_disaster_is_renamed_and_put_right(office: Office) -> None:
    names = {"name": "2025년 영남권 대형 산불", "english_name": "2025 Yeongnam wildfires"}
    renamed = office.done(f"{DISASTER}/names", {**names, "effective_date": "2025-04-01"}, version=1)
    assert (renamed["name"], renamed["english_name"], renamed["named_on"]) == (*names.values(), "2025-04-01")
    assert office.facts("disaster_renamed") == [("2025-04-01", {"disaster_id": "yeongnam", **names})]
    right = {"kind": "forest_fire", "began_on": "2025-03-21", "reason": "산청은 21일에 시작"}
    corrected = office.done(f"{DISASTER}/corrections", right, version=2)
    assert (corrected["kind"], corrected["began_on"]) == ("forest_fire", "2025-03-21")
    assert office.facts("disaster_corrected")[0][1] == {"disaster_id": "yeongnam", **right}
    late = {**right, "began_on": "2025-03-23"}
    assert office.refused(f"{DISASTER}/corrections", late, version=3) == (422, "dates-out-of-order")


def test_a_task_force_is_shown_with_the_disaster_to_everybody(office: Office) -> None:
    bodies = f"{DISASTER}/bodies"
    for version, body in enumerate(("city", "districts", "volunteer-centre", "red-cross"), start=1):
        office.done(bodies, {"body_id": body, "first_day": "2025-03-22"}, IMPORTER, version=version)
    shown = office.shown(DISASTER)["bodies"]
    assert [(row["body_id"], row["first_day"], row["last_day"], row["late"]) for row in shown] == [
        ("city", "2025-03-22", None, True),
        ("districts", "2025-03-22", None, True),
        ("volunteer-centre", "2025-03-22", None, True),
        ("red-cross", "2025-03-22", None, True),
    ]
    assert (shown[3]["name"], shown[3]["english_name"]) == ("대한적십자사 시지사", "Korean Red Cross")
    fact = {"disaster_id": "yeongnam", "body_id": "city", "first_day": "2025-03-22", "last_day": None}
    assert office.facts("task_force_joined")[0] == ("2025-03-22", fact)
    assert office.refused(bodies, {"body_id": "city"}, version=5) == (409, "already-in-task-force")
    assert office.refused(bodies, {"body_id": "nobody"}, version=5) == (404, "not-found")
    assert office.refused(bodies, {"body_id": "city"}, version=4) == (412, "stale-version")
    assert office.refused(bodies, {"body_id": "city"}, COORDINATOR, version=5) == (403, "role-missing")


def test_a_body_leaves_a_task_force_comes_back_and_a_wrong_day_is_put_right(office: Office) -> None:
    bodies, end = f"{DISASTER}/bodies", f"{DISASTER}/bodies/red-cross/end"
    assert office.refused(end, {}, version=1) == (404, "not-found")
    office.done(bodies, {"body_id": "red-cross", "first_day": "2025-03-22"}, version=1)
    assert office.refused(end, {"last_day": "2025-03-21"}, version=2) == (422, "dates-out-of-order")
    office.done(end, {"last_day": "2025-04-01"}, version=2)
    left = office.done(end, {"last_day": "2025-04-04"}, version=3)
    assert [row["last_day"] for row in left["bodies"]] == ["2025-04-04"]
    days = {"first_day": "2025-03-22", "last_day": "2025-04-04"}
    assert office.facts("task_force_left")[1] == (
        "2025-04-04",
        {"disaster_id": "yeongnam", "body_id": "red-cross", **days},
    )
    too_early = {"body_id": "red-cross", "first_day": "2025-04-04"}
    assert office.refused(bodies, too_early, version=4) == (409, "already-in-task-force")
    backwards = {"body_id": "red-cross", "first_day": "2025-04-11", "last_day": "2025-04-10"}
    assert office.refused(bodies, backwards, version=4) == (422, "dates-out-of-order")
    office.done(bodies, {"body_id": "red-cross", "last_day": "2025-06-30"}, version=4)
    assert office.done(end, {"last_day": "2025-12-31"}, version=5)["bodies"][1]["last_day"] == "2025-12-31"


def test_a_body_is_renamed_and_put_right(office: Office) -> None:
    named = office.done("/bodies/city/names", {"name": "광역시", "english_name": "City"}, version=1)
    assert (named["name"], named["version"]) == ("광역시", 2)
    assert office.facts("body_renamed")[0][1] == {"body_id": "city", "name": "광역시", "english_name": "City"}
    right = {"kind": "other", "region_id": "1100000000", "reason": "구분을 잘못 고름"}
    assert office.done("/bodies/city/corrections", right, version=2)["region_id"] == "1100000000"
    assert office.facts("body_corrected")[0][1] == {"body_id": "city", **right}
    in_group = {**right, "region_id": GROUP["id"]}
    assert office.refused("/bodies/city/corrections", in_group, version=3) == (422, "region-is-group")
    assert [row["id"] for row in office.shown("/bodies")["items"]] == [
        "city",
        "districts",
        "volunteer-centre",
        "red-cross",
    ]
    assert office.facts("body_registered")[3] == (
        "2025-03-22",
        {
            "body_id": "red-cross",
            "name": "대한적십자사 시지사",
            "english_name": "Korean Red Cross",
            "kind": "red_cross",
            "region_id": None,
        },
    )


def test_contacts_are_found_by_duty_and_by_the_day_they_are_responsible(office: Office) -> None:
    office.done("/contacts", {**HEAD, "id": "old", "first_day": "2025-03-22", "last_day": "2025-04-05"})
    office.done("/contacts", {**HEAD, "id": "new", "first_day": "2025-04-06"}, IMPORTER)
    office.done("/contacts", {**HEAD, "id": "officer", "duty": "officer"})

    def found(query: str) -> list[str]:
        return [row["id"] for row in office.shown(f"/contacts?{query}", MANAGER)["items"]]

    assert found("body_id=city") == ["old", "new", "officer"]
    assert (found("duty=head&on=2025-04-05"), found("duty=head&on=2025-04-06")) == (["old"], ["new"])
    assert found("body_id=red-cross") == []
    assert office.get("/contacts").status_code == 401
    assert office.get("/contacts", Role.DRAFTER).status_code == 403


def test_a_contact_ends_and_a_wrong_last_day_is_put_right(office: Office) -> None:
    office.done("/contacts", {**HEAD, "id": "head", "first_day": "2025-03-22"})
    end = "/contacts/head/end"
    assert office.refused(end, {"last_day": "2025-03-21"}, version=1) == (422, "dates-out-of-order")
    assert office.done(end, {"last_day": "2025-04-10"}, version=1)["last_day"] == "2025-04-10"
    assert office.refused(end, {}, version=1) == (412, "stale-version")
    assert office.done(end, {}, version=2)["last_day"] == "2025-04-11"
    assert office.facts("contact_ended")[1] == ("2025-04-11", {"contact_id": "head", "last_day": "2025-04-11"})
    backwards = {**HEAD, "first_day": "2025-04-11", "last_day": "2025-04-10"}
    assert office.refused("/contacts", backwards) == (422, "dates-out-of-order")
    assert office.refused("/contacts", {**HEAD, "body_id": "nobody"}) == (404, "not-found")


def test_no_event_names_a_person(office: Office) -> None:
    office.done("/contacts", {**HEAD, "id": "head"})
    office.done("/log-entries", {"disaster_id": "yeongnam", "text": "가나다 과장 현장 도착"}, COORDINATOR)
    assert office.facts("contact_registered")[0][1] == {
        "contact_id": "head",
        "body_id": "city",
        "duty": "head",
        "section": "재난총괄",
        "first_day": "2025-04-11",
        "last_day": None,
    }
    written = b"".join(event.to_bytes() for event in office.published()).decode()
    assert not [personal for personal in ("가나다", "000-0000", "현장 도착") if personal in written]


def test_the_log_is_read_by_range_of_days(office: Office) -> None:
    for day, text in (
        ("2025-03-22", "상황실 가동"),
        ("2025-03-25", "대피 명령\n의성 → 안동"),
        ("2025-04-07", "진화 완료"),
    ):
        entry = {"disaster_id": "yeongnam", "text": text, "effective_date": day}
        office.done("/log-entries", entry, IMPORTER, account="i1")
    found = office.shown("/log-entries?disaster_id=yeongnam&first_day=2025-03-23&last_day=2025-03-31", AUDITOR)
    assert [(row["text"], row["recorded_by"], row["body_id"], row["late"]) for row in found["items"]] == [
        ("대피 명령\n의성 → 안동", "i1", "city", True)
    ]
    assert office.get("/log-entries").status_code == 401


def test_an_entry_is_corrected_by_a_further_entry_that_names_it(office: Office) -> None:
    entry = {"disaster_id": "yeongnam", "text": "대피 인원 37명"}
    office.done("/log-entries", {**entry, "id": "first"}, COORDINATOR, body="districts")
    right = {"disaster_id": "yeongnam", "text": "대피 인원 370명", "corrects_id": "first", "id": "second"}
    assert office.done("/log-entries", right, MANAGER)["corrects_id"] == "first"
    told = office.published()[-2:]
    assert [event.body_id for event in told] == ["districts", "city"]
    assert office.facts("log_entry_written")[1][1] == {
        "log_entry_id": "second",
        "disaster_id": "yeongnam",
        "corrects_id": "first",
    }
    office.done("/disasters", {**WILDFIRE, "id": "second"})
    elsewhere = {**right, "id": "third", "disaster_id": "second"}
    assert office.refused("/log-entries", elsewhere, MANAGER) == (404, "not-found")


def test_the_log_is_written_within_a_week_by_whoever_acts_in_the_disaster(office: Office) -> None:
    entry = {"disaster_id": "yeongnam", "text": "상황실 가동"}
    assert office.done("/log-entries", {**entry, "effective_date": "2025-04-04"}, COORDINATOR)["late"]
    early = {**entry, "effective_date": "2025-04-03"}
    assert office.refused("/log-entries", early, COORDINATOR) == (422, "effective-date-not-allowed")
    assert office.refused("/log-entries", entry, AUDITOR) == (403, "role-missing")
    assert office.refused("/log-entries", entry, COORDINATOR, disaster="other") == (403, "other-disaster")
    office.done("/log-entries", entry, COORDINATOR, disaster="yeongnam")
    assert office.refused("/log-entries", entry, COORDINATOR, acting_body="red-cross") == (403, "other-body")
    assert office.refused("/log-entries", {**entry, "disaster_id": "other"}, COORDINATOR) == (404, "not-found")


def test_the_database_itself_keeps_what_was_written(office: Office) -> None:
    office.done("/log-entries", {"disaster_id": "yeongnam", "text": "상황실 가동"}, COORDINATOR)
    office.done(f"{DISASTER}/regions", {"region_ids": [GROUP["id"]]}, version=1)
    for table in ("log_entries", "disaster_stages", "disaster_regions", "region_members"):
        for statement in (f"UPDATE {table} SET number = -number", f"DELETE FROM {table}"):
            with pytest.raises(sa.exc.DBAPIError, match="append-only"), office.database.write() as tx:
                tx.exec_driver_sql(statement)


def test_every_operation_is_permitted_to_somebody_and_every_permission_is_used(settings: Settings) -> None:
    app = create_app(settings)
    blueprints: list[Any] = list(app.blueprints.values())
    operations = [operation.name for blueprint in blueprints for operation in getattr(blueprint, "operations", [])]
    assert sorted(operations) == sorted(permissions.PERMISSIONS)
    dated = {name for rule in permissions.DATING.rules for name in rule["operations"]}
    assert dated <= set(operations)
    app.extensions["dure"].database.close()
