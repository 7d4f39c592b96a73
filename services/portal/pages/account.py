"""Signing in and out."""

from typing import Any

import flask
from flask import request

from services.portal import demo, navigation, visitor
from services.portal.calls import done, services

blueprint = flask.Blueprint("account", __name__)


@blueprint.get("/sign-in")
def sign_in_page() -> str:
    return flask.render_template("sign_in.html", **_form())


@blueprint.post("/sign-in")
def sign_in() -> Any:
    given = {"account": request.form.get("account", ""), "password": request.form.get("password", "")}
    if services().settings.is_demo and (chosen := request.form.get("demo_account")):
        given = {"account": chosen, "password": demo.PASSWORD}
    reply = services().call("situation", "POST", "/tokens", json=given)
    if not reply.ok:
        return flask.render_template("sign_in.html", problem=reply.body, entered=request.form, **_form()), reply.status
    visitor.sign_in(reply.body)
    landing = flask.url_for(navigation.landing_for(frozenset(reply.body["roles"])))
    return done(visitor.safe_path(request.form.get("next"), landing))


@blueprint.post("/sign-out")
def sign_out() -> Any:
    visitor.sign_out()
    return done(flask.url_for("home.situation"), "signin.signed_out")


def _form() -> dict[str, Any]:
    return {
        "demo_accounts": demo.ACCOUNTS if services().settings.is_demo else (),
        "next": visitor.safe_path(request.values.get("next"), ""),
    }
