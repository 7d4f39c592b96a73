"""situation over HTTP on both databases: accounts, signing in, disasters and what belongs to them."""

import json
import time
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from services.situation import store
from services.situation.api import tokens
from services.situation.app import create_app
from shared.auth import Role, read_token
from shared.clock import parse_utc
from shared.config import Settings
from shared.events import Event
from shared.http import EXTENSION, Service
from tests.support import Caller, FixedClock

ADMINISTRATOR, COORDINATOR, AUDITOR, IMPORTER = Role.ADMINISTRATOR, Role.COORDINATOR, Role.AUDITOR, Role.IMPORTER
PASSWORD = "산불 없는 봄 2025"
OFFICER = {"id": "officer-1", "display_name": "재무관", "password": PASSWORD, "roles": ["commitment_officer"]}
WILDFIRE = {"id": "yeongnam", "name": "2025 영남 산불", "kind": "wildfire", "began_on": "2025-03-22"}


@pytest.fixture
def app(settings: Settings, clock: FixedClock) -> Iterator[Flask]:
    app = create_app(settings, clock)
    yield app
    service_of(app).database.close()


@pytest.fixture
def situation(app: Flask, settings: Settings, clock: FixedClock) -> Caller:
    return Caller(app, "situation", settings, clock)


@pytest.fixture
def disaster(situation: Caller) -> Caller:
    """One disaster is open."""
    answer = situation.post("/disasters", {**WILDFIRE, "effective_date": "2025-03-22"}, ADMINISTRATOR, IMPORTER)
    assert answer.status_code == 201, answer.text
    return situation


def service_of(app: Flask) -> Service:
    service: Service = app.extensions[EXTENSION]
    return service


def published(app: Flask) -> list[Event]:
    with service_of(app).database.read() as tx:
        rows = tx.execute(sa.select(store.outbox.c.body).order_by(store.outbox.c.id))
        return [Event.from_bytes(bytes(row.body)) for row in rows]


def sign_in(situation: Caller, account: str, password: str) -> Any:
    return situation.client.post(f"{situation.prefix}/tokens", json={"account": account, "password": password})


def test_a_password_is_exchanged_for_a_token_every_service_can_read(
    situation: Caller, settings: Settings, clock: FixedClock
) -> None:
    assert situation.post("/accounts", OFFICER, ADMINISTRATOR).status_code == 201
    answer = sign_in(situation, "officer-1", PASSWORD)
    assert answer.status_code == 201
    assert (answer.json["account"], answer.json["display_name"]) == ("officer-1", "재무관")
    assert (answer.json["roles"], answer.json["body_id"]) == (["commitment_officer"], None)
    assert parse_utc(answer.json["expires_at"]) == clock.now() + timedelta(hours=12)
    actor = read_token(answer.json["token"], secret=settings.secret, now=clock.now())
    assert (actor.id, sorted(actor.roles)) == ("officer-1", ["commitment_officer"])


def test_a_password_typed_in_decomposed_hangul_is_the_same_password(situation: Caller) -> None:
    situation.post("/accounts", OFFICER, ADMINISTRATOR)
    assert sign_in(situation, "officer-1", unicodedata.normalize("NFD", PASSWORD)).status_code == 201


def test_an_unknown_account_and_a_wrong_password_are_answered_alike(situation: Caller) -> None:
    situation.post("/accounts", OFFICER, ADMINISTRATOR)
    answers, seconds = [], []
    for account in ("officer-1", "nobody"):
        started = time.perf_counter()
        answers.append(sign_in(situation, account, "wrong"))
        seconds.append(time.perf_counter() - started)
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].data == answers[1].data
    assert answers[0].headers["WWW-Authenticate"] == answers[1].headers["WWW-Authenticate"]
    assert seconds[1] > seconds[0] / 3  # without the password check it would be a hundredth


def test_too_many_attempts_are_refused_with_the_time_to_wait(
    situation: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "ATTEMPTS_PER_WINDOW", 3)
    situation.post("/accounts", OFFICER, ADMINISTRATOR)
    assert [sign_in(situation, "officer-1", "wrong").status_code for _ in range(4)] == [401, 401, 401, 429]
    refused = sign_in(situation, "officer-1", PASSWORD)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert refused.json["retry_after_seconds"] == 60
    assert sign_in(situation, "officer-2", "wrong").status_code == 401


def test_a_form_post_is_not_mistaken_for_a_wrong_password(situation: Caller) -> None:
    form = {"account": "officer-1", "password": PASSWORD}
    assert situation.client.post(f"{situation.prefix}/tokens", data=form).status_code == 415


