"""Signing in and out over HTTP on both databases: what a token says, and when it loses its force."""

import json
import time
import unicodedata
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import cast

import pytest

from services.situation.api import access
from shared.auth import Grant, Role, read_token
from shared.clock import parse_utc
from shared.config import Settings
from tests.integration.situation_office import ADMINISTRATOR, PASSWORD, Office, open_office, problem
from tests.support import Answer, FixedClock

OFFICER, COORDINATOR = Role.COMMITMENT_OFFICER, Role.COORDINATOR
OTHER_PASSWORD = "비 오는 식목일 2025"
VOIDED = (401, "not-signed-in")


@pytest.fixture
def office(settings: Settings, clock: FixedClock) -> Iterator[Office]:
    with open_office(settings, clock) as opened:
        opened.with_bodies().with_disaster()
        opened.open_account("hong", COORDINATOR)
        yield opened


def works(office: Office, token: str) -> bool:
    """Whether the token is still good for what its roles may do."""
    answer = office.as_bearer(token, "/log-entries")
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


def test_a_password_is_exchanged_for_a_token_every_service_can_read(
    office: Office, settings: Settings, clock: FixedClock
) -> None:
    days = {"first_day": "2025-04-01", "last_day": "2025-04-30"}
    office.open_account("officer-1", OFFICER, disaster_id="yeongnam", **days)
    answer = office.sign_in("officer-1")
    assert answer.status_code == 201
    assert (answer.json["account"], answer.json["display_name"]) == ("officer-1", "홍길동")
    held = {"role": "commitment_officer", "body_id": "city", "disaster_id": "yeongnam", **days}
    assert (answer.json["grants"], answer.json["roles"]) == ([held], ["commitment_officer"])
    assert parse_utc(answer.json["expires_at"]) == clock.now() + timedelta(hours=12)
    actor = read_token(answer.json["token"], verifying_key=settings.verifying_key, now=clock.now())
    first_day, last_day = (clock.now().date().replace(day=day) for day in (1, 30))
    assert actor.grants == {Grant(OFFICER, "city", "yeongnam", first_day, last_day)}
    assert (actor.id, actor.issued_at) == ("officer-1", clock.now())


def test_a_sign_in_is_a_fact_of_the_account_for_its_body(office: Office) -> None:
    assert office.sign_in("hong", "wrong").status_code == 401
    assert office.facts("signed_in") == []
    office.token_of("hong")
    told = office.published()[-1]
    assert (told.type, told.account, told.body_id, told.subject) == ("situation.signed_in.v1", "hong", "city", "hong")
    assert office.facts("signed_in") == [("2025-04-11", {"account_id": "hong"})]
    assert parse_utc(office.shown("/accounts/hong", ADMINISTRATOR)["signed_in_at"]) == office.clock.now()


def test_a_token_says_only_which_grants_hold_today(office: Office) -> None:
    grants = [
        {"role": "drafter", "body_id": "city", "last_day": "2025-04-11"},
        {"role": "reviewer", "body_id": "districts", "first_day": "2025-04-12"},
    ]
    new = {"id": "kim", "display_name": "김", "password": PASSWORD, "grants": grants}
    office.done("/accounts", new)
    assert office.sign_in("kim").json["roles"] == ["drafter"]
    office.later(days=1)
    assert office.sign_in("kim").json["roles"] == ["reviewer"]


def test_a_password_typed_in_decomposed_hangul_is_the_same_password(office: Office) -> None:
    assert office.sign_in("hong", unicodedata.normalize("NFD", PASSWORD)).status_code == 201


def test_an_unknown_account_a_wrong_password_and_a_disabled_account_are_answered_alike(office: Office) -> None:
    office.open_account("gone", COORDINATOR)
    office.done("/accounts/gone/disable", {"reason": "퇴직"}, version=1)
    answers, seconds = [], []
    for account, password in (("hong", "wrong"), ("nobody", "wrong"), ("gone", PASSWORD), ("gone", "wrong")):
        started = time.perf_counter()
        answers.append(office.sign_in(account, password))
        seconds.append(time.perf_counter() - started)
    assert {problem(answer) for answer in answers} == {(401, "sign-in-refused")}
    assert len({answer.data for answer in answers}) == 1
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {'Bearer realm="dure"'}
    assert min(seconds) > max(seconds) / 4  # without the password check one would be a hundredth


def test_too_many_attempts_are_refused_with_the_time_to_wait(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "ATTEMPTS_PER_WINDOW", 3)
    assert [office.sign_in("hong", "wrong").status_code for _ in range(4)] == [401, 401, 401, 429]
    refused = office.sign_in("hong")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert refused.json["retry_after_seconds"] == 60
    assert office.sign_in("nobody", "wrong").status_code == 401


