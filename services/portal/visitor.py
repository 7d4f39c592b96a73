"""Who is looking at the page: the signed-in account, the language, and the guard against forged forms."""

import hmac
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final
from urllib.parse import urlsplit

import flask
from flask import request, session

from services.portal.messages import LANGUAGES
from shared.auth import Role
from shared.client import client_address

LANGUAGE_COOKIE: Final = "dure_language"
LANGUAGE_COOKIE_SECONDS: Final = 365 * 24 * 3600


@dataclass(frozen=True)
class Account:
    id: str
    display_name: str
    roles: frozenset[str]
    token: str

    def has_any(self, roles: Collection[str]) -> bool:
        return not self.roles.isdisjoint(roles)


class FormForged(Exception):
    """The form does not carry this visitor's token: it comes from elsewhere, or from before a sign-out."""


def account() -> Account | None:
    held = session.get("account")
    if not isinstance(held, dict):
        return None
    return Account(held["id"], held["display_name"], frozenset(held["roles"]), held["token"])


def sign_in(granted: dict[str, Any]) -> None:
    """Keep what the situation service granted; a fresh session, so that nothing planted before survives."""
    session.clear()
    session.permanent = True
    session["account"] = {
        "id": granted["account"],
        "display_name": granted["display_name"],
        "roles": granted["roles"],
        "token": granted["token"],
    }


def sign_out() -> None:
    session.clear()


def form_token() -> str:
    """The token every form of this visitor carries."""
    if "form_token" not in session:
        session["form_token"] = secrets.token_urlsafe(24)
    token: str = session["form_token"]
    return token


def check_form_token() -> None:
    """Raises FormForged for a POST without the visitor's token."""
    if request.method == "POST":
        expected, given = session.get("form_token", ""), request.form.get("form_token", "")
        if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
            raise FormForged


def address() -> str:
    """Where the visitor is, for limits on how often one may ask."""
    return client_address(flask.current_app.config["TRUSTED_PROXIES"])


def language() -> str:
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else LANGUAGES[0]


def safe_path(target: str | None, default: str = "/") -> str:
    """`target` if it is a path of this site, so that a link cannot lead a visitor elsewhere."""
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return default
    parts = urlsplit(target)
    return default if parts.scheme or parts.netloc else target


def requires(*roles: Role) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Only for signed-in accounts, with one of `roles` if any are named. What they may do the services decide."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(**path: Any) -> Any:
            visitor = account()
            if visitor is None:
                target = request.full_path.rstrip("?") if request.method == "GET" else "/"
                return flask.redirect(flask.url_for("account.sign_in_page", next=target), 303)
            if roles and not visitor.has_any(roles):
                flask.abort(403)
            return view(**path)

        return guarded

    return decorate
