"""Who is looking at the page: the signed-in account, the language, and the guard against forged forms."""

import hmac
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import Any, Final
from urllib.parse import urlsplit

import flask
from flask import request, session
from flask.globals import request_ctx
from werkzeug.exceptions import HTTPException

from services.portal.messages import LANGUAGES
from shared.auth import Grant, Role
from shared.client import client_address

GRANT: Final = ("role", "body_id", "disaster_id", "last_day")  # what is kept of each
LANGUAGE_COOKIE: Final = "dure_language"
LANGUAGE_COOKIE_SECONDS: Final = 365 * 24 * 3600


@dataclass(frozen=True)
class Account:
    """Acts for one body at a time: `body_id`, which a person with grants for several has chosen."""

    id: str
    display_name: str
    grants: tuple[Grant, ...]
    body_id: str
    token: str

    @property
    def bodies(self) -> list[str]:
        return sorted({grant.body_id for grant in self.grants})

    @property
    def roles(self) -> frozenset[str]:
        """Held for the body the account acts for."""
        return frozenset(grant.role.value for grant in self.grants if grant.body_id == self.body_id)

    def has_any(self, roles: Collection[str]) -> bool:
        return not self.roles.isdisjoint(roles)

    def may(self, role: Role, disaster_id: str | None, body_id: str | None = None) -> bool:
        """Whether the role is held in this disaster; for a record of another body it is not."""
        own = [grant for grant in self.grants if grant.role is role and grant.body_id == self.body_id]
        return body_id in (None, self.body_id) and any(grant.covers(disaster_id) for grant in own)


class FormForged(Exception):
    """The form does not carry this visitor's token: it comes from elsewhere, or from before a sign-out."""


def account() -> Account | None:
    held = session.get("account")
    if not isinstance(held, dict):
        return None
    grants = tuple(_grant(*kept) for kept in held["grants"])
    return Account(held["id"], held["display_name"], grants, session["acting_body"], held["token"])


def _grant(role: str, body_id: str, disaster_id: str | None, last_day: str | None) -> Grant:
    return Grant(Role(role), body_id, disaster_id, last_day=date.fromisoformat(last_day) if last_day else None)


def sign_in(granted: dict[str, Any]) -> None:
    """Keep what the situation service granted; a fresh session, so that nothing planted before survives."""
    session.clear()
    session.permanent = True
    session["account"] = {
        "id": granted["account"],
        "display_name": granted["display_name"],
        "grants": [[grant[name] for name in GRANT] for grant in granted["grants"]],
        "token": granted["token"],
    }
    session["acting_body"] = min((grant["body_id"] for grant in granted["grants"]), default="")


def act_for(body_id: str) -> None:
    """From now on act for another body of the account's."""
    visitor = account()
    if visitor is None or body_id not in visitor.bodies:
        flask.abort(403)
    session["acting_body"] = body_id


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


def here() -> str:
    """The address of the page; after a form was sent, that of the page the form stands on."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    path = request.path
    while path not in ("", "/") and not _is_page(path):
        path = path.rpartition("/")[0]
    return path or "/"


def _is_page(path: str) -> bool:
    adapter = request_ctx.url_adapter
    assert adapter is not None
    try:
        adapter.match(path, method="GET")
    except HTTPException:
        return False
    return True


def requires(*roles: Role) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Only for signed-in accounts, with one of `roles` if any are named. What they may do the services decide."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(**path: Any) -> Any:
            visitor = account()
            if visitor is None:
                return flask.redirect(flask.url_for("account.sign_in_page", next=here()), 303)
            if roles and not visitor.has_any(roles):
                flask.abort(403)
            return view(**path)

        return guarded

    return decorate
