"""What all records of situation share: when and by whom they were made, and that what has a name can be renamed."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from services.situation import events, store
from shared.changes import Change
from shared.events import Payload
from shared.refusals import check_date_order
from shared.rows import get, update


@dataclass(frozen=True)
class Named:
    """A kind of thing with a name, and the event that tells of a new one."""

    kind: str
    table: sa.Table
    renamed: type[Payload]


DISASTER: Final = Named("disaster", store.disasters, events.DisasterRenamed)
BODY: Final = Named("body", store.bodies, events.BodyRenamed)
REGION: Final = Named("region", store.regions, events.RegionRenamed)
SITE: Final = Named("site", store.sites, events.SiteRenamed)


def recorded(change: Change, on: date) -> dict[str, Any]:
    return {"effective_date": on, "recorded_at": change.now, "recorded_by": change.actor.id}


def load(change: Change, table: sa.Table, kind: str, id_: str) -> sa.Row[Any]:
    """The row, locked, that the caller saw as it is now. Raises Unknown and StaleVersion."""
    row = get(change.tx, table, kind, id_, lock=True)
    change.check_version(row.version)
    return row


def rename(
    change: Change,
    what: Named,
    id_: str,
    *,
    name: str,
    english_name: str | None = None,
    effective_date: date | None = None,
) -> sa.Row[Any]:
    """Give a thing another name, from the day asked for; else from today, or the old name's own first day.

    The table keeps the newest name, so an older one cannot be put behind it. Raises DatesOutOfOrder.
    """
    row = load(change, what.table, what.kind, id_)
    on = change.effective_date(effective_date) if effective_date else max(change.today, row.named_on)
    check_date_order(on, row.named_on)
    row = update(change.tx, what.table, row, name=name, english_name=english_name, named_on=on)
    payload = what.renamed(**{f"{what.kind}_id": id_, "name": name, "english_name": english_name})
    change.record(payload, subject=id_, version=row.version, effective_date=on)
    return row
