"""Wiring of the portal: HTML for people, over the services' APIs."""

import gzip
from datetime import timedelta
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import flask
import jinja2
import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from services.portal import calls, explaining, formats, messages, names, navigation, visitor
from services.portal.answers import wants_json
from services.portal.pages import account, accounts, audit, goods, home, money, volunteers
from shared.auth import TOKEN_HOURS
from shared.clock import Clock, SystemClock, seoul_date
from shared.config import ConfigurationError, Settings, load_settings
from shared.gateway import Gateway
from shared.telemetry import configure_logging, metrics_response, observe_requests

NAME: Final = "portal"
SERVICES: Final = ("situation", "inventory", "disbursement", "dispatch", "ledger")
ASSET_SECONDS: Final = 7 * 24 * 3600  # fetched files are pinned; a new version has other bytes after a week at most
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

log = structlog.get_logger()


def create_app(settings: Settings | None = None, gateway: Gateway | None = None, clock: Clock | None = None) -> Flask:
    """Raises ConfigurationError if no gateway is given and DURE_SERVICE_URL is empty."""
    settings, clock = settings or load_settings(), clock or SystemClock()
    if gateway is None:
        if not settings.service_url:
            raise ConfigurationError("DURE_SERVICE_URL is empty: the portal does not know where the services are")
        gateway = Gateway.remote(settings.service_url)
    app = Flask(NAME, root_path=str(Path(__file__).parent))
    app.extensions[calls.EXTENSION] = calls.Services(gateway, settings, clock)
    app.config.update(
        SECRET_KEY=f"portal sessions: {settings.secret}",  # another key than the tokens', from the same secret
        SESSION_COOKIE_NAME="dure_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=not settings.is_demo,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=TOKEN_HOURS),
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        TRUSTED_PROXIES=settings.trusted_proxies,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
        PROPAGATE_EXCEPTIONS=False,
    )
    configure_logging(settings.log_level)
    observe_requests(app, NAME)
    app.before_request(visitor.check_form_token)
    app.after_request(add_security_headers)
    for page in (home, account, accounts, goods, money, volunteers, audit):
        app.register_blueprint(page.blueprint)
    add_own_routes(app, settings.assets)
    register_errors(app)
    prepare_templates(app)
    return app


def add_security_headers(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-store"  # a shared phone must not show the last person's pages
    return response


def add_own_routes(app: Flask, assets: Path) -> None:
    @cache
    def compressed(name: str) -> bytes:
        """A style sheet for a phone with a bad signal: a tenth of its size."""
        return gzip.compress((assets / "krds-uiux" / name).read_bytes(), mtime=0)

    def asset(name: str) -> Response:
        response = flask.send_from_directory(assets / "krds-uiux", name, max_age=ASSET_SECONDS)
        if response.mimetype == "text/css" and response.status_code == HTTPStatus.OK:
            response.vary.add("Accept-Encoding")
            if request.accept_encodings.quality("gzip") > 0:
                response.close()  # the file that was opened for it
                response.set_data(compressed(name))
                response.content_encoding = "gzip"
        return response

    def healthz() -> dict[str, str]:
        return {"status": "alive", "service": NAME}

    def readyz() -> tuple[dict[str, Any], int]:
        """Ready while any service answers: a page whose service is away says so, the others work."""
        gateway = calls.services().gateway
        checks = {service: gateway.is_reachable(service) for service in SERVICES}
        ready = any(checks.values())
        return {"status": "ready" if ready else "not ready", "service": NAME, "checks": checks}, 200 if ready else 503

    app.add_url_rule("/assets/krds/<path:name>", "asset", asset)
    for path, view in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics_response)):
        app.add_url_rule(path, view.__name__, view)


def register_errors(app: Flask) -> None:
    def on_refused(error: calls.Refused) -> Any:
        reply = error.reply
        if reply.status == 401:  # the token has run out or was made void, or was never there
            visitor.sign_out()
            if not wants_json():
                flask.flash("signin.again")
                return flask.redirect(flask.url_for("account.sign_in_page", next=visitor.here()), 303)
        return error_page(reply.status, reply.body if reply.is_problem else None)

    def on_forged(_error: visitor.FormForged) -> Any:
        return error_page(403, {"type": "form-forged", "detail": messages.text("error.form", visitor.language())})

    def on_http_error(error: HTTPException) -> Any:
        if error.code is None or error.code < 400:
            return error
        return error_page(error.code, None)

    def on_unexpected(error: Exception) -> Any:
        log.error("unexpected error", path=request.path, exc_info=error)
        return error_page(500, None)

    app.register_error_handler(calls.Refused, on_refused)
    app.register_error_handler(visitor.FormForged, on_forged)
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(Exception, on_unexpected)


def error_page(status: int, problem: dict[str, Any] | None) -> Any:
    """An error in the portal's own design; for scripts the bare problem."""
    if wants_json():
        return {"status": status, **(problem or {})}, status
    kind = str(status) if f"error.{status}.title" in messages.catalogue() else "other"
    return flask.render_template("error.html", kind=kind, problem=problem), status


def prepare_templates(app: Flask) -> None:
    app.jinja_env.undefined = jinja2.StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(number=formats.number, thousand=formats.thousand_won, rate=formats.rate)
    app.jinja_env.filters.update(called=names.called, said=names.said)

    def context() -> dict[str, Any]:
        language, account = visitor.language(), visitor.account()
        settings = calls.services().settings
        return {
            "t": lambda key, **facts: messages.text(key, language, **facts),
            "word": lambda kind, code: messages.word(kind, code, language),
            "name_of": names.name_of,
            "lang_of": names.lang_of,
            "problem_sentence": explaining.sentence,
            "field_errors": messages.field_errors,
            "day": partial(formats.day, language=language),
            "moment": partial(formats.moment, language=language),
            "period": partial(formats.period, language=language),
            "as_of_text": partial(formats.as_of, language=language),
            "language": language,
            "account": account,
            "menu": navigation.menu_for(account.roles if account else frozenset()),
            "form_token": visitor.form_token,
            "here": visitor.here,
            "new_key": lambda: uuid4().hex,
            "today": seoul_date(calls.services().clock.now()),
            "is_demo": settings.is_demo,
            "problem": None,
            "entered": {},
        }

    app.context_processor(context)