@pytest.mark.parametrize("password", ["short", "", "x" * 201, "broken \ud800 character", 1234567890])
def test_an_unusable_password_is_refused(situation: Caller, password: Any) -> None:
    headers = {
        "Idempotency-Key": "unusable",
        "Authorization": f"Bearer {situation.token(ADMINISTRATOR)}",
        "Content-Type": "application/json",
    }
    body = json.dumps({**OFFICER, "password": password})
    answer: Any = situation.client.post(f"{situation.prefix}/accounts", data=body, headers=headers)
    assert answer.status_code == 422
    assert "password" in answer.json["detail"]


def test_a_password_is_kept_only_as_a_salted_hash(app: Flask, situation: Caller) -> None:
    situation.post("/accounts", OFFICER, ADMINISTRATOR)
    situation.post("/accounts", {**OFFICER, "id": "officer-2"}, ADMINISTRATOR)
    with service_of(app).database.read() as tx:
        first, second = tx.execute(sa.select(store.accounts.c.password_hash)).scalars()
    assert first.startswith("scrypt:32768:8:1$")
    assert first != second
    listed = situation.get("/accounts", AUDITOR)
    assert [row["id"] for row in listed.json["items"]] == ["officer-1", "officer-2"]
    assert "scrypt" not in listed.text


def test_one_account_never_commits_and_pays(situation: Caller) -> None:
    both = {**OFFICER, "roles": ["payment_officer", "commitment_officer"]}
    refused = situation.post("/accounts", both, ADMINISTRATOR)
    assert (refused.status_code, refused.json["type"]) == (422, "urn:dure:problem:incompatible-duties")
    assert situation.get("/accounts", ADMINISTRATOR).json["items"] == []


def test_only_an_administrator_opens_accounts(situation: Caller) -> None:
    assert situation.post("/accounts", OFFICER).status_code == 401
    assert situation.post("/accounts", OFFICER, COORDINATOR, AUDITOR).status_code == 403
    assert situation.get("/accounts", COORDINATOR).status_code == 403


def test_an_account_loaded_twice_exists_once(situation: Caller) -> None:
    first = situation.post("/accounts", OFFICER, ADMINISTRATOR, key="demo-officer-1")
    second = situation.post("/accounts", OFFICER, ADMINISTRATOR, key="demo-officer-1")
    assert (first.status_code, second.status_code, first.data == second.data) == (201, 201, True)
    assert situation.post("/accounts", OFFICER, ADMINISTRATOR, key="another").status_code == 409


def test_everybody_reads_the_stage_of_a_disaster(disaster: Caller) -> None:
    shown = disaster.get("/disasters/yeongnam")
    assert (shown.status_code, shown.json["name"], shown.json["stage"]) == (200, "2025 영남 산불", "suppression")
    assert [stage["effective_date"] for stage in shown.json["stages"]] == ["2025-03-22"]
    assert [row["id"] for row in disaster.get("/disasters").json["items"]] == ["yeongnam"]
    assert "recorded_by" not in shown.text


def test_stages_advance_and_keep_their_history(app: Flask, disaster: Caller) -> None:
    recovery = {"stage": "recovery", "effective_date": "2025-04-07", "note": "진화 완료"}
    advanced = disaster.post("/disasters/yeongnam/stages", recovery, ADMINISTRATOR, IMPORTER, version=1)
    assert (advanced.status_code, advanced.json["stage"], advanced.headers["ETag"]) == (201, "recovery", '"2"')
    back = disaster.post("/disasters/yeongnam/stages", {"stage": "suppression"}, ADMINISTRATOR, version=2)
    assert (back.status_code, back.json["current"], back.json["requested"]) == (409, "recovery", "suppression")
    history = disaster.get("/disasters/yeongnam").json["stages"]
    assert [(stage["stage"], stage["effective_date"]) for stage in history] == [
        ("suppression", "2025-03-22"),
        ("recovery", "2025-04-07"),
    ]
    changed = published(app)[-1]
    assert (changed.type, changed.aggregate_version) == ("situation.disaster_stage_changed.v1", 2)
    assert (changed.effective_date.isoformat(), changed.data["stage"]) == ("2025-04-07", "recovery")


def test_a_stage_never_begins_before_the_one_it_follows(disaster: Caller) -> None:
    early = {"stage": "recovery", "effective_date": "2025-03-21"}
    refused = disaster.post("/disasters/yeongnam/stages", early, ADMINISTRATOR, IMPORTER, version=1)
    assert (refused.status_code, refused.json["previous_date"]) == (422, "2025-03-22")


def test_a_disaster_is_not_opened_before_it_began(situation: Caller) -> None:
    refused = situation.post("/disasters", {**WILDFIRE, "began_on": "2025-04-12"}, ADMINISTRATOR)
    assert (refused.status_code, refused.json["type"]) == (422, "urn:dure:problem:dates-out-of-order")


