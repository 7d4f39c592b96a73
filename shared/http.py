"""The HTTP side of a service: one decorator for changes, one for queries."""

import functools
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import flask
import flask_smorest
import sqlalchemy as sa
from flask import Response, g, request
from webargs.flaskparser import FlaskParser

from shared import idempotency
from shared.auth import Actor, BadToken, Role, read_token
from shared.cache import Cache, open_cache
from shared.changes import Change
from shared.clock import Clock
from shared.config import Settings
from shared.db import Database
from shared.events import canonical_json
from shared.fields import Empty, Schema
from shared.inbox import InboxTables
from shared.migrations import migrate
from shared.problems import RequestProblem

EXTENSION: Final = "dure"
ANONYMOUS: Final = Actor("anonymous", frozenset())
ETAG_FORM: Final = re.compile(r'(?:W/)?"(\d{1,18})"')


@dataclass(frozen=True)
class Service:
    """Everything a service's HTTP side works with. One that only reads events has no outbox and no keys."""

    name: str
    settings: Settings
    database: Database
    outbox: sa.Table | None
    idempotency: sa.Table | None
    inbox: InboxTables | None
    clock: Clock
    cache: Cache


def open_service(name: str, settings: Settings, store: Any, clock: Clock) -> Service:
    """Open and migrate the service's own database and put together what its HTTP side needs.

    `store` is the service's `store` module: MIGRATIONS, and `outbox` with `idempotency` or `inbox`.
    """
    database = Database(settings.database_url_of(name))
    migrate(database, store.MIGRATIONS)
    return Service(
        name,
        settings,
        database,
        getattr(store, "outbox", None),
        getattr(store, "idempotency", None),
        getattr(store, "inbox", None),
        clock,
        open_cache(settings.redis_url),
    )


def current_service() -> Service:
    service: Service = flask.current_app.extensions[EXTENSION]
    return service


