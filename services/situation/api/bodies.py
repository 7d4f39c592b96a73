"""Bodies, who is responsible in them, and the log of the situation room, over HTTP."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.situation import store
from services.situation.api.paging import page_where
from services.situation.operations import bodies
from services.situation.permissions import DATING, PERMISSIONS
from services.situation.schemas import disasters as wire
from services.situation.schemas import parts
from shared.changes import Change
from shared.fields import PageQuery, page_of
from shared.http import Blueprint
from shared.rows import page

blueprint = Blueprint(
    "bodies",
    __name__,
    description="Bodies, contacts and the log (기관·담당·상황일지)",
    permissions=PERMISSIONS,
    dating=DATING,
)


@blueprint.change("/bodies", takes=wire.NewBody, returns=wire.Body)
def register_body(change: Change, body: dict[str, Any]) -> Any:
    """Register an organisation that takes part in relief."""
    return bodies.register_body(change, **body)


@blueprint.query("/bodies", takes=PageQuery, returns=page_of(wire.Body))
def list_bodies(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Organisations that take part in relief."""
    return page_where(tx, store.bodies, arguments)


@blueprint.change("/bodies/<id:body_id>/names", takes=parts.NewName, returns=wire.Body, edits=True)
def rename_body(change: Change, body: dict[str, Any], body_id: str) -> Any:
    """Give an organisation another name from a day on."""
    return bodies.rename_body(change, body_id, **body)


@blueprint.change("/bodies/<id:body_id>/corrections", takes=wire.BodyCorrection, returns=wire.Body, edits=True)
def correct_body(change: Change, body: dict[str, Any], body_id: str) -> Any:
    """Put right what an organisation is, or where."""
    return bodies.correct_body(change, body_id, **body)


@blueprint.change("/contacts", takes=wire.NewContact, returns=wire.Contact)
def register_contact(change: Change, body: dict[str, Any]) -> Any:
    """Register who is responsible for a section."""
    return bodies.register_contact(change, **body)


@blueprint.query("/contacts", takes=wire.ContactQuery, returns=page_of(wire.Contact))
def list_contacts(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Who is responsible, by section (과장·팀장·담당)."""
    table = store.contacts
    query = sa.select(table)
    for name in ("body_id", "duty"):
        if value := arguments.pop(name, None):
            query = query.where(table.c[name] == value)
    if on := arguments.pop("on", None):
        query = query.where(table.c.first_day <= on, table.c.last_day.is_(None) | (table.c.last_day >= on))
    return page(tx, query, table.c.number, **arguments)


@blueprint.change("/contacts/<id:contact_id>/end", takes=wire.LastDay, returns=wire.Contact, edits=True)
def end_contact(change: Change, body: dict[str, Any], contact_id: str) -> Any:
    """Settle the last day of somebody's responsibility."""
    return bodies.end_contact(change, contact_id, **body)


@blueprint.change("/log-entries", takes=wire.NewLogEntry, returns=wire.LogEntry)
def write_log_entry(change: Change, body: dict[str, Any]) -> Any:
    """Write into the situation-room log; entries are only ever added."""
    return bodies.write_log_entry(change, **body)


@blueprint.query("/log-entries", takes=wire.LogQuery, returns=page_of(wire.LogEntry))
def list_log_entries(tx: Connection, arguments: dict[str, Any]) -> Any:
    """The situation-room log in the order of recording, of a range of days if asked."""
    entries = store.log_entries
    query = sa.select(entries)
    if disaster_id := arguments.pop("disaster_id", None):
        query = query.where(entries.c.disaster_id == disaster_id)
    if first_day := arguments.pop("first_day", None):
        query = query.where(entries.c.effective_date >= first_day)
    if last_day := arguments.pop("last_day", None):
        query = query.where(entries.c.effective_date <= last_day)
    return page(tx, query, entries.c.number, **arguments)
