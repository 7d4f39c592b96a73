"""Use cases of access: signing in and out, and one's own password."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from werkzeug.security import check_password_hash, generate_password_hash

from services.situation import events, store
from services.situation.domain import accounts as domain
from services.situation.domain.accounts import AccountState, AccountStep
from services.situation.operations.records import recorded
from shared.access import AccessEnded, end_access
from shared.auth import Actor, Grant, Role
from shared.changes import Change
from shared.events import Payload
from shared.rows import add, get, update

HASH_METHOD: Final = "scrypt:32768:8:1"
# What an unknown account is checked against, so that it takes as long as a wrong password. It fits no password.
DECOY_HASH: Final = f"{HASH_METHOD}$decoy${'0' * 128}"
# Moments are kept to the microsecond.
NEXT_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class SignedIn:
    """Whom a token is for, and from which moment on it holds."""

    actor: Actor
    display_name: str
    issued_at: datetime


def check_credentials(tx: Connection, *, account: str, password: str) -> str:
    """The hash that the password fits. Raises SignInRefused, equally and equally fast for every cause.

    Made apart from signing in, because it takes long and needs no lock.
    """
    row = store.find_account(tx, account)
    matches = check_password_hash(row.password_hash if row else DECOY_HASH, password)
    if row is None or not matches or row.state != AccountState.ACTIVE:
        raise domain.SignInRefused
    hashed: str = row.password_hash
    return hashed


def sign_in(change: Change, account_id: str, *, password_hash: str) -> SignedIn:
    """Let in an account whose password fitted this hash. Raises SignInRefused if it was changed or disabled since.

    Its tokens are issued one after another, and after the moment before which they are void, even where clocks differ.
    """
    account = get(change.tx, store.accounts, "account", account_id, lock=True)
    if account.password_hash != password_hash or account.state != AccountState.ACTIVE:
        raise domain.SignInRefused
    grants = store.grants_of(change.tx, [account_id])[account_id]
    held = frozenset(grant_in(row) for row in grants if row.ended_at is None)
    void_before = store.void_before(change.tx, account_id)
    issued_at = max(filter(None, (change.now, account.signed_in_at, void_before)))
    store.note_sign_in(change.tx, account_id, issued_at)
    change.act_for(grants[0].body_id)
    tell(change, account, events.SignedIn(account_id=account_id))
    actor = Actor(account_id, frozenset(grant for grant in held if grant.holds_on(change.today)), issued_at)
    return SignedIn(actor, account.display_name, issued_at)


def change_own_password(change: Change, *, old_password: str, password: str) -> None:
    """Change the password of whoever asks; every token of the account ends. Raises WrongPassword."""
    account = _own_account(change)
    if not check_password_hash(account.password_hash, old_password):
        raise domain.WrongPassword
    domain.check_password(password, account.id)
    hashed = generate_password_hash(password, HASH_METHOD)
    account = update(change.tx, store.accounts, account, password_hash=hashed)
    add_step(change, account.id, AccountStep.PASSWORD_CHANGED)
    tell(change, account, events.PasswordChanged(account_id=account.id, by_administrator=False))
    void_tokens(change, account)


def sign_out_everywhere(change: Change) -> None:
    """Void every token of whoever asks, this one too."""
    account = _own_account(change)
    add_step(change, account.id, AccountStep.SIGNED_OUT)
    void_tokens(change, account)


def void_tokens(change: Change, account: sa.Row[Any]) -> None:
    """Every token issued so far loses its force; one issued from this moment on has it."""
    last = account.signed_in_at
    void_before = max(change.now, last + NEXT_MOMENT) if last else change.now
    end_access(change.tx, store.access, account.id, void_before)
    tell(change, account, AccessEnded(account_id=account.id, void_before=void_before))


def tell(change: Change, account: sa.Row[Any], payload: Payload) -> None:
    change.record(payload, subject=account.id, version=account.version, effective_date=change.today)


def add_step(change: Change, account_id: str, step: AccountStep, reason: str | None = None) -> None:
    row = {"account_id": account_id, "step": step.value, "reason": reason}
    add(change.tx, store.account_steps, **row, **recorded(change, change.today))


def grant_in(row: sa.Row[Any]) -> Grant:
    return Grant(Role(row.role), row.body_id, row.disaster_id, row.first_day, row.last_day)


def _own_account(change: Change) -> sa.Row[Any]:
    """The account of whoever asks, locked. What it does to itself it does for its first body."""
    account = get(change.tx, store.accounts, "account", change.actor.id, lock=True)
    change.body_id = store.grants_of(change.tx, [account.id])[account.id][0].body_id
    return account
