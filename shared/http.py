"""The HTTP side of a service: one decorator for changes, one for queries."""

import functools
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import flask
import flask_smorest
import sqlalchemy as sa
from flask import Response, g, request
from webargs.flaskparser import FlaskParser

from shared import idempotency
from shared.access import AccessList
from shared.auth import Actor, BadToken, read_token
from shared.cache import Cache, open_cache
from shared.changes import Change
from shared.clock import Clock
from shared.config import Settings
from shared.dating import DatingPolicy
from shared.db import Database
from shared.events import canonical_json
from shared.fields import ID_PATTERN, NOT_AN_ID, Empty, Schema
from shared.inbox import InboxTables
from shared.migrations import migrate
from shared.permissions import Permission, Permissions, Scope
from shared.problems import RequestProblem

EXTENSION: Final = "dure"
ANONYMOUS: Final = Actor("anonymous", frozenset())
ACTING_BODY_HEADER: Final = "Acting-Body"
ETAG_FORM: Final = re.compile(r'(?:W/)?"(\d{1,18})"')


@dataclass(frozen=True)
class Service:
    """Everything a service's HTTP side works with. One that publishes nothing has no outbox."""

    name: str
    settings: Settings
    database: Database
    outbox: sa.Table | None
    idempotency: sa.Table
    inbox: InboxTables | None
    clock: Clock
    cache: Cache
    access: AccessList
    tables: sa.MetaData


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked of a service, as its table of permissions and its documentation name it."""

    name: str
    method: str
    rule: str
    permission: Permission


def open_service(name: str, settings: Settings, store: Any, clock: Clock) -> Service:
    """Open and migrate the service's own database and put together what its HTTP side needs.

    `store` is the service's `store` module: metadata, MIGRATIONS, `access`, `idempotency`, and `outbox` or `inbox`.
    """
    settings.check_given("seal_key")
    # A row of one service is not taken for one of another.
    seal_key = hmac.digest(settings.seal_key.encode(), name.encode(), "sha256")
    database = Database(settings.database_url_of(name), seal_key=seal_key)
    migrate(database, store.MIGRATIONS)
    return Service(
        name,
        settings,
        database,
        getattr(store, "outbox", None),
        store.idempotency,
        getattr(store, "inbox", None),
        clock,
        open_cache(settings.redis_url),
        AccessList(database, store.access),
        store.metadata,
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
    """A blueprint whose views are use cases: the transaction, the actor and the key are handled here.

    Who may use a view, and how its facts may be dated, is looked up by the view's name.
    """

    ARGUMENTS_PARSER = Parser()

    def __init__(
        self, *args: Any, permissions: Permissions, dating: DatingPolicy | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.permissions = permissions
        self.dating = dating
        self.operations: list[Operation] = []

    def allow(self, view: Callable[..., Any], method: str, rule: str) -> Operation:
        """The operation that a view is, from the table of permissions. Raises KeyError for one it does not name."""
        operation = Operation(view.__name__, method, rule, self.permissions[view.__name__])
        self.operations.append(operation)
        return operation

    def change(
        self,
        rule: str,
        *,
        takes: type[Schema] = Empty,
        returns: type[Schema],
        method: str = "POST",
        status: int = 201,
        edits: bool = False,
        keeps_answer: bool = True,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A request that changes something: `view(change, body, **path)` runs inside one transaction.

        `edits` demands If-Match with the version the caller saw. An answer with personal data is not kept for repeats
        (`keeps_answer=False`): a repeat is a request of its own.
        """

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            operation = self.allow(view, method, rule)

            @functools.wraps(view)
            def use_case(body: dict[str, Any], **path: Any) -> Any:
                change: Change = g.change
                result = view(change, body, **path)
                if operation.permission.scope is Scope.BODY and change.body_id is None:
                    raise AssertionError(f"{operation.name} did not ask for which body it is done")
                g.version = result.get("version") if isinstance(result, Mapping) else None
                return result

            documented = self.arguments(takes)(self.response(status, returns)(use_case))

            @functools.wraps(documented)
            def handle(**path: Any) -> Response:
                actor = authenticate(operation.permission)
                check_body_is_json()
                asked = Asked(operation, self.dating, actor, edits, keeps_answer)
                return in_one_transaction(asked, lambda: documented(**path))

            headers = [IDEMPOTENCY_HEADER, *([IF_MATCH_HEADER] if edits else [])]
            self.route(rule, methods=[method])(self.documented(handle, operation, headers))
            return view

        return decorate

    def query(
        self,
        rule: str,
        *,
        takes: type[Schema] = Empty,
        returns: type[Schema],
        before: Callable[[dict[str, Any]], None] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A request that only reads: `view(tx, arguments, **path)` sees one consistent state.

        `before` is called with the arguments ahead of that.
        """

        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            operation = self.allow(view, "GET", rule)

            @functools.wraps(view)
            def look(arguments: dict[str, Any], **path: Any) -> Any:
                if before is not None:
                    before(arguments)
                with current_service().database.read() as tx:
                    result = view(tx, arguments, **path)
                g.version = result.get("version") if isinstance(result, Mapping) else None
                return result

            documented = self.arguments(takes, location="query", unknown="raise")(self.response(200, returns)(look))

            @functools.wraps(documented)
            def handle(**path: Any) -> Response:
                g.actor = authenticate(operation.permission)
                return with_etag(documented(**path))

            self.route(rule, methods=["GET"])(self.documented(handle, operation, []))
            return view

        return decorate

    def documented(self, handle: Callable[..., Any], operation: Operation, headers: list[Any]) -> Callable[..., Any]:
        signed_in = operation.permission.scope is not Scope.PUBLIC
        if signed_in and operation.method != "GET":
            headers = [*headers, ACTING_BODY]
        described: Callable[..., Any] = self.doc(
            **({"parameters": headers} if headers else {}), **({"security": [{"bearer": []}]} if signed_in else {})
        )(handle)
        return described


def authenticate(permission: Permission) -> Actor:
    """The account behind the bearer token. Raises RequestProblem: 401 without one, 403 without one of the roles.

    Where nobody has to sign in, somebody may all the same; a token that is no good is refused there too.
    """
    if permission.scope is Scope.PUBLIC and not request.authorization:
        return ANONYMOUS
    service = current_service()
    credentials = request.authorization
    try:
        token = credentials.token if credentials and credentials.type == "bearer" else None
        actor = read_token(token, verifying_key=service.settings.verifying_key, now=service.clock.now())
        service.access.check(actor)
    except BadToken as error:
        problem = RequestProblem("not-signed-in", 401, "Not signed in", f"Sign in first: {error}.")
        problem.headers["WWW-Authenticate"] = 'Bearer realm="dure"'
        raise problem from error
    if permission.scope is not Scope.PUBLIC and not actor.has_any(permission.roles):
        needed, held = sorted(permission.roles), sorted(actor.roles)
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


@dataclass(frozen=True)
class Asked:
    """A change that somebody asks for."""

    operation: Operation
    dating: DatingPolicy | None
    actor: Actor
    edits: bool
    keeps_answer: bool


def in_one_transaction(asked_for: Asked, use_case: Callable[[], Response]) -> Response:
    """Run the use case and keep its answer under the Idempotency-Key, or repeat the answer given before."""
    service, actor = current_service(), asked_for.actor
    key = idempotency.check_key(request.headers.get("Idempotency-Key"))
    body = request.get_data(cache=True)
    version = expected_version() if asked_for.edits else None
    acting_body = asked_body_id()
    # If-Match is part of what was asked: the same edit against another version is another request. Keyed,
    # because a body may hold a password or a telephone number that a plain hash would let one guess.
    asked = canonical_json([request.method, request.path, version, acting_body]) + b"\n" + body
    request_hash = hmac.new(service.settings.secret.encode(), asked, "sha256").hexdigest()
    with service.database.write() as tx:
        now = service.clock.now()
        before = idempotency.claim(
            tx, service.idempotency, account=actor.id, key=key, request_hash=request_hash, now=now
        )
        if before is not None:
            return repeated(before)
        g.change = Change(
            tx=tx,
            actor=actor,
            now=now,
            service=service.name,
            outbox=service.outbox,
            correlation_id=g.correlation_id,
            operation=asked_for.operation.name,
            permission=asked_for.operation.permission,
            dating=asked_for.dating,
            expected_version=version,
            asked_body_id=acting_body,
        )
        response = with_etag(use_case())
        if asked_for.keeps_answer:
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


def asked_body_id() -> str | None:
    """The body named by Acting-Body. Raises RequestProblem when it is no id."""
    header = request.headers.get(ACTING_BODY_HEADER)
    if header is not None and not re.fullmatch(ID_PATTERN, header):
        raise RequestProblem(
            "acting-body-malformed", 400, "Acting-Body is malformed", f"{ACTING_BODY_HEADER} is not an id. {NOT_AN_ID}"
        )
    return header


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
ACTING_BODY: Final = {
    "in": "header",
    "name": ACTING_BODY_HEADER,
    "required": False,
    "description": "For which body this is done; needed only by an account that acts for several.",
    "schema": {"type": "string", "pattern": ID_PATTERN},
}
