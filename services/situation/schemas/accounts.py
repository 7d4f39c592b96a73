"""Accounts, grants and signing in on the wire."""

import unicodedata
from collections.abc import Callable
from typing import Any, Final

from marshmallow import ValidationError, fields, validate

from services.situation.domain.accounts import SHORTEST_PASSWORD, AccountState, AccountStep
from services.situation.schemas.parts import one_of, why
from shared.auth import Role
from shared.fields import Day, Identifier, Moment, Schema, Text

LONGEST_PASSWORD: Final = 200
MOST_GRANTS: Final = 50  # of a new account


class Password(fields.String):
    """Kept exactly as typed, spaces included; composed Hangul, so that every keyboard means the same password.

    What a new one has to be like is said by the rules, in a sentence.
    """

    def __init__(self, description: str) -> None:
        limits: list[Callable[[str], Any]] = [validate.Length(min=1, max=LONGEST_PASSWORD), check_is_text]
        super().__init__(validate=limits, load_only=True, required=True, metadata={"description": description})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        return unicodedata.normalize("NFC", super()._deserialize(value, attr, data, **options))


def check_is_text(text: str) -> None:
    """JSON can carry halves of characters, which no hash accepts."""
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise ValidationError("Contains a broken character.")


def new_password() -> Password:
    return Password(f"at least {SHORTEST_PASSWORD} characters; not blank, not one repeated, not the account's id")


class Credentials(Schema):
    account = Identifier(required=True)
    password = Password("as it was set")


class HeldGrant(Schema):
    role = one_of(Role)
    body_id = Identifier()
    disaster_id = Identifier(allow_none=True, metadata={"description": "none: in every disaster"})
    first_day = Day()
    last_day = Day(allow_none=True)


class Token(Schema):
    token = fields.String(metadata={"description": "send as `Authorization: Bearer …`"})
    account = Identifier()
    display_name = fields.String()
    grants = fields.List(fields.Nested(HeldGrant), metadata={"description": "those that hold today"})
    roles = fields.List(one_of(Role), metadata={"description": "of these grants"})
    expires_at = Moment()


class NewGrant(Schema):
    role = one_of(Role, required=True)
    body_id = Identifier(required=True)
    disaster_id = Identifier(load_default=None, allow_none=True, metadata={"description": "none: in every disaster"})
    first_day = Day(load_default=None, allow_none=True, metadata={"description": "today if left out"})
    last_day = Day(load_default=None, allow_none=True, metadata={"description": "without end if left out"})


class NewAccount(Schema):
    id = Identifier(required=True, metadata={"description": "what is typed to sign in; the only name events carry"})
    display_name = Text(100, required=True)
    password = new_password()
    grants = fields.List(fields.Nested(NewGrant), required=True, validate=[validate.Length(min=1, max=MOST_GRANTS)])


class NewDisplayName(Schema):
    display_name = Text(100, required=True)


class Reason(Schema):
    reason = why()


class PasswordReset(Schema):
    password = new_password()


class PasswordChange(Schema):
    old_password = Password("the present one")
    password = new_password()


class Grant(HeldGrant):
    id = Identifier()
    granted_by = fields.String()
    recorded_at = Moment()
    ended_at = Moment(allow_none=True)
    ended_by = fields.String(allow_none=True)
    ended_reason = fields.String(allow_none=True)


class AccountSummary(Schema):
    number = fields.Integer()
    id = Identifier()
    display_name = fields.String()
    state = one_of(AccountState)
    signed_in_at = Moment(allow_none=True, metadata={"description": "for the last time"})
    grants = fields.List(fields.Nested(Grant), metadata={"description": "those that ended too"})
    recorded_at = Moment()
    recorded_by = fields.String()
    version = fields.Integer()


class StepTaken(Schema):
    step = one_of(AccountStep)
    reason = fields.String(allow_none=True)
    recorded_at = Moment()
    recorded_by = fields.String()


class Account(AccountSummary):
    steps = fields.List(fields.Nested(StepTaken))


class TokensEnded(Schema):
    account = Identifier(metadata={"description": "whose tokens are void now; sign in again"})