def test_two_administrators_advance_a_disaster_once(disaster: Caller) -> None:
    answers = [
        disaster.post("/disasters/yeongnam/stages", {"stage": stage}, ADMINISTRATOR, version=1).status_code
        for stage in ("recovery", "livelihood")
    ]
    assert answers == [201, 412]


def test_the_four_bodies_of_a_task_force_are_listed_by_disaster(app: Flask, disaster: Caller) -> None:
    for kind, name in (
        ("city", "시"),
        ("district", "구"),
        ("volunteer_centre", "자원봉사센터"),
        ("red_cross", "적십자사"),
    ):
        body = {"id": kind, "name": name, "kind": kind, "disaster_id": "yeongnam"}
        assert disaster.post("/bodies", body, ADMINISTRATOR).status_code == 201
    assert [row["kind"] for row in disaster.get("/bodies?disaster_id=yeongnam", COORDINATOR).json["items"]] == [
        "city",
        "district",
        "volunteer_centre",
        "red_cross",
    ]
    assert disaster.get("/bodies?disaster_id=other", COORDINATOR).json["items"] == []
    assert disaster.get("/bodies").status_code == 401
    orphan = {"name": "시", "kind": "city", "disaster_id": "other"}
    assert disaster.post("/bodies", orphan, ADMINISTRATOR).status_code == 404
    account = {**OFFICER, "body_id": "city"}
    assert disaster.post("/accounts", account, ADMINISTRATOR).json["body_id"] == "city"
    assert sign_in(disaster, "officer-1", PASSWORD).json["body_id"] == "city"


def test_everybody_finds_the_sites_of_a_region(situation: Caller) -> None:
    region = {"id": "andong", "name": "안동시", "province": "경상북도"}
    assert situation.post("/regions", region, ADMINISTRATOR).status_code == 201
    site = {"id": "gym", "region_id": "andong", "name": "체육관 대피소", "kind": "shelter"}
    assert situation.post("/sites", site, COORDINATOR).status_code == 201
    assert [row["name"] for row in situation.get("/regions").json["items"]] == ["안동시"]
    assert [row["id"] for row in situation.get("/sites?region_id=andong").json["items"]] == ["gym"]
    assert situation.get("/sites?region_id=uiseong").json["items"] == []


def test_no_event_names_a_person(app: Flask, disaster: Caller) -> None:
    disaster.post("/bodies", {"id": "city", "name": "시", "kind": "city", "disaster_id": "yeongnam"}, ADMINISTRATOR)
    contact = {"body_id": "city", "duty": "head", "section": "재난총괄", "name": "가나다", "phone": "000-0000-0000"}
    assert disaster.post("/contacts", contact, ADMINISTRATOR).status_code == 201
    disaster.post("/accounts", OFFICER, ADMINISTRATOR)
    listed = disaster.get("/contacts", COORDINATOR).json["items"]
    assert [(row["duty"], row["name"], row["phone"]) for row in listed] == [("head", "가나다", "000-0000-0000")]
    assert disaster.get("/contacts").status_code == 401
    registered = published(app)[-1]
    assert set(registered.data) == {"contact_id", "body_id", "duty", "section"}
    written = b"".join(event.to_bytes() for event in published(app)).decode()
    assert not [secret for secret in ("가나다", "000-0000", "재무관", PASSWORD) if secret in written]


def test_the_log_is_read_by_range_of_days(disaster: Caller) -> None:
    for day, text in (
        ("2025-03-22", "상황실 가동"),
        ("2025-03-25", "대피 명령\n의성 → 안동"),
        ("2025-04-07", "진화 완료"),
    ):
        entry = {"disaster_id": "yeongnam", "text": text, "effective_date": day}
        assert disaster.post("/log-entries", entry, COORDINATOR, IMPORTER, account="c1").status_code == 201
    found = disaster.get("/log-entries?disaster_id=yeongnam&first_day=2025-03-23&last_day=2025-03-31", AUDITOR)
    assert [(row["text"], row["recorded_by"]) for row in found.json["items"]] == [("대피 명령\n의성 → 안동", "c1")]
    assert disaster.get("/log-entries").status_code == 401


@pytest.mark.parametrize("statement", ["UPDATE log_entries SET text = 'x'", "DELETE FROM log_entries"])
def test_the_database_itself_keeps_the_log_as_it_was_written(app: Flask, disaster: Caller, statement: str) -> None:
    disaster.post("/log-entries", {"disaster_id": "yeongnam", "text": "상황실 가동"}, COORDINATOR)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), service_of(app).database.write() as tx:
        tx.exec_driver_sql(statement)
    assert disaster.get("/log-entries", AUDITOR).json["items"][0]["text"] == "상황실 가동"
