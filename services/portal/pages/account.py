"""Signing in and out, and one's own account."""

from typing import Any

import flask
from flask import request

from services.portal import demo, navigation, visitor
from services.portal.answers import done, refused_page
from services.portal.calls import services, submit
from services.portal.forms import as_typed

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
    return done(visitor.safe_path(request.form.get("next"), _landing()))


@blueprint.post("/acting-body")
@visitor.requires()
def choose_body() -> Any:
    """Act for another body from now on, on the page that fits what the account does there."""
    visitor.act_for(request.form.get("body_id", ""))
    return done(_landing())


@blueprint.post("/sign-out")
def sign_out() -> Any:
    visitor.sign_out()
    return done(flask.url_for("home.situation"), "signin.signed_out")


@blueprint.get("/me")
@visitor.requires()
def me() -> str:
    return flask.render_template("me.html")


@blueprint.post("/me/password")
@visitor.requires()
def change_password() -> Any:
    """Every session of the account ends, this one too."""
    body = {name: as_typed(name) for name in ("old_password", "password")}
    reply = submit("situation", "/me/password", body)
    if not reply.ok:
        return refused_page(reply, "me.html")
    visitor.sign_out()
    return done(flask.url_for("account.sign_in_page"), "me.password_changed")


@blueprint.post("/me/sign-out")
@visitor.requires()
def sign_out_everywhere() -> Any:
    reply = submit("situation", "/me/sign-out", {})
    if not reply.ok:
        return refused_page(reply, "me.html")
    visitor.sign_out()
    return done(flask.url_for("account.sign_in_page"), "me.signed_out_everywhere")


def _landing() -> str:
    account = visitor.account()
    assert account is not None
    return flask.url_for(navigation.landing_for(account.roles))


def _form() -> dict[str, Any]:
    return {
        "demo_accounts": demo.ACCOUNTS if services().settings.is_demo else (),
        "next": visitor.safe_path(request.values.get("next"), ""),
    }
