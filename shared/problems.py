"""Errors on the wire: RFC 9457 problem+json with a stable type, a sentence and the numbers involved."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, InternalServerError

from shared.events import canonical_json
from shared.refusals import (
    AlreadyExists,
    DateNotAllowed,
    DatesOutOfOrder,
    OtherBody,
    OtherDisaster,
    Refusal,
    StaleVersion,
    StorageUnavailable,
    Unknown,
    WhichBody,
    WrongState,
)

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:dure:problem:"

log = structlog.get_logger()


@dataclass(frozen=True)
class ProblemKind:
    """What a refusal becomes on the wire."""

    slug: str
    status: int
    title: str


class RequestProblem(Exception):
    """A request that cannot be served for a reason of HTTP rather than of a rule."""

    def __init__(self, slug: str, status: int, title: str, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.kind = ProblemKind(slug, status, title)
        self.facts = facts
        self.headers: dict[str, str] = {}


SHARED_PROBLEMS: Final[Mapping[type[Refusal], ProblemKind]] = {
    Unknown: ProblemKind("not-found", 404, "Not found"),
    AlreadyExists: ProblemKind("already-exists", 409, "Already exists"),
    StaleVersion: ProblemKind("stale-version", 412, "Edited by somebody else"),
    WrongState: ProblemKind("wrong-state", 409, "Not possible in this state"),
    DatesOutOfOrder: ProblemKind("dates-out-of-order", 422, "Dates out of order"),
    DateNotAllowed: ProblemKind("effective-date-not-allowed", 422, "Effective date not allowed"),
    OtherBody: ProblemKind("other-body", 403, "The work of another body"),
    OtherDisaster: ProblemKind("other-disaster", 403, "The work of another disaster"),
    WhichBody: ProblemKind("which-body", 422, "For which body?"),
    StorageUnavailable: ProblemKind("storage-unavailable", 503, "Cannot be stored now"),
}
# The database cannot be reached, stops, has no room or is waited for in vain; never a mistake of who asks.
STORAGE_ERRORS: Final = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
RETRY_AFTER_SECONDS: Final = 5


def problem_response(kind: ProblemKind, detail: str, facts: Mapping[str, Any] | None = None) -> Response:
    body = {"type": TYPE_PREFIX + kind.slug, "title": kind.title, "status": kind.status, "detail": detail}
    return Response(canonical_json({**(facts or {}), **body}), status=kind.status, content_type=MEDIA_TYPE)


def register_problems(app: Flask, problems: Mapping[type[Refusal], ProblemKind]) -> None:
    """Map every error of the app to problem+json; `problems` is the service's own table."""
    table = {**SHARED_PROBLEMS, **problems}

    def on_refusal(error: Refusal) -> Response:
        kind = next(table[cls] for cls in type(error).__mro__ if cls in table)
        return refusal_response(kind, error)

    app.register_error_handler(Refusal, on_refusal)
    app.register_error_handler(RequestProblem, on_request_problem)
    app.register_error_handler(HTTPException, on_http_error)
    for storage_error in STORAGE_ERRORS:
        app.register_error_handler(storage_error, on_storage_error)
    app.register_error_handler(Exception, on_unexpected)


def refusal_response(kind: ProblemKind, refusal: Refusal) -> Response:
    return problem_response(kind, refusal.sentence(preferred_language()), refusal.facts)


def on_request_problem(error: RequestProblem) -> Response:
    response = problem_response(error.kind, str(error), error.facts)
    response.headers.update(error.headers)
    return response


def on_http_error(error: HTTPException) -> Response:
    if isinstance(error, InternalServerError):
        return on_unexpected(error.original_exception or error)
    facts: dict[str, Any] = {}
    detail = error.description or error.name
    if messages := getattr(error, "data", {}).get("messages"):  # what webargs found wrong with the request
        facts["errors"] = _texts(messages)
        detail = _first_sentence(facts["errors"])
    kind = ProblemKind(re.sub(r"\W+", "-", error.name.lower()), error.code or 500, error.name)
    response = problem_response(kind, detail, facts)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):  # Allow of a 405, Retry-After of a 429
            response.headers[name] = value
    return response


def on_storage_error(error: Exception) -> Response:
    log.error("the database failed", path=request.path, error=repr(getattr(error, "orig", error)))
    response = refusal_response(SHARED_PROBLEMS[StorageUnavailable], StorageUnavailable())
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def on_unexpected(error: BaseException) -> Response:
    log.error("unexpected error", path=request.path, exc_info=error)
    kind = ProblemKind("internal", 500, "Internal error")
    return problem_response(kind, "Something went wrong on our side; nothing was changed. Please try again.")


def preferred_language() -> str:
    """Korean unless the caller asks for English first."""
    return request.accept_languages.best_match(["ko", "en"], default="ko") if request.accept_languages else "ko"


def _texts(messages: Any) -> Any:
    """Validation messages as plain JSON: field names may be numbers (list positions)."""
    if isinstance(messages, Mapping):
        return {str(key): _texts(value) for key, value in messages.items()}
    if isinstance(messages, list | tuple):
        return [_texts(value) for value in messages]
    return str(messages)


def _first_sentence(messages: Any, path: str = "") -> str:
    if isinstance(messages, dict) and messages:
        key, value = next(iter(messages.items()))
        return _first_sentence(value, f"{path}.{key}".lstrip("."))
    if isinstance(messages, list) and messages:
        return _first_sentence(messages[0], path)
    return f"{path}: {messages}" if path else str(messages)