def test_guessing_the_present_password_with_a_stolen_token_is_limited_too(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = office.token_of("hong")
    monkeypatch.setattr(access, "ATTEMPTS_PER_WINDOW", 3)
    guess = {"old_password": "wrong", "password": OTHER_PASSWORD}
    assert [office.as_bearer(token, "/me/password", guess).status_code for _ in range(3)] == [403, 403, 429]


def test_a_form_post_is_not_mistaken_for_a_wrong_password(office: Office) -> None:
    form = {"account": "hong", "password": PASSWORD}
    assert office.client.post(f"{office.prefix}/tokens", data=form).status_code == 415


def end_grant(office: Office, _token: str) -> None:
    (grant,) = office.shown("/accounts/hong", ADMINISTRATOR)["grants"]
    office.done(f"/accounts/hong/grants/{grant['id']}/end", {"reason": "전보"}, version=1)
    new_grant = {"role": "coordinator", "body_id": "districts"}
    office.done("/accounts/hong/grants", new_grant, version=2)


def disable_and_enable(office: Office, _token: str) -> None:
    office.done("/accounts/hong/disable", {"reason": "휴직"}, version=1)
    office.done("/accounts/hong/enable", {"reason": "복직"}, version=2)


def reset_password(office: Office, _token: str) -> None:
    office.done("/accounts/hong/password", {"password": PASSWORD}, version=1)


def change_own_password(office: Office, token: str) -> None:
    change = {"old_password": PASSWORD, "password": OTHER_PASSWORD}
    answer = office.as_bearer(token, "/me/password", change)
    assert (answer.status_code, answer.json) == (201, {"account": "hong"})
    assert office.sign_in("hong", PASSWORD).status_code == 401
    back = {"old_password": OTHER_PASSWORD, "password": PASSWORD}
    assert office.as_bearer(office.token_of("hong", OTHER_PASSWORD), "/me/password", back).status_code == 201


def sign_out_everywhere(office: Office, token: str) -> None:
    assert office.as_bearer(token, "/me/sign-out", {}).json == {"account": "hong"}


def sign_out_by_administrator(office: Office, _token: str) -> None:
    office.done("/accounts/hong/sign-out", {"reason": "전화기를 잃어버림"})


WAYS = [
    end_grant,
    disable_and_enable,
    reset_password,
    change_own_password,
    sign_out_everywhere,
    sign_out_by_administrator,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_token_ends_at_once_and_a_new_one_holds_from_the_same_instant(
    office: Office, way: Callable[[Office, str], None]
) -> None:
    tokens = [office.token_of("hong"), office.token_of("hong")]
    assert all(works(office, token) for token in tokens)
    way(office, tokens[0])
    assert not any(works(office, token) for token in tokens)
    assert problem(office.as_bearer(tokens[1], "/me/sign-out", {})) == VOIDED
    new = office.token_of("hong")
    assert works(office, new)
    ended = office.facts("access_ended")
    assert {fact["account_id"] for _, fact in ended} == {"hong"}
    assert office.published()[-1].type == "situation.signed_in.v1"
    office.done("/accounts/hong/sign-out", {"reason": "다시 한번"})
    assert not works(office, new)


def test_a_disabled_account_is_out_until_it_is_enabled(office: Office) -> None:
    token = office.token_of("hong")
    office.later(minutes=1)
    office.done("/accounts/hong/disable", {"reason": "휴직"}, version=1)
    assert not works(office, token)
    assert office.sign_in("hong").status_code == 401
    office.later(minutes=1)
    office.done("/accounts/hong/enable", {"reason": "복직"}, version=2)
    assert works(office, office.token_of("hong"))
    assert not works(office, token)


def test_nobody_else_is_signed_out(office: Office) -> None:
    office.open_account("kim", COORDINATOR)
    token = office.token_of("kim")
    office.done("/accounts/hong/sign-out", {"reason": "전화기를 잃어버림"})
    assert works(office, token)


def test_a_sign_in_that_overlaps_with_the_end_of_access_does_not_outlive_it(office: Office, clock: FixedClock) -> None:
    """The clock of who ends access may be behind that of who lets in: the order in the database counts."""
    office.later(seconds=5)
    token = office.token_of("hong")
    office.later(seconds=-5)
    office.done("/accounts/hong/disable", {"reason": "휴직"}, version=1)
    assert not works(office, token)


def test_the_present_password_is_needed_for_a_new_one(office: Office) -> None:
    token = office.token_of("hong")
    wrong = {"old_password": "wrong", "password": OTHER_PASSWORD}
    assert problem(office.as_bearer(token, "/me/password", wrong)) == (403, "wrong-password")
    weak = {"old_password": PASSWORD, "password": "짧다"}
    assert problem(office.as_bearer(token, "/me/password", weak)) == (422, "weak-password")
    assert works(office, token)
    assert office.facts("password_changed") == []


def test_only_accounts_that_are_kept_here_have_a_password_or_sign_out(office: Office) -> None:
    assert office.refused("/me/sign-out", {}, account="operator") == (404, "not-found")
    change = {"old_password": PASSWORD, "password": OTHER_PASSWORD}
    assert office.refused("/me/password", change, account="operator") == (404, "not-found")
    assert office.client.post(f"{office.prefix}/me/sign-out", json={}).status_code == 401


def test_an_account_of_several_bodies_changes_its_password_for_its_first(office: Office) -> None:
    office.done("/accounts/hong/grants", {"role": "coordinator", "body_id": "districts"}, version=1)
    token = office.token_of("hong")
    change_own_password(office, token)
    told = [event for event in office.published() if event.type == "situation.password_changed.v1"]
    assert [(event.account, event.body_id) for event in told] == [("hong", "city"), ("hong", "city")]
    assert [fact["by_administrator"] for _, fact in office.facts("password_changed")] == [False, False]


def test_what_no_password_can_be_is_refused(office: Office) -> None:
    headers = {"Content-Type": "application/json"}
    for password in ("", "x" * 201, "broken \ud800 character", 1234567890, None):
        body = json.dumps({"account": "hong", "password": password})
        answer = cast(Answer, office.client.post(f"{office.prefix}/tokens", data=body, headers=headers))
        assert answer.status_code == 422
        assert "password" in answer.json["detail"]
