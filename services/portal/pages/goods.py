"""Relief goods, for the coordinator in the field: shipments, stock, requests."""

from typing import Any, Final

import flask
from flask import request, url_for

from services.portal import forms, visitor
from services.portal.answers import done, refused_page
from services.portal.calls import ask, ask_all, segment, submit
from services.portal.forms import field, whole_number
from services.portal.visitor import requires
from shared.auth import Role

NEWEST: Final = 200  # rows of a list on one page
DAYS_BACK: Final = 7  # what the date fields offer; what is allowed says the service

blueprint = flask.Blueprint("goods", __name__)


@blueprint.get("/shipments")
@requires(Role.COORDINATOR)
def shipments() -> str:
    state = request.args.get("state")
    found = ask_all("inventory", "/shipments", state=state)
    return flask.render_template("shipments.html", shipments=found[::-1][:NEWEST], state=state)


@blueprint.get("/shipments/new")
@requires(Role.COORDINATOR)
def new_shipment() -> str:
    return flask.render_template("shipment_new.html", **_choices())


@blueprint.post("/shipments/new")
@requires(Role.COORDINATOR)
def ship() -> Any:
    """Reserve and dispatch in one go: what a person standing at the lorry does, or did some days ago."""
    names = ("depot_id", "disaster_id", "region_id", "request_id", "effective_date")
    lines = [{"item_id": field("item_id"), "quantity": whole_number("quantity")}]
    body = {name: field(name) for name in names} | {"lines": lines, "dispatch_now": True}
    reply = submit("inventory", "/shipments", body)
    if not reply.ok:
        return refused_page(reply, "shipment_new.html", **_choices())
    return done(url_for("goods.shipment", shipment_id=reply.body["id"]), "shipment.sent")


@blueprint.get("/shipments/<shipment_id>")
@requires(Role.COORDINATOR)
def shipment(shipment_id: str) -> str:
    return flask.render_template("shipment.html", **_shipment(shipment_id))


@blueprint.post("/shipments/<shipment_id>/receipts")
@requires(Role.COORDINATOR)
def receive(shipment_id: str) -> Any:
    """Record what has arrived; a part is enough."""
    items = [(item_id, whole_number(f"quantity.{item_id}")) for item_id in request.form.getlist("item_id")]
    arrived = [{"item_id": item_id, "quantity": quantity} for item_id, quantity in items if quantity not in ("", 0)]
    body = {"lines": arrived, "note": field("note"), "effective_date": field("effective_date")}
    return _act(shipment_id, "receipts", body, "shipment.received")


@blueprint.post("/shipments/<shipment_id>/dispatch")
@requires(Role.COORDINATOR)
def dispatch(shipment_id: str) -> Any:
    return _act(shipment_id, "dispatch", {"effective_date": field("effective_date")}, "shipment.sent")


@blueprint.get("/stock")
@requires(Role.COORDINATOR)
def stock() -> str:
    depot_id = request.args.get("depot_id") or None
    lots = [lot for lot in ask_all("inventory", "/stock", depot_id=depot_id) if lot["on_hand"] > 0]
    return flask.render_template("stock.html", lots=lots, depots=forms.depots(), depot_id=depot_id)


@blueprint.get("/requests")
@requires(Role.COORDINATOR)
def requests() -> str:
    found = ask_all("inventory", "/requests")
    return flask.render_template("requests.html", requests=found[::-1][:NEWEST])


def _act(shipment_id: str, action: str, body: dict[str, Any], message: str) -> Any:
    reply = submit("inventory", f"/shipments/{segment(shipment_id)}/{action}", body)
    if not reply.ok:
        return refused_page(reply, "shipment.html", **_shipment(shipment_id))
    return done(url_for("goods.shipment", shipment_id=shipment_id), message)


def _shipment(shipment_id: str) -> dict[str, Any]:
    found, account = ask("inventory", f"/shipments/{segment(shipment_id)}"), visitor.account()
    return {
        "shipment": found,
        "open_items": open_items(found["lines"]),
        "is_ours": account is not None and account.may(Role.COORDINATOR, found["disaster_id"], found["body_id"]),
        "days": forms.days_back(DAYS_BACK),
    }


def open_items(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What has not arrived yet, by item: one item may come from several lots."""
    items: dict[str, dict[str, Any]] = {}
    for line in lines:
        new = {"id": line["item_id"], "unit": line["unit"], "open": 0}
        item = items.setdefault(line["item_id"], new)
        item["open"] += line["quantity"] - line["received_quantity"]
    return [item for item in items.values() if item["open"] > 0]


def _choices() -> dict[str, Any]:
    return {
        "disasters": forms.disasters_of(Role.COORDINATOR),
        "regions": forms.regions(),
        "depots": forms.depots(),
        "items": forms.items(),
        "days": forms.days_back(DAYS_BACK),
        "chosen": request.values,
    }
