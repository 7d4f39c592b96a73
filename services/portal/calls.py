"""Asking the services on behalf of the visitor."""

import re
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import flask
from flask import g, request

from services.portal import visitor
from shared.clock import Clock
from shared.config import Settings
from shared.gateway import Gateway, Reply

EXTENSION: Final = "dure_portal"
PAGE_SIZE: Final = 1000
MOST_PAGES: Final = 20
HEADER_VALUE: Final = re.compile(r"[!-~]{1,128}")


class Refused(Exception):
    """A service did not give what a page needs; `reply` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Services:
    """The gateway with what the portal adds to every call: token, language, correlation id."""

    def __init__(self, gateway: Gateway, settings: Settings, clock: Clock) -> None:
        self.gateway = gateway
        self.settings = settings
        self.clock = clock

    def call(self, service: str, method: str, path: str, *, as_public: bool = False, **options: Any) -> Reply:
        """`as_public` asks as somebody who is not signed in."""
        account = None if as_public else visitor.account()
        return self.gateway.call(
            service,
            method,
            path,
            token=account.token if account else None,
            language=visitor.language(),
            correlation_id=g.get("correlation_id"),
            client_address=visitor.address(),
            **options,
        )


def services() -> Services:
    found: Services = flask.current_app.extensions[EXTENSION]
    return found


def ask(service: str, path: str, **query: Any) -> Any:
    """What a service answers to a GET. Raises Refused."""
    reply = services().call(service, "GET", path, query=query)
    if not reply.ok:
        raise Refused(reply)
    return reply.body


def ask_all(service: str, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every item of a list, page after page. Raises Refused."""
    items: list[dict[str, Any]] = []
    after: int | None = 0
    for _ in range(MOST_PAGES):
        page = ask(service, path, limit=PAGE_SIZE, after=after, **query)
        items += page["items"]
        after = page.get("next")
        if after is None:
            break
    return items


def peek(service: str, path: str, **query: Any) -> Any:
    """What everybody may see; None when the service is away."""
    reply = services().call(service, "GET", path, query=query, as_public=True)
    return reply.body if reply.ok else None


def look_up(service: str, path: str) -> list[dict[str, Any]]:
    """Every item of a list that only helps to name things; none where the service does not give it."""
    try:
        return ask_all(service, path)
    except Refused:
        return []


def submit(service: str, path: str, body: dict[str, Any], *, method: str = "POST") -> Reply:
    """Send a form.

    Its hidden fields carry the key that makes a repeat count once, the version it was made from, and for whom it was
    filled in by a person who acts for several bodies.
    """
    version, key = request.form.get("version", ""), request.form.get("key") or uuid4().hex
    acting_body = request.form.get("acting_body")
    account = visitor.account()
    if not HEADER_VALUE.fullmatch(key) or (acting_body and (account is None or acting_body not in account.bodies)):
        flask.abort(400)  # no form of ours
    return services().call(
        service,
        method,
        path,
        json={name: value for name, value in body.items() if value not in (None, "")},
        key=key,
        version=int(version) if version.isdecimal() else None,
        acting_body=acting_body,
    )


def segment(text: str) -> str:
    """One segment of a path; ids come from the address bar."""
    return quote(text, safe="")
