"""The public front page: the situation at a glance."""

from typing import Any, Final

import flask

from services.portal import visitor
from services.portal.calls import peek, services
from services.portal.messages import LANGUAGES
from services.portal.reporting import execution_report
from shared.clock import seoul_date

STAGES: Final = ("suppression", "recovery", "livelihood")

blueprint = flask.Blueprint("home", __name__)


@blueprint.get("/")
def situation() -> str:
    """What is going on, for everybody. A service that is away leaves its part out."""
    today = seoul_date(services().clock.now()).isoformat()
    disasters = (peek("situation", "/disasters", limit=100) or {"items": []})["items"]
    execution = execution_report(peek, None)
    goods = peek("inventory", "/totals", as_of=today)
    people = peek("ledger", "/people", as_of=today)
    return flask.render_template(
        "home.html",
        disasters=list(reversed(disasters)),
        stages=STAGES,
        totals=execution["totals"] if execution else None,
        goods=goods["units"] if goods else None,
        confirmed=people["confirmed"] if people else None,
        as_of=execution["as_of"] if execution else today,
    )


@blueprint.get("/language/<code>")
def choose_language(code: str) -> Any:
    """Switch the language and go back to the page."""
    if code not in LANGUAGES:
        flask.abort(404)
    response = flask.redirect(visitor.safe_path(flask.request.args.get("next")), 303)
    response.set_cookie(
        visitor.LANGUAGE_COOKIE,
        code,
        max_age=visitor.LANGUAGE_COOKIE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=flask.current_app.config["SESSION_COOKIE_SECURE"],
    )
    return response
