"""What the situation room records, over HTTP."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.situation import operations, schemas, store
from services.situation.domain import Stage
from shared.auth import Role
from shared.changes import Change
from shared.fields import PageQuery, page_of
from shared.http import Blueprint
from shared.rows import page

KEEPERS: Final = {Role.ADMINISTRATOR}
SITE_KEEPERS: Final = {Role.ADMINISTRATOR, Role.COORDINATOR}  # a shelter is opened from the field
ACCOUNT_READERS: Final = {Role.ADMINISTRATOR, Role.AUDITOR}
EVERY_ROLE: Final = frozenset(Role)

blueprint = Blueprint("situation", __name__, description="Disasters, bodies, places, contacts and the log (재난상황)")


def page_where(tx: Connection, table: sa.Table, arguments: dict[str, Any], *filters: str) -> dict[str, Any]:
    """One page of the rows that equal those of the `filters` which were given."""
    query = sa.select(table)
    for name in filters:
        if (value := arguments.pop(name, None)) is not None:
            query = query.where(table.c[name] == value)
    return page(tx, query, table.c.number, **arguments)


@blueprint.change("/accounts", takes=schemas.NewAccount, returns=schemas.Account, roles=KEEPERS)
def open_account(change: Change, body: dict[str, Any]) -> Any:
    """Open an account."""
    return operations.open_account(change, **body)


@blueprint.query("/accounts", takes=PageQuery, returns=page_of(schemas.Account), roles=ACCOUNT_READERS)
def list_accounts(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Accounts and their roles."""
    return page_where(tx, store.accounts, arguments)


@blueprint.change("/disasters", takes=schemas.NewDisaster, returns=schemas.Disaster, roles=KEEPERS)
def open_disaster(change: Change, body: dict[str, Any]) -> Any:
    """Open a disaster; it starts in the stage of suppression."""
    return operations.open_disaster(change, **body)


@blueprint.query("/disasters", takes=PageQuery, returns=page_of(schemas.DisasterSummary), public=True)
def list_disasters(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Disasters and the stage each is in."""
    return page_where(tx, store.disasters, arguments)


@blueprint.query("/disasters/<id:disaster_id>", returns=schemas.Disaster, public=True)
def show_disaster(tx: Connection, _arguments: dict[str, Any], disaster_id: str) -> Any:
    """One disaster with the history of its stages."""
    return operations.disaster_view(tx, disaster_id)


@blueprint.change(
    "/disasters/<id:disaster_id>/stages",
    takes=schemas.NewStage,
    returns=schemas.Disaster,
    roles=KEEPERS,
    edits=True,
)
def change_stage(change: Change, body: dict[str, Any], disaster_id: str) -> Any:
    """Advance a disaster to a later stage."""
    return operations.change_stage(change, disaster_id, stage=Stage(body.pop("stage")), **body)


@blueprint.change("/bodies", takes=schemas.NewBody, returns=schemas.Body, roles=KEEPERS)
def register_body(change: Change, body: dict[str, Any]) -> Any:
    """Register a body of a disaster's task force."""
    return operations.register_body(change, **body)


@blueprint.query("/bodies", takes=schemas.BodyQuery, returns=page_of(schemas.Body))
def list_bodies(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Bodies of the task forces."""
    return page_where(tx, store.bodies, arguments, "disaster_id")


@blueprint.change("/regions", takes=schemas.NewRegion, returns=schemas.Region, roles=KEEPERS)
def register_region(change: Change, body: dict[str, Any]) -> Any:
    """Register a city or county."""
    return operations.register_region(change, **body)


@blueprint.query("/regions", takes=PageQuery, returns=page_of(schemas.Region), public=True)
def list_regions(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Cities and counties."""
    return page_where(tx, store.regions, arguments)


@blueprint.change("/sites", takes=schemas.NewSite, returns=schemas.Site, roles=SITE_KEEPERS)
def register_site(change: Change, body: dict[str, Any]) -> Any:
    """Register a depot, shelter, distribution point or field site."""
    return operations.register_site(change, **body)


@blueprint.query("/sites", takes=schemas.SiteQuery, returns=page_of(schemas.Site), public=True)
def list_sites(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Places goods and people go to."""
    return page_where(tx, store.sites, arguments, "region_id")


@blueprint.change("/contacts", takes=schemas.NewContact, returns=schemas.Contact, roles=KEEPERS)
def register_contact(change: Change, body: dict[str, Any]) -> Any:
    """Register who is responsible for a section."""
    return operations.register_contact(change, **body)


@blueprint.query("/contacts", takes=schemas.ContactQuery, returns=page_of(schemas.Contact))
def list_contacts(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Who is responsible, by section (과장·팀장·담당)."""
    return page_where(tx, store.contacts, arguments, "body_id")


@blueprint.change("/log-entries", takes=schemas.NewLogEntry, returns=schemas.LogEntry, roles=EVERY_ROLE)
def write_log_entry(change: Change, body: dict[str, Any]) -> Any:
    """Write into the situation-room log; entries are only ever added."""
    return operations.write_log_entry(change, **body)


@blueprint.query("/log-entries", takes=schemas.LogQuery, returns=page_of(schemas.LogEntry))
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
