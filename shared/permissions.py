"""Who may do what: one table per service, read by its API, its tests and its documentation alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.auth import Role


class Scope(StrEnum):
    PUBLIC = "public"  # nobody has to sign in
    SYSTEM = "system"  # one of the roles, for whichever body it is held
    BODY = "body"  # one of the roles, held for the body and the disaster the record belongs to


@dataclass(frozen=True)
class Permission:
    """`roles` are empty where nobody has to sign in, or where the record itself decides (a cancel code)."""

    roles: frozenset[Role]
    scope: Scope


Permissions = Mapping[str, Permission]  # by the name of the operation

PUBLIC: Final = Permission(frozenset(), Scope.PUBLIC)


def system(*roles: Role) -> Permission:
    return Permission(frozenset(roles), Scope.SYSTEM)


def body(*roles: Role) -> Permission:
    return Permission(frozenset(roles), Scope.BODY)
