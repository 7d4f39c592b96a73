"""Relief goods, for the coordinator in the field: shipments, stock, requests."""

from typing import Any, Final

import flask
from flask import request, url_for

from services.portal.calls import ask, ask_all, done, refused_page, segment, submit
from services.portal.forms import field, named, whole_number
from services.portal.visitor import requires
from shared.auth import Role

NEWEST: Final = 200  # rows of a list on one page

blueprint = flask.Blueprint("goods", __name__)


@blueprint.get("/shipments")
@requires(Role.COORDINATOR)
def shipments() -> str:
    state = request.args.get("state")
    found = ask_all("inventory", "/shipments", state=state)
    return flask.render_template("shipments.html", shipments=found[::-1][:NEWEST], state=state, **_names())


@blueprint.get("/shipments/new")
@requires(Role.COORDINATOR)
def new_shipment() -> str:
    return flask.render_template("shipment_new.html", **_choices())


@blueprint.post("/shipments/new")
@requires(Role.COORDINATOR)
def ship() -> Any:
    """Reserve and dispatch in one go: what a person standing at the lorry does."""
    reply = submit(
        "inventory",
        "/shipments",
        {
            "depot_id": field("depot_id"),
            "disaster_id": field("disaster_id"),
            "region": field("region"),
            "request_id": field("request_id"),
            "lines": [{"item_id": field("item_id"), "quantity": whole_number("quantity")}],
            "dispatch_now": True,
        },
    )
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
    body = {"lines": arrived, "note": field("note")}
    return _act(shipment_id, "receipts", body, "shipment.received")


@blueprint.post("/shipments/<shipment_id>/dispatch")
@requires(Role.COORDINATOR)
def dispatch(shipment_id: str) -> Any:
    return _act(shipment_id, "dispatch", {}, "shipment.sent")


@blueprint.get("/stock")
@requires(Role.COORDINATOR)
def stock() -> str:
    depot_id = request.args.get("depot_id") or None
    depots = named(ask_all("inventory", "/depots"))
    lots = [lot for lot in ask_all("inventory", "/stock", depot_id=depot_id) if lot["on_hand"] > 0]
    return flask.render_template("stock.html", lots=lots, depots=depots, depot_id=depot_id)


@blueprint.get("/requests")
@requires(Role.COORDINATOR)
def requests() -> str:
    found = ask_all("inventory", "/requests")
    return flask.render_template("requests.html", requests=found[::-1][:NEWEST], **_names())


def _act(shipment_id: str, action: str, body: dict[str, Any], message: str) -> Any:
    reply = submit("inventory", f"/shipments/{segment(shipment_id)}/{action}", body)
    if not reply.ok:
        return refused_page(reply, "shipment.html", **_shipment(shipment_id))
    return done(url_for("goods.shipment", shipment_id=shipment_id), message)


def _shipment(shipment_id: str) -> dict[str, Any]:
    found = ask("inventory", f"/shipments/{segment(shipment_id)}")
    return {"shipment": found, "open_items": open_items(found["lines"]), **_names()}


def open_items(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What has not arrived yet, by item: one item may come from several lots."""
    items: dict[str, dict[str, Any]] = {}
    for line in lines:
        new = {"id": line["item_id"], "name": line["item_name"], "unit": line["unit"], "open": 0}
        item = items.setdefault(line["item_id"], new)
        item["open"] += line["quantity"] - line["received_quantity"]
    return [item for item in items.values() if item["open"] > 0]


def _names() -> dict[str, Any]:
    """What depots and regions are called; a region without an entry is shown by its code."""
    return {
        "depots": {depot["id"]: depot["name"] for depot in ask_all("inventory", "/depots")},
        "regions": {region["id"]: region["name"] for region in ask_all("situation", "/regions")},
    }


def _choices() -> dict[str, Any]:
    """The options of the new shipment, as pairs of a value and its text."""
    regions = ask_all("situation", "/regions")
    return {
        "disasters": named(ask_all("situation", "/disasters")[::-1]),
        "regions": [(region["id"], f"{region['province']} {region['name']}") for region in regions],
        "depots": named(ask_all("inventory", "/depots")),
        "items": [(item["id"], f"{item['name']} ({item['unit']})") for item in ask_all("inventory", "/items")],
        "chosen": request.values,
    }
