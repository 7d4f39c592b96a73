"""Signing in and out, and one's own password."""

from datetime import timedelta
from typing import Any, Final

from flask import Response, after_this_request, g

from services.situation.api.problems import PROBLEMS
from services.situation.domain.accounts import SignInRefused, TooManyAttempts
from services.situation.operations import access
from services.situation.permissions import PERMISSIONS
from services.situation.schemas import accounts as wire
from shared.auth import TOKEN_HOURS, Actor, issue_token
from shared.changes import Change
from shared.client import client_address
from shared.http import Blueprint, check_body_is_json, current_service
from shared.problems import RequestProblem, preferred_language
from shared.refusals import Refusal

WINDOW_SECONDS: Final = 60
ATTEMPTS_PER_WINDOW: Final = 30  # of one account from one address; far below what guessing needs
CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="dure"'}

blueprint = Blueprint("access", __name__, description="Signing in (로그인)", permissions=PERMISSIONS)
blueprint.before_request(check_body_is_json)


@blueprint.route("/tokens", methods=["POST"])  # type: ignore[untyped-decorator]
@blueprint.arguments(wire.Credentials)  # type: ignore[untyped-decorator]
@blueprint.response(201, wire.Token)  # type: ignore[untyped-decorator]  # all three: the library is untyped
def create_token(body: dict[str, Any]) -> dict[str, Any]:
    """Exchange an account and its password for a token. A repeat is another token, so it takes no Idempotency-Key."""
    account, service = body["account"], current_service()
    check_rate(account)
    try:
        with service.database.read() as tx:
            password_hash = access.check_credentials(tx, **body)
        with service.database.write() as tx:
            signed_in = access.sign_in(sign_in_change(tx, account), account, password_hash=password_hash)
    except SignInRefused as refusal:
        raise problem(refusal, CHALLENGE) from refusal
    actor = signed_in.actor
    token = issue_token(actor, signing_key=service.settings.signing_key, now=signed_in.issued_at)
    return {
        "token": token,
        "account": actor.id,
        "display_name": signed_in.display_name,
        "grants": sorted(actor.grants, key=str),
        "roles": sorted(actor.roles),
        "expires_at": signed_in.issued_at + timedelta(hours=TOKEN_HOURS),
    }


SIGN_IN: Final = blueprint.allow(create_token, "POST", "/tokens")


def sign_in_change(tx: Any, account: str) -> Change:
    """Whoever signs in is nobody yet, so this is put together here and not by `Blueprint.change`."""
    service = current_service()
    assert service.outbox is not None
    return Change(
        tx=tx,
        actor=Actor(account, frozenset()),
        now=service.clock.now(),
        service=service.name,
        outbox=service.outbox,
        correlation_id=g.correlation_id,
        operation=SIGN_IN.name,
        permission=SIGN_IN.permission,
        dating=None,
    )


@blueprint.change("/me/password", takes=wire.PasswordChange, returns=wire.TokensEnded)
def change_own_password(change: Change, body: dict[str, Any]) -> Any:
    """Change one's own password; then sign in with it."""
    check_rate(change.actor.id)
    access.change_own_password(change, **body)
    return tokens_ended(change)


@blueprint.change("/me/sign-out", returns=wire.TokensEnded)
def sign_out_everywhere(change: Change, _body: dict[str, Any]) -> Any:
    """Void every token of one's own account, this one too."""
    access.sign_out_everywhere(change)
    return tokens_ended(change)


def tokens_ended(change: Change) -> dict[str, str]:
    notice_at_once()
    return {"account": change.actor.id}


def notice_at_once() -> None:
    """This process looks at whose tokens are void as soon as the change is committed, and not seconds later."""
    service = current_service()

    def forget(response: Response) -> Response:
        service.access.forget()
        return response

    after_this_request(forget)


def check_rate(account: str) -> None:
    """Raises RequestProblem 429. Counts before the password is looked at, so that guesses in parallel count too."""
    service = current_service()
    address = client_address(service.settings.trusted_proxies)
    attempts = service.cache.count(f"sign-in:{account}:{address}", window_seconds=WINDOW_SECONDS)
    if attempts > ATTEMPTS_PER_WINDOW:
        raise problem(TooManyAttempts(retry_after_seconds=WINDOW_SECONDS), {"Retry-After": str(WINDOW_SECONDS)})


def problem(refusal: Refusal, headers: dict[str, str]) -> RequestProblem:
    """A refusal that needs headers of its own on the wire."""
    kind = PROBLEMS[type(refusal)]
    found = RequestProblem(kind.slug, kind.status, kind.title, refusal.sentence(preferred_language()), **refusal.facts)
    found.headers.update(headers)
    return found
