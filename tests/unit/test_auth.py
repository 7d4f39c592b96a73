"""Tokens: whom they name, and for how long."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from shared.auth import ALGORITHM, TOKEN_HOURS, Actor, BadToken, Role, issue_token, read_token

SECRET = "a-secret-that-is-long-enough-for-a-test"
NOW = datetime(2025, 3, 25, 9, tzinfo=UTC)
OFFICER = Actor("accounts-officer", frozenset({Role.PAYMENT_OFFICER}), "body-1")


def token_saying(**claims: Any) -> str:
    whole = {"sub": "somebody", "roles": ["auditor"], "exp": int(NOW.timestamp()) + 60}
    return jwt.encode(whole | claims, SECRET, algorithm=ALGORITHM)


def test_a_token_names_the_account_its_roles_and_its_body() -> None:
    assert read_token(issue_token(OFFICER, secret=SECRET, now=NOW), secret=SECRET, now=NOW) == OFFICER


def test_a_token_that_was_read_before_still_ends_when_its_hours_are_over() -> None:
    token = issue_token(OFFICER, secret=SECRET, now=NOW)
    end = NOW + timedelta(hours=TOKEN_HOURS)
    assert read_token(token, secret=SECRET, now=end - timedelta(seconds=1)) == OFFICER
    with pytest.raises(BadToken, match="expired"):
        read_token(token, secret=SECRET, now=end)


def test_a_token_of_another_secret_is_refused_although_it_was_accepted_under_its_own() -> None:
    token = issue_token(OFFICER, secret=SECRET, now=NOW)
    assert read_token(token, secret=SECRET, now=NOW) == OFFICER
    with pytest.raises(BadToken, match="not issued by this system"):
        read_token(token, secret=SECRET[::-1], now=NOW)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": None}, "not issued"),
        ({"exp": 1e12}, "does not say when it ends"),
        ({"roles": ["mayor"]}, "unknown role"),
        ({"roles": "auditor"}, "unknown role"),
        ({"roles": None}, "unknown role"),
        ({"sub": None}, "not issued"),
    ],
)
def test_a_signed_token_with_wrong_claims_is_refused(claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadToken, match=reason):
        read_token(token_saying(**claims), secret=SECRET, now=NOW)


@pytest.mark.parametrize("token", [None, "", "not-a-token", "a.b.c"])
def test_what_is_no_token_is_refused(token: str | None) -> None:
    with pytest.raises(BadToken):
        read_token(token, secret=SECRET, now=NOW)
