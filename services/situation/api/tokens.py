"""Signing in. It changes nothing, so unlike every other POST it takes no Idempotency-Key."""

from datetime import timedelta
from typing import Any, Final

from services.situation import domain, operations, schemas
from shared.auth import TOKEN_HOURS, issue_token
from shared.client import client_address
from shared.http import Blueprint, Service, check_body_is_json, current_service
from shared.problems import RequestProblem, preferred_language
from shared.refusals import Refusal

WINDOW_SECONDS: Final = 60
ATTEMPTS_PER_WINDOW: Final = 30  # of one account from one address; far below what guessing needs

blueprint = Blueprint("tokens", __name__, description="Signing in (로그인)")
blueprint.before_request(check_body_is_json)


@blueprint.route("/tokens", methods=["POST"])  # type: ignore[untyped-decorator]
@blueprint.arguments(schemas.Credentials)  # type: ignore[untyped-decorator]
@blueprint.response(201, schemas.Token)  # type: ignore[untyped-decorator]  # all three: the library is untyped
def create_token(body: dict[str, Any]) -> dict[str, Any]:
    """Exchange an account and its password for a token."""
    service = current_service()
    check_rate(service, body["account"])
    try:
        with service.database.read() as tx:
            actor, display_name = operations.sign_in(tx, **body)
    except domain.SignInRefused as refusal:
        headers = {"WWW-Authenticate": 'Bearer realm="dure"'}
        raise problem("sign-in-refused", 401, "Not signed in", refusal, headers) from refusal
    now = service.clock.now()
    return {
        "token": issue_token(actor, secret=service.settings.secret, now=now),
        "account": actor.id,
        "display_name": display_name,
        "roles": sorted(actor.roles),
        "body_id": actor.body_id,
        "expires_at": now + timedelta(hours=TOKEN_HOURS),
    }


def check_rate(service: Service, account: str) -> None:
    """Raises RequestProblem 429. Counts before the password is looked at, so that guesses in parallel count too."""
    address = client_address(service.settings.trusted_proxies)
    attempts = service.cache.count(f"sign-in:{account}:{address}", window_seconds=WINDOW_SECONDS)
    if attempts > ATTEMPTS_PER_WINDOW:
        refusal = domain.TooManyAttempts(retry_after_seconds=WINDOW_SECONDS)
        raise problem("too-many-attempts", 429, "Too many attempts", refusal, {"Retry-After": str(WINDOW_SECONDS)})


def problem(slug: str, status: int, title: str, refusal: Refusal, headers: dict[str, str]) -> RequestProblem:
    """A refusal that needs headers of its own on the wire."""
    found = RequestProblem(slug, status, title, refusal.sentence(preferred_language()), **refusal.facts)
    found.headers.update(headers)
    return found
