"""Who is asking: signed tokens with roles. Each service checks them by itself, without asking another."""

import functools
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import jwt

ALGORITHM: Final = "HS256"
TOKEN_HOURS: Final = 12
TOKENS_REMEMBERED: Final = 1024


class Role(StrEnum):
    COORDINATOR = "coordinator"  # 현장 담당: requests, ships and receives relief goods
    DRAFTER = "drafter"  # 기안자: writes spending proposals
    REVIEWER = "reviewer"  # 검토자
    APPROVER = "approver"  # 결재권자
    COMMITMENT_OFFICER = "commitment_officer"  # 재무관: commits
    PAYMENT_OFFICER = "payment_officer"  # 지출원: pays
    VOLUNTEER_MANAGER = "volunteer_manager"  # 자원봉사 담당
    VOLUNTEER = "volunteer"
    AUDITOR = "auditor"  # 감사: reads everything, changes nothing
    ADMINISTRATOR = "administrator"  # keeps master data and accounts; no right to approve
    IMPORTER = "importer"  # 이관: may record past effective dates, beside another role


# 재무관, 지출원 (and cash handling) may not be held together: 지방회계법.
INCOMPATIBLE_ROLES: Final = (frozenset({Role.COMMITMENT_OFFICER, Role.PAYMENT_OFFICER}),)


@dataclass(frozen=True)
class Actor:
    """The account behind a request. `id` is opaque: a name never leaves the service that keeps accounts."""

    id: str
    roles: frozenset[Role]
    body_id: str | None = None  # the task-force body the account belongs to

    def has_any(self, roles: Collection[Role]) -> bool:
        return not self.roles.isdisjoint(roles)


class BadToken(Exception):
    """The token is forged, damaged, expired or of an unknown form."""


def issue_token(actor: Actor, *, secret: str, now: datetime, hours: int = TOKEN_HOURS) -> str:
    claims = {
        "sub": actor.id,
        "roles": sorted(actor.roles),
        "body": actor.body_id,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=hours)).timestamp()),
    }
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def read_token(token: str | None, *, secret: str, now: datetime) -> Actor:
    """Raises BadToken with a reason that is safe to show."""
    if not token:
        raise BadToken("the request carries no bearer token")
    actor, expires_at = _verified(token, secret)
    if expires_at <= now.timestamp():
        raise BadToken("the token has expired")
    return actor


@functools.lru_cache(maxsize=TOKENS_REMEMBERED)
def _verified(token: str, secret: str) -> tuple[Actor, int]:
    """Whom a token of ours names and when it ends, in seconds since 1970. A signature that fits goes on fitting."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            options={"require": ["sub", "exp"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError as error:
        raise BadToken("the token was not issued by this system") from error
    if not isinstance(claims["exp"], int):
        raise BadToken("the token does not say when it ends")
    roles = claims.get("roles")
    if not isinstance(roles, list) or not all(role in set(Role) for role in roles):
        raise BadToken("the token names an unknown role")
    body = claims.get("body")
    actor = Actor(claims["sub"], frozenset(Role(role) for role in roles), body if isinstance(body, str) else None)
    return actor, claims["exp"]


def incompatible(roles: Collection[Role]) -> frozenset[Role] | None:
    """The duties among `roles` that one person may not hold together, if any."""
    return next((pair for pair in INCOMPATIBLE_ROLES if pair <= set(roles)), None)
