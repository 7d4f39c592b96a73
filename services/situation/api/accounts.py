"""Accounts and what they may do, over HTTP."""

from typing import Any

from sqlalchemy.engine import Connection

from services.situation import store
from services.situation.api.access import notice_at_once
from services.situation.api.paging import page_where
from services.situation.operations import accounts
from services.situation.permissions import PERMISSIONS
from services.situation.schemas import accounts as wire
from shared.changes import Change
from shared.fields import PageQuery, page_of
from shared.http import Blueprint

blueprint = Blueprint("accounts", __name__, description="Accounts and duties (계정·직무)", permissions=PERMISSIONS)


@blueprint.change("/accounts", takes=wire.NewAccount, returns=wire.Account)
def open_account(change: Change, body: dict[str, Any]) -> Any:
    """Open an account with its first duties."""
    return accounts.open_account(change, **body)


@blueprint.query("/accounts", takes=PageQuery, returns=page_of(wire.AccountSummary))
def list_accounts(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Accounts and their duties."""
    found = page_where(tx, store.accounts, arguments)
    return {**found, "items": accounts.with_grants(tx, found["items"])}


@blueprint.query("/accounts/<id:account_id>", returns=wire.Account)
def show_account(tx: Connection, _arguments: dict[str, Any], account_id: str) -> Any:
    """One account, every duty it has or had, and what else happened to it."""
    return accounts.account_view(tx, account_id)


@blueprint.change("/accounts/<id:account_id>/names", takes=wire.NewDisplayName, returns=wire.Account, edits=True)
def rename_account(change: Change, body: dict[str, Any], account_id: str) -> Any:
    """Show an account under another name."""
    return accounts.rename_account(change, account_id, **body)


@blueprint.change("/accounts/<id:account_id>/grants", takes=wire.NewGrant, returns=wire.Account, edits=True)
def give_grant(change: Change, body: dict[str, Any], account_id: str) -> Any:
    """Give an account a further duty; it counts from the next sign-in on."""
    return accounts.give_grant(change, account_id, **body)


@blueprint.change(
    "/accounts/<id:account_id>/grants/<id:grant_id>/end", takes=wire.Reason, returns=wire.Account, edits=True
)
def end_grant(change: Change, body: dict[str, Any], account_id: str, grant_id: str) -> Any:
    """End a duty at once; the account signs in anew."""
    notice_at_once()
    return accounts.end_grant(change, account_id, grant_id, **body)


@blueprint.change("/accounts/<id:account_id>/disable", takes=wire.Reason, returns=wire.Account, edits=True)
def disable_account(change: Change, body: dict[str, Any], account_id: str) -> Any:
    """Let nobody sign in with an account any more; its tokens end at once."""
    notice_at_once()
    return accounts.disable_account(change, account_id, **body)


@blueprint.change("/accounts/<id:account_id>/enable", takes=wire.Reason, returns=wire.Account, edits=True)
def enable_account(change: Change, body: dict[str, Any], account_id: str) -> Any:
    """Let a disabled account sign in again."""
    return accounts.enable_account(change, account_id, **body)


@blueprint.change("/accounts/<id:account_id>/password", takes=wire.PasswordReset, returns=wire.Account, edits=True)
def reset_password(change: Change, body: dict[str, Any], account_id: str) -> Any:
    """Set a new password for somebody else; the account's tokens end at once."""
    notice_at_once()
    return accounts.reset_password(change, account_id, **body)


@blueprint.change("/accounts/<id:account_id>/sign-out", takes=wire.Reason, returns=wire.Account)
def sign_out_account(change: Change, body: dict[str, Any], account_id: str) -> Any:
    """Void every token of an account."""
    notice_at_once()
    return accounts.sign_out_account(change, account_id, **body)