class Parser(FlaskParser):
    def load_json(self, request: Any, schema: Any) -> Any:
        try:
            return super().load_json(request, schema)
        except RecursionError:
            detail = "The body is nested too deeply to be read."
            raise RequestProblem("bad-request", 400, "Bad Request", detail) from None


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # the library is untyped
    """A blueprint whose views are use cases: the transaction, the actor and the key are handled here."""

    ARGUMENTS_PARSER = Parser()

    def change(
        self,
        rule: str,
        *,
        takes: type[Schema] = Empty,
        returns: type[Schema],
        roles: Collection[Role],
        method: str = "POST",
        status: int = 201,
        edits: bool = False,
        public: bool = False,
        keeps_answer: bool = True,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A request that changes something: `view(change, body, **path)` runs inside one transaction.

        `edits` demands If-Match with the version the caller saw. `public` needs no token. An answer with
        personal data is not kept for repeats (`keeps_answer=False`): a repeat is a request of its own.
        """

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(view)
            def use_case(body: dict[str, Any], **path: Any) -> Any:
                result = view(g.change, body, **path)
                g.version = result.get("version") if isinstance(result, Mapping) else None
                return result

            documented = self.arguments(takes)(self.response(status, returns)(use_case))

            @functools.wraps(documented)
            def handle(**path: Any) -> Response:
                actor = (
                    ANONYMOUS if public and not request.authorization else authenticate(roles if not public else None)
                )
                check_body_is_json()
                return in_one_transaction(actor, edits, keeps_answer, lambda: documented(**path))

            headers = [IDEMPOTENCY_HEADER, *([IF_MATCH_HEADER] if edits else [])]
            described = self.doc(parameters=headers, **({} if public else {"security": [{"bearer": []}]}))(handle)
            self.route(rule, methods=[method])(described)
            return view

        return decorate

    def query(
        self,
        rule: str,
        *,
        takes: type[Schema] = Empty,
        returns: type[Schema],
        roles: Collection[Role] | None = None,
        public: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A request that only reads: `view(tx, arguments, **path)` sees one consistent state.

        `roles=None` admits every signed-in account, `public` everybody.
        """

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(view)
            def look(arguments: dict[str, Any], **path: Any) -> Any:
                with current_service().database.read() as tx:
                    result = view(tx, arguments, **path)
                g.version = result.get("version") if isinstance(result, Mapping) else None
                return result

            documented = self.arguments(takes, location="query", unknown="raise")(self.response(200, returns)(look))

            @functools.wraps(documented)
            def handle(**path: Any) -> Response:
                g.actor = ANONYMOUS if public and not request.authorization else authenticate(None if public else roles)
                return with_etag(documented(**path))

            described = self.doc(**({} if public else {"security": [{"bearer": []}]}))(handle)
            self.route(rule, methods=["GET"])(described)
            return view

        return decorate


def authenticate(roles: Collection[Role] | None) -> Actor:
    """The account behind the bearer token. Raises RequestProblem: 401 without one, 403 without one of `roles`."""
    service = current_service()
    credentials = request.authorization
    try:
        token = credentials.token if credentials and credentials.type == "bearer" else None
        actor = read_token(token, secret=service.settings.secret, now=service.clock.now())
    except BadToken as error:
        problem = RequestProblem("not-signed-in", 401, "Not signed in", f"Sign in first: {error}.")
        problem.headers["WWW-Authenticate"] = 'Bearer realm="dure"'
        raise problem from error
    if roles is not None and not actor.has_any(roles):
        needed, held = sorted(roles), sorted(actor.roles)
        raise RequestProblem(
            "role-missing",
            403,
            "Not allowed for this role",
            f"This needs the role {' or '.join(needed)}; the account has {', '.join(held) or 'none'}.",
            needed_roles=needed,
            held_roles=held,
        )
    return actor


def check_body_is_json() -> None:
    if request.content_length and not request.is_json:
        raise RequestProblem(
            "unsupported-media-type",
            415,
            "Unsupported media type",
            f"The body is {request.mimetype or 'of no declared type'}; send application/json.",
        )


def in_one_transaction(actor: Actor, edits: bool, keeps_answer: bool, use_case: Callable[[], Response]) -> Response:
    """Run the use case and keep its answer under the Idempotency-Key, or repeat the answer given before."""
    service = current_service()
    assert service.outbox is not None
    assert service.idempotency is not None
    key = idempotency.check_key(request.headers.get("Idempotency-Key"))
    body = request.get_data(cache=True)
    version = expected_version() if edits else None
    # If-Match is part of what was asked: the same edit against another version is another request. Keyed,
    # because a body may hold a password or a telephone number that a plain hash would let one guess.
    asked = canonical_json([request.method, request.path, version]) + b"\n" + body
    request_hash = hmac.new(service.settings.secret.encode(), asked, "sha256").hexdigest()
    with service.database.write() as tx:
        now = service.clock.now()
        before = idempotency.claim(
            tx, service.idempotency, account=actor.id, key=key, request_hash=request_hash, now=now
        )
        if before is not None:
            return repeated(before)
        g.change = Change(tx, actor, now, service.name, service.outbox, g.correlation_id, version)
        response = with_etag(use_case())
        if keeps_answer:
            answer = idempotency.Answer(response.status_code, response.headers.get("ETag"), response.get_data())
            idempotency.keep(tx, service.idempotency, account=actor.id, key=key, answer=answer)
    return response


def expected_version() -> int:
    """The version named by If-Match. Raises RequestProblem when it is missing or not one of ours."""
    header = request.headers.get("If-Match")
    if header is None:
        raise RequestProblem(
            "if-match-missing",
            428,
            "If-Match is missing",
            "Send If-Match with the ETag of what you read, so that nobody's edit is overwritten unseen.",
        )
    match = ETAG_FORM.fullmatch(header)
    if match is None:
        raise RequestProblem(
            "if-match-malformed", 400, "If-Match is malformed", 'Send one ETag as it was received, for example "3".'
        )
    return int(match.group(1))


def with_etag(response: Response) -> Response:
    if (version := g.get("version")) is not None:
        response.headers["ETag"] = f'"{version}"'
    return response


def repeated(answer: idempotency.Answer) -> Response:
    response = Response(answer.body, status=answer.status, content_type="application/json")
    if answer.etag:
        response.headers["ETag"] = answer.etag
    response.headers["Idempotent-Replay"] = "true"
    return response


IDEMPOTENCY_HEADER: Final = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    "description": "A repeat with the same key counts once and gets the same answer.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,128}$", "minLength": 1, "maxLength": 128},
}
IF_MATCH_HEADER: Final = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "description": "The ETag of the version that was read.",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,18}"$'},
}
