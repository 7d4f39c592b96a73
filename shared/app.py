"""A service's Flask app: its blueprints, its OpenAPI document, health and metrics."""

from collections.abc import Collection, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import flask
import flask_smorest
import marshmallow as ma
import sqlalchemy as sa
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from flask import Flask, Response
from marshmallow import fields as ma_fields
from werkzeug.routing import BaseConverter

from shared import seals
from shared.auth import Role
from shared.db import Database
from shared.fields import Schema
from shared.http import EXTENSION, Blueprint, Service, authenticate
from shared.outbox import control_totals, unpublished
from shared.permissions import system
from shared.problems import MEDIA_TYPE, ProblemKind, register_problems
from shared.refusals import Refusal
from shared.rows import rows_of
from shared.telemetry import BREAKS, UNPUBLISHED, configure_logging, metrics_response, observe_requests

CONTROL_TOTALS: Final = system(Role.AUDITOR, Role.ADMINISTRATOR)
MOST_BROKEN_SEALS: Final = 100


class Problem(Schema):
    """RFC 9457. Further members carry the numbers of the case."""

    class Meta:
        unknown = ma.INCLUDE

    type = ma_fields.String(required=True)
    title = ma_fields.String(required=True)
    status = ma_fields.Integer(required=True)
    detail = ma_fields.String(required=True)


class Api(flask_smorest.Api):  # type: ignore[misc]  # the library is untyped
    ERROR_SCHEMA = Problem

    def _register_responses(self) -> None:
        # The library documents errors with the media type of successes; ours are problem+json.
        self.DEFAULT_RESPONSE_CONTENT_TYPE = MEDIA_TYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE

    def _register_error_handlers(self) -> None:
        """Errors are mapped in `shared.problems`."""


class IdConverter(BaseConverter):
    """Path ids are checked before any query sees them."""

    regex = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def create_app(
    service: Service,
    *,
    title: str,
    blueprints: Collection[Blueprint],
    problems: Mapping[type[Refusal], ProblemKind],
) -> Flask:
    """A service's app: its blueprints below `/api/<service>/v1`, its spec, health and metrics."""
    configure_logging(service.settings.log_level)
    app = Flask(service.name, static_folder=None)
    prefix = f"/api/{service.name}"
    app.extensions[EXTENSION] = service
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.url_map.converters["id"] = IdConverter
    app.config.update(
        MAX_CONTENT_LENGTH=service.settings.max_body_bytes,
        API_TITLE=title,
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=prefix,
        OPENAPI_SWAGGER_UI_PATH="docs",
        OPENAPI_SWAGGER_UI_URL=f"{prefix}/swagger-ui/",
        PROPAGATE_EXCEPTIONS=False,
    )
    observe_requests(app, service.name)
    register_problems(app, problems)
    api = Api(app, spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=schema_name)})
    api.register_converter(IdConverter, lambda _: {"type": "string", "pattern": f"^{IdConverter.regex}$"})
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    for blueprint in blueprints:
        api.register_blueprint(blueprint, url_prefix=f"{prefix}/v1")
    add_operations_routes(app, service, prefix)
    return app


def schema_name(schema: Any) -> str:
    cls: Any = resolve_schema_cls(schema)
    return str(cls.__name__)


def add_operations_routes(app: Flask, service: Service, prefix: str) -> None:
    """Health, readiness, metrics, control totals, broken seals and the files of the browsable API page."""

    def healthz() -> dict[str, str]:
        return {"status": "alive", "service": service.name}

    def readyz() -> tuple[dict[str, Any], int]:
        checks = {"database": database_answers(service.database), "cache": service.cache.is_reachable()}
        ready = checks["database"]  # the cache holds only what may be lost, so its absence is told but not fatal
        return {
            "status": "ready" if ready else "not ready",
            "service": service.name,
            "checks": checks,
        }, 200 if ready else 503

    def totals() -> dict[str, Any]:
        authenticate(CONTROL_TOTALS)
        with service.database.read() as tx:
            tables = (service.outbox, service.inbox.events if service.inbox else None)
            found = [total for table in tables if table is not None for total in control_totals(tx, table)]
        return {"items": [vars(total) for total in found]}

    def broken_seals() -> dict[str, Any]:
        authenticate(CONTROL_TOTALS)
        with service.database.read() as tx:
            return {"items": list(islice(seals.broken(tx, service.tables), MOST_BROKEN_SEALS))}

    def metrics() -> Response:
        with service.database.read() as tx:
            if service.outbox is not None:
                UNPUBLISHED.labels(service.name).set(unpublished(tx, service.outbox))
            if service.inbox is not None:
                BREAKS.labels(service.name).set(rows_of(tx, service.inbox.breaks))
        return metrics_response()

    def swagger_ui(name: str) -> Response:
        return flask.send_from_directory(Path(service.settings.assets) / "swagger-ui-dist", name)

    for path, view in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        app.add_url_rule(path, f"root_{view.__name__}", view)
        app.add_url_rule(prefix + path, view.__name__, view)
    app.add_url_rule(f"{prefix}/v1/control-totals", "control_totals", totals)
    app.add_url_rule(f"{prefix}/v1/broken-seals", "broken_seals", broken_seals)
    app.add_url_rule(f"{prefix}/swagger-ui/<name>", "swagger_ui", swagger_ui)


def database_answers(database: Database) -> bool:
    try:
        with database.read() as tx:
            tx.execute(sa.text("SELECT 1"))
    except sa.exc.SQLAlchemyError:
        return False
    return True
