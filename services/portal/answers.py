"""What a form is answered with: the next page, or the form again with the refusal above it."""

from typing import Any

import flask
from flask import request
from werkzeug.wrappers import Response

from services.portal.calls import Refused
from services.portal.explaining import sentence
from shared.gateway import Reply


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
    """The form again, with what was entered. Raises Refused where the session has ended."""
    if reply.status == 401:
        raise Refused(reply)
    if wants_json():
        return {**reply.body, "detail": sentence(reply.body)}, reply.status
    return flask.render_template(template, problem=reply.body, entered=request.form, **context), reply.status
