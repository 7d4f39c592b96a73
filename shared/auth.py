"""Who is asking: tokens that only the situation service can sign and every service can check by itself."""

import base64
import functools
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared.clock import seoul_date

ALGORITHM: Final = "EdDSA"
TOKEN_HOURS: Final = 12
TOKENS_REMEMBERED: Final = 1024


class Role(StrEnum):
    COORDINATOR = "coordinator"  # 현장 담당: requests, ships and receives relief goods
    DRAFTER = "drafter"  # 기안자: writes spending proposals
    REVIEWER = "reviewer"  # 검토자
    APPROVER = "approver"  # 결재권자
    COMMITMENT_OFFICER = "commitment_officer"  # 재무관: commits
    PAYMENT_OFFICER = "payment_officer"  # 지출원: pays
    BUDGET_OFFICER = "budget_officer"  # 예산 담당: keeps funds, lines and appropriations, drafts nothing
    VOLUNTEER_MANAGER = "volunteer_manager"  # 자원봉사 담당
    AUDITOR = "auditor"  # 감사: reads everything, changes nothing
    ADMINISTRATOR = "administrator"  # keeps master data and accounts; holds no money duty
    IMPORTER = "importer"  # 이관: records what happened before the system, in every duty, one account for each


@dataclass(frozen=True, slots=True)
class Grant:
    """A role held for one body, in one disaster or in all, between two days or without end."""

    role: Role
    body_id: str
    disaster_id: str | None = None
    first_day: date | None = None
    last_day: date | None = None

    def holds_on(self, day: date) -> bool:
        return (self.first_day or date.min) <= day <= (self.last_day or date.max)

    def covers(self, disaster_id: str | None) -> bool:
        """Whether it reaches a fact of this disaster; a fact of none needs a grant for all."""
        return self.disaster_id is None or self.disaster_id == disaster_id


@dataclass(frozen=True)
class Actor:
    """The account behind a request. `id` is opaque: a name never leaves the service that keeps accounts."""

    id: str
    grants: frozenset[Grant]
    issued_at: datetime | None = None

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)

    def has_any(self, roles: Collection[Role]) -> bool:
        return not self.roles.isdisjoint(roles)

    def grants_of(self, roles: Collection[Role]) -> list[Grant]:
        return [grant for grant in self.grants if grant.role in roles]


class BadToken(Exception):
    """The token is forged, damaged, expired or of an unknown form."""


def issue_token(actor: Actor, *, signing_key: str, now: datetime, hours: int = TOKEN_HOURS) -> str:
    claims = {
        "sub": actor.id,
        "grants": sorted([grant.role, grant.body_id, grant.disaster_id or "", *_days(grant)] for grant in actor.grants),
        "iat": now.timestamp(),
        "exp": int((now + timedelta(hours=hours)).timestamp()),
    }
    return jwt.encode(claims, private_key(signing_key), algorithm=ALGORITHM)


def read_token(token: str | None, *, verifying_key: str, now: datetime) -> Actor:
    """The account with the grants that hold today. Raises BadToken with a reason that is safe to show."""
    if not token:
        raise BadToken("the request carries no bearer token")
    actor, expires_at = _verified(token, verifying_key)
    if expires_at <= now.timestamp():
        raise BadToken("the token has expired")
    today = seoul_date(now)
    holding = frozenset(grant for grant in actor.grants if grant.holds_on(today))
    return actor if holding == actor.grants else replace(actor, grants=holding)


@functools.lru_cache(maxsize=TOKENS_REMEMBERED)
def _verified(token: str, verifying_key: str) -> tuple[Actor, int]:
    """Whom a token of ours names and when it ends, in seconds since 1970. A signature that fits goes on fitting."""
    try:
        claims = jwt.decode(
            token,
            public_key(verifying_key),
            algorithms=[ALGORITHM],
            options={"require": ["sub", "iat", "exp"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError as error:
        raise BadToken("the token was not issued by this system") from error
    if type(claims["exp"]) is not int or type(claims["iat"]) not in (int, float):
        raise BadToken("the token does not say when it begins and ends")
    try:
        grants = frozenset(_grant(*values) for values in claims["grants"])
        return Actor(claims["sub"], grants, datetime.fromtimestamp(claims["iat"], UTC)), claims["exp"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadToken("the token names unknown grants") from error


def _days(grant: Grant) -> list[str]:
    return [day.isoformat() if day else "" for day in (grant.first_day, grant.last_day)]


def _grant(role: Any, body_id: Any, disaster_id: Any, first_day: Any, last_day: Any) -> Grant:
    if not isinstance(body_id, str) or not isinstance(disaster_id, str) or not body_id:
        raise TypeError("a grant names a body")
    first, last = (date.fromisoformat(day) if day else None for day in (first_day, last_day))
    return Grant(Role(role), body_id, disaster_id or None, first, last)


@functools.cache
def private_key(secret: str) -> Ed25519PrivateKey:
    """The Ed25519 key that a secret text stands for."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(secret.encode()).digest())


@functools.cache
def public_key(text: str) -> Ed25519PublicKey:
    """Raises ValueError for what `verifying_key_of` did not write."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error


def verifying_key_of(signing_key: str) -> str:
    """What everybody may know of a signing key: 32 bytes as base64."""
    return base64.b64encode(private_key(signing_key).public_key().public_bytes_raw()).decode()
