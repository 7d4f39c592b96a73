"""Accounts: how they may be called, what a password is, and which duties one of them may not hold together."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from shared.auth import Grant, Role
from shared.refusals import Refusal


class AccountState(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"  # keeps everything it did; nobody signs in with it


class AccountStep(StrEnum):
    """What happened to an account besides its grants."""

    DISABLED = "disabled"
    ENABLED = "enabled"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a word, not a secret; by an administrator
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - as above; by whom it belongs to
    RENAMED = "renamed"
    SIGNED_OUT = "signed_out"


RESERVED_IDS: Final = frozenset({"anonymous", "portal", "operator", "system", "dure", "importer"})
RESERVED_BEGINNINGS: Final = ("import-", "demo-")
SHORTEST_PASSWORD: Final = 10


class ReservedId(Refusal):
    english = "{id} cannot be an account: the system itself goes by this name, or by one that begins like it."
    korean = "{id}은(는) 시스템이 쓰는 이름이거나 그렇게 시작하므로 계정으로 쓸 수 없습니다."


class PasswordTooShort(Refusal):
    english = "The password has {length} characters, at least {shortest} are needed."
    korean = "비밀번호가 {length}자입니다. {shortest}자 이상이어야 합니다."


class PasswordBlank(Refusal):
    english = "The password consists of spaces only."
    korean = "비밀번호가 빈칸으로만 되어 있습니다."


class PasswordOfOneCharacter(Refusal):
    english = "The password repeats one character only."
    korean = "비밀번호가 한 글자의 되풀이입니다."


class PasswordIsAccount(Refusal):
    english = "The password is the name of the account."
    korean = "비밀번호가 계정 이름과 같습니다."


class IncompatibleDuties(Refusal):
    english = "From {day} on one account would hold {first} and {second} together, which {legal_basis} does not allow."
    korean = "{day}부터 한 계정이 {first}와(과) {second}을(를) 함께 맡게 됩니다. {sentence} ({legal_basis})"


class OwnAccount(Refusal):
    english = "Nobody does this for the own account {id}; another administrator has to."
    korean = "자기 계정({id})에는 할 수 없습니다. 다른 관리자가 해야 합니다."


class LastAdministrator(Refusal):
    english = "{id} is the last active administrator. Give this duty to another account first."
    korean = "{id}은(는) 마지막 관리자입니다. 먼저 다른 계정에 관리자 직무를 맡기십시오."


class WrongPassword(Refusal):
    english = "The present password is another one."
    korean = "현재 비밀번호가 맞지 않습니다."


class SignInRefused(Refusal):
    english = "The account or the password is wrong."
    korean = "계정 또는 비밀번호가 맞지 않습니다."


class TooManyAttempts(Refusal):
    english = "Too many attempts to sign in. Try again in {retry_after_seconds} seconds."
    korean = "로그인 시도가 너무 많습니다. {retry_after_seconds}초 뒤에 다시 시도하십시오."


@dataclass(frozen=True)
class DutyRule:
    """Whoever has one of `duties` has none of the `others` on the same day."""

    duties: frozenset[Role]
    others: frozenset[Role]
    effective_from: date
    effective_to: date | None
    legal_basis: str
    sentence: str

    def joins(self, one: Role, other: Role) -> bool:
        pairs = ((one, other), (other, one))
        return one is not other and any(first in self.duties and second in self.others for first, second in pairs)


def check_account_id(id_: str) -> None:
    """Raises ReservedId. Capitals make no difference to whoever reads a name in a record."""
    lowered = id_.lower()
    if lowered in RESERVED_IDS or lowered.startswith(RESERVED_BEGINNINGS):
        raise ReservedId(id=id_)


def check_password(password: str, account: str) -> None:
    """Raises PasswordTooShort, PasswordBlank, PasswordOfOneCharacter, PasswordIsAccount."""
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordTooShort(length=len(password), shortest=SHORTEST_PASSWORD)
    if not password.strip():
        raise PasswordBlank
    if len(set(password)) == 1:
        raise PasswordOfOneCharacter
    if password.strip().lower() == account.lower():
        raise PasswordIsAccount


def check_duties(held: Iterable[Grant], new: Grant, rules: Collection[DutyRule]) -> None:
    """Whatever the body and the disaster: it is one person. Raises IncompatibleDuties."""
    for grant in held:
        for rule in rules:
            day = first_common_day(grant, new, rule)
            if rule.joins(grant.role, new.role) and day is not None:
                first, second = sorted((grant.role.value, new.role.value))
                raise IncompatibleDuties(
                    first=first, second=second, day=day, legal_basis=rule.legal_basis, sentence=rule.sentence
                )


def first_common_day(one: Grant, other: Grant, rule: DutyRule) -> date | None:
    """The first day on which both grants hold and the rule is in force, if there is one."""
    first = max(one.first_day or date.min, other.first_day or date.min, rule.effective_from)
    last = min(one.last_day or date.max, other.last_day or date.max, rule.effective_to or date.max)
    return first if first <= last else None
