"""Use cases of accounts: whose they are, and what they may do. Administrators keep them, and never their own."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from werkzeug.security import generate_password_hash

from services.situation import duties, events, store
from services.situation.domain import accounts as domain
from services.situation.domain.accounts import AccountState, AccountStep
from services.situation.operations.access import HASH_METHOD, add_step, grant_in, tell, void_tokens
from services.situation.operations.records import load, recorded
from shared.auth import Grant, Role
from shared.changes import Change, new_id
from shared.refusals import WrongState, check_date_order
from shared.rows import add, get, insert_new, update


def open_account(
    change: Change, *, id: str, display_name: str, password: str, grants: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Open an account with its first grants."""
    domain.check_account_id(id)
    _check_other(change, id)
    domain.check_password(password, id)
    kept = {
        "id": id,
        "display_name": display_name,
        "password_hash": generate_password_hash(password, HASH_METHOD),
        "state": AccountState.ACTIVE.value,
        "version": 1,
    }
    account = insert_new(change.tx, store.accounts, "account", **kept, **recorded(change, change.today))
    tell(change, account, events.AccountOpened(account_id=id))
    for grant in grants:
        _give(change, account, **grant)
    return account_view(change.tx, id)


def rename_account(change: Change, account_id: str, *, display_name: str) -> dict[str, Any]:
    account = load(change, store.accounts, "account", account_id)
    account = update(change.tx, store.accounts, account, display_name=display_name)
    add_step(change, account_id, AccountStep.RENAMED)
    tell(change, account, events.AccountRenamed(account_id=account_id))
    return account_view(change.tx, account_id)


def give_grant(change: Change, account_id: str, **grant: Any) -> dict[str, Any]:
    """Let an account act in a further role. Raises IncompatibleDuties."""
    _check_other(change, account_id)
    account = load(change, store.accounts, "account", account_id)
    account = update(change.tx, store.accounts, account)
    _give(change, account, **grant)
    return account_view(change.tx, account_id)


def end_grant(change: Change, account_id: str, grant_id: str, *, reason: str) -> dict[str, Any]:
    """End a grant at once; what was done with it stays, and its row too."""
    store.lock_administrators(change.tx)
    was_kept = store.has_administrator(change.tx, change.today)
    account = load(change, store.accounts, "account", account_id)
    grant = store.grant_of(change.tx, account_id, grant_id)
    if grant.ended_at is not None:
        raise WrongState(state="ended", step="end")
    store.end_grant(change.tx, grant, ended_at=change.now, ended_by=change.actor.id, ended_reason=reason)
    _check_administrator_left(change, account_id, was_kept=was_kept)
    account = update(change.tx, store.accounts, account)
    tell(change, account, events.GrantEnded(grant_id=grant_id, account_id=account_id))
    void_tokens(change, account)
    return account_view(change.tx, account_id)


def disable_account(change: Change, account_id: str, *, reason: str) -> dict[str, Any]:
    """Let nobody sign in with an account any more."""
    store.lock_administrators(change.tx)
    was_kept = store.has_administrator(change.tx, change.today)
    account = _change_state(change, account_id, AccountState.DISABLED, AccountStep.DISABLED, reason)
    _check_administrator_left(change, account_id, was_kept=was_kept)
    tell(change, account, events.AccountDisabled(account_id=account_id))
    void_tokens(change, account)
    return account_view(change.tx, account_id)


def enable_account(change: Change, account_id: str, *, reason: str) -> dict[str, Any]:
    """Let a disabled account sign in again, with the grants it has left."""
    _check_other(change, account_id)
    account = _change_state(change, account_id, AccountState.ACTIVE, AccountStep.ENABLED, reason)
    tell(change, account, events.AccountEnabled(account_id=account_id))
    return account_view(change.tx, account_id)


def reset_password(change: Change, account_id: str, *, password: str) -> dict[str, Any]:
    """Set a new password for somebody who lost it, or whose password somebody else knows."""
    _check_other(change, account_id)
    domain.check_password(password, account_id)
    account = load(change, store.accounts, "account", account_id)
    hashed = generate_password_hash(password, HASH_METHOD)
    account = update(change.tx, store.accounts, account, password_hash=hashed)
    add_step(change, account_id, AccountStep.PASSWORD_RESET)
    tell(change, account, events.PasswordChanged(account_id=account_id, by_administrator=True))
    void_tokens(change, account)
    return account_view(change.tx, account_id)


def sign_out_account(change: Change, account_id: str, *, reason: str) -> dict[str, Any]:
    """Void every token of an account, such as one on a lost telephone."""
    account = get(change.tx, store.accounts, "account", account_id, lock=True)
    add_step(change, account_id, AccountStep.SIGNED_OUT, reason)
    void_tokens(change, account)
    return account_view(change.tx, account_id)


def account_view(tx: Connection, account_id: str) -> dict[str, Any]:
    """An account with every grant it has or had, and what else happened to it."""
    account = get(tx, store.accounts, "account", account_id)
    steps = store.belonging_to(tx, store.account_steps, store.account_steps.c.account_id, account_id)
    return {**with_grants(tx, [account._asdict()])[0], "steps": [row._asdict() for row in steps]}


def with_grants(tx: Connection, accounts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    grants = store.grants_of(tx, [account["id"] for account in accounts])
    return [{**account, "grants": [row._asdict() for row in grants[account["id"]]]} for account in accounts]


def _give(
    change: Change,
    account: sa.Row[Any],
    *,
    role: str,
    body_id: str,
    disaster_id: str | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
) -> None:
    grant = Grant(Role(role), body_id, disaster_id, first_day or change.today, last_day)
    get(change.tx, store.bodies, "body", body_id)
    if disaster_id is not None:
        get(change.tx, store.disasters, "disaster", disaster_id)
    check_date_order(grant.last_day or date.max, grant.first_day or date.min)
    held = [grant_in(row) for row in store.grants_of(change.tx, [account.id])[account.id] if row.ended_at is None]
    domain.check_duties(held, grant, duties.RULES)
    given: dict[str, Any] = {
        "account_id": account.id,
        "role": role,
        "body_id": body_id,
        "disaster_id": disaster_id,
        "first_day": grant.first_day,
        "last_day": last_day,
    }
    grant_id = new_id()
    add(change.tx, store.grants, id=grant_id, granted_by=change.actor.id, recorded_at=change.now, **given)
    tell(change, account, events.GrantGiven(grant_id=grant_id, **given))


def _change_state(change: Change, account_id: str, state: AccountState, step: AccountStep, reason: str) -> sa.Row[Any]:
    """Raises WrongState if it is so already."""
    account = load(change, store.accounts, "account", account_id)
    if account.state == state:
        raise WrongState(state=account.state, step=step.value)
    account = update(change.tx, store.accounts, account, state=state.value)
    add_step(change, account_id, step, reason)
    return account


def _check_other(change: Change, account_id: str) -> None:
    """Raises OwnAccount."""
    if account_id == change.actor.id:
        raise domain.OwnAccount(id=account_id)


def _check_administrator_left(change: Change, account_id: str, *, was_kept: bool) -> None:
    """Raises LastAdministrator where somebody kept the accounts before, and now nobody does."""
    if was_kept and not store.has_administrator(change.tx, change.today):
        raise domain.LastAdministrator(id=account_id)
