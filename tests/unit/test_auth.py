"""Tokens: whom they name, what for, and for how long."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import jwt
import pytest

from shared.auth import (
    ALGORITHM,
    TOKEN_HOURS,
    Actor,
    BadToken,
    Grant,
    Role,
    issue_token,
    private_key,
    read_token,
    verifying_key_of,
)

SIGNING_KEY = "a-signing-key-that-is-long-enough-for-a-test"
VERIFYING_KEY = verifying_key_of(SIGNING_KEY)
NOW = datetime(2025, 3, 25, 9, 0, 0, 123457, tzinfo=UTC)
PAYS = Grant(Role.PAYMENT_OFFICER, "city", "yeongnam", date(2025, 3, 22), date(2025, 12, 31))
COORDINATES = Grant(Role.COORDINATOR, "red-cross")
OFFICER = Actor("officer-1", frozenset({PAYS, COORDINATES}), NOW)
AUDITOR = ["auditor", "city", "", "", ""]


def token_saying(**claims: Any) -> str:
    began = int(NOW.timestamp())
    whole = {"sub": "somebody", "grants": [AUDITOR], "iat": began, "exp": began + 60}
    return jwt.encode(whole | claims, private_key(SIGNING_KEY), algorithm=ALGORITHM)


def read(token: str | None, now: datetime = NOW) -> Actor:
    return read_token(token, verifying_key=VERIFYING_KEY, now=now)


def issued(actor: Actor = OFFICER, key: str = SIGNING_KEY) -> str:
    return issue_token(actor, signing_key=key, now=NOW)


def test_a_token_names_the_account_its_grants_and_the_very_moment_it_was_issued() -> None:
    assert read(issued()) == OFFICER
    assert read(issued()).roles == {Role.PAYMENT_OFFICER, Role.COORDINATOR}


@pytest.mark.parametrize("microsecond", [0, 1, 3, 123457, 654321, 999999])
def test_the_moment_of_issue_is_exact(microsecond: int) -> None:
    """A token that is issued at the moment before which others are void must not be void itself."""
    moment = NOW.replace(microsecond=microsecond)
    token = issue_token(OFFICER, signing_key=SIGNING_KEY, now=moment)
    assert read(token).issued_at == moment


def test_a_grant_holds_from_its_first_day_to_its_last_in_korea() -> None:
    today = Grant(Role.REVIEWER, "city", None, date(2025, 3, 25), date(2025, 3, 25))
    token = issued(Actor("reviewer-1", frozenset({today, COORDINATES})))
    assert read(token).grants == {today, COORDINATES}
    midnight = datetime(2025, 3, 25, 15, tzinfo=UTC)
    assert read(token, midnight - timedelta(seconds=1)).grants == {today, COORDINATES}
    assert read(token, midnight).grants == {COORDINATES}


def test_a_grant_of_one_disaster_does_not_reach_another_nor_what_belongs_to_none() -> None:
    assert [PAYS.covers(disaster) for disaster in ("yeongnam", "flood", None)] == [True, False, False]
    assert [COORDINATES.covers(disaster) for disaster in ("yeongnam", "flood", None)] == [True, True, True]


def test_a_token_that_was_read_before_still_ends_when_its_hours_are_over() -> None:
    token = issued()
    end = NOW.replace(microsecond=0) + timedelta(hours=TOKEN_HOURS)
    assert read(token, end - timedelta(seconds=1)) == OFFICER
    with pytest.raises(BadToken, match="expired"):
        read(token, end)


def test_a_token_of_another_key_is_refused_although_it_was_accepted_under_its_own() -> None:
    token = issued()
    assert read(token) == OFFICER
    with pytest.raises(BadToken, match="not issued by this system"):
        read_token(token, verifying_key=verifying_key_of(SIGNING_KEY[::-1]), now=NOW)


def test_who_only_checks_tokens_cannot_sign_them() -> None:
    """The verifying key is public: a token signed with it as if it were a shared secret is refused."""
    claims = {"sub": "mallory", "grants": [["administrator", "city", "", "", ""]], "iat": 0, "exp": 2**40}
    for algorithm, key in (("HS256", VERIFYING_KEY), ("none", "")):
        with pytest.raises(BadToken, match="not issued by this system"):
            read(jwt.encode(claims, key, algorithm=algorithm))
    with pytest.raises(BadToken, match="not issued by this system"):
        read(issued(key=VERIFYING_KEY))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": None}, "not issued"),
        ({"exp": 1e12}, "does not say when it begins and ends"),
        ({"iat": None}, "not issued"),
        ({"iat": True}, "does not say when it begins and ends"),
        ({"iat": 1e30}, "unknown grants"),
        ({"grants": [["mayor", *AUDITOR[1:]]]}, "unknown grants"),
        ({"grants": [["auditor", "", "", "", ""]]}, "unknown grants"),
        ({"grants": [["auditor", None, "", "", ""]]}, "unknown grants"),
        ({"grants": [["auditor", "city", 1, "", ""]]}, "unknown grants"),
        ({"grants": [["auditor", "city", "", "yesterday", ""]]}, "unknown grants"),
        ({"grants": [AUDITOR[:4]]}, "unknown grants"),
        ({"grants": "auditor"}, "unknown grants"),
        ({"grants": None}, "unknown grants"),
        ({"sub": None}, "not issued"),
    ],
)
def test_a_signed_token_with_wrong_claims_is_refused(claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadToken, match=reason):
        read(token_saying(**claims))


@pytest.mark.parametrize("token", [None, "", "not-a-token", "a.b.c"])
def test_what_is_no_token_is_refused(token: str | None) -> None:
    with pytest.raises(BadToken):
        read(token)
