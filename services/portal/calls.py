"""Asking the services on behalf of the visitor."""

from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import flask
from flask import g, request
from werkzeug.wrappers import Response

from services.portal import visitor
from shared.auth import Actor, Role, issue_token
from shared.clock import Clock
from shared.config import Settings
from shared.gateway import Gateway, Reply

EXTENSION: Final = "dure_portal"
PAGE_SIZE: Final = 1000
MOST_PAGES: Final = 20
# Reads the totals of the public front page, which nobody signs in for. It can change nothing.
FRONT_PAGE_READER: Final = Actor("portal", frozenset({Role.AUDITOR}))


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

    def call(self, service: str, method: str, path: str, *, token: str | None = None, **options: Any) -> Reply:
        account = visitor.account()
        return self.gateway.call(
            service,
            method,
            path,
            token=token or (account.token if account else None),
            language=visitor.language(),
            correlation_id=g.get("correlation_id"),
            client_address=visitor.address(),
            **options,
        )

    def reader_token(self) -> str:
        return issue_token(FRONT_PAGE_READER, secret=self.settings.secret, now=self.clock.now(), hours=1)


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
    """What everybody may see, read with the portal's own token; None when the service is away."""
    reply = services().call(service, "GET", path, query=query, token=services().reader_token())
    return reply.body if reply.ok else None


def submit(service: str, path: str, body: dict[str, Any], *, method: str = "POST") -> Reply:
    """Send a form. Its hidden fields carry the key that makes a repeat count once, and the version it was made from."""
    version = request.form.get("version", "")
    return services().call(
        service,
        method,
        path,
        json={name: value for name, value in body.items() if value not in (None, "")},
        key=request.form.get("key") or uuid4().hex,
        version=int(version) if version.isdecimal() else None,
    )


def segment(text: str) -> str:
    """One segment of a path; ids come from the address bar."""
    return quote(text, safe="")


def wants_json() -> bool:
    """Whether the script that sends forms asks, not a browser's own navigation."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def done(location: str, message: str | None = None) -> Response:
    """A form has been taken: on to the next page."""
    if message:
        flask.flash(message)
    if wants_json():
        return flask.jsonify({"location": location})
    return flask.redirect(location, 303)


def refused_page(reply: Reply, template: str, **context: Any) -> Any:
    """The form again, with what was entered and the refusal above it."""
    if reply.status == 401:
        raise Refused(reply)
    if wants_json():
        return flask.Response(reply.content, reply.status, content_type=reply.headers["content-type"])
    return flask.render_template(template, problem=reply.body, entered=request.form, **context), reply.status
