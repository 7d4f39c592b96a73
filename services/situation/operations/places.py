"""Use cases of places: regions, groups of them, and sites."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.situation import events, store
from services.situation.domain import places
from services.situation.domain.places import RegionKind
from services.situation.operations.records import REGION, SITE, load, recorded, rename
from shared.changes import Change, new_id
from shared.refusals import Unknown
from shared.rows import get, insert_new, update

NAMES: Final = ("name", "english_name")
CHECKED: Final = ("kind", "parent_id", "valid_from", "valid_to")


def register_region(change: Change, *, effective_date: date | None = None, **row: Any) -> dict[str, Any]:
    """Register a region, or a group of them."""
    _register(change, change.effective_date(effective_date), row)
    return region_view(change.tx, row["id"])


def import_regions(
    change: Change, *, rows: Sequence[Mapping[str, Any]], effective_date: date | None = None
) -> dict[str, Any]:
    """Register those that are not there yet, in any order. Raises RegionDiffers where one is, and is another."""
    on = change.effective_date(effective_date)
    known = store.find(change.tx, store.regions, (row["id"] for row in rows))
    registered = []
    from_above = sorted(rows, key=lambda row: list(RegionKind).index(row["kind"]))  # a parent comes before its children
    for row in from_above:
        if there := known.get(row["id"]):
            _check_same(change.tx, there, row)
        else:
            known[row["id"]] = _register(change, on, row)
            registered.append(row["id"])
    return {"registered": registered, "unchanged": len(rows) - len(registered)}


def rename_region(change: Change, region_id: str, **names: Any) -> dict[str, Any]:
    rename(change, REGION, region_id, **names)
    return region_view(change.tx, region_id)


def end_region(change: Change, region_id: str, *, valid_to: date) -> dict[str, Any]:
    """A region ends, as a city does that becomes part of another."""
    row = load(change, store.regions, "region", region_id)
    places.check_region(row.id, RegionKind(row.kind), row.parent_id, row.valid_from, valid_to)
    row = update(change.tx, store.regions, row, valid_to=valid_to)
    change.record(
        events.RegionEnded(region_id=region_id, valid_to=valid_to),
        subject=region_id,
        version=row.version,
        effective_date=change.today,
    )
    return region_view(change.tx, region_id)


def correct_region(
    change: Change, region_id: str, *, reason: str, member_ids: Collection[str], **described: Any
) -> dict[str, Any]:
    """Put right what a region is: its kind, the region above it, its days or its members."""
    row, members = load(change, store.regions, "region", region_id), sorted(set(member_ids))
    _check(change.tx, region_id, member_ids=members, **described)
    row = update(change.tx, store.regions, row, members_version=row.version + 1, **described)
    store.add_members(change.tx, region_id, row.version, members)
    change.record(
        events.RegionCorrected(region_id=region_id, member_ids=members, reason=reason, **described),
        subject=region_id,
        version=row.version,
        effective_date=change.today,
    )
    return region_view(change.tx, region_id)


def region_view(tx: Connection, region_id: str) -> dict[str, Any]:
    """A region with the members it has if it is a group."""
    row = get(tx, store.regions, "region", region_id)
    return {**row._asdict(), "member_ids": store.members_of(tx, row)}


def check_regions(tx: Connection, region_ids: Collection[str], on: date, *, groups: bool) -> None:
    """Raises Unknown, RegionNotInForce, and RegionIsGroup where `groups` are no answer."""
    found = store.find(tx, store.regions, region_ids)
    for region_id in region_ids:
        row = found.get(region_id)
        if row is None:
            raise Unknown(kind="region", id=region_id)
        if row.kind == RegionKind.GROUP and not groups:
            raise places.RegionIsGroup(id=region_id)
        places.check_in_force(region_id, row.valid_from, row.valid_to, on)


def register_site(
    change: Change,
    *,
    name: str,
    region_id: str,
    kind: str,
    english_name: str | None = None,
    body_id: str | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Register a place goods and people go to."""
    site_id, on = id or new_id(), change.effective_date(effective_date)
    described: dict[str, Any] = {
        "name": name,
        "english_name": english_name,
        "region_id": region_id,
        "kind": kind,
        "body_id": body_id,
    }
    _check_site(change.tx, region_id, body_id, on)
    given = {"id": site_id, "named_on": on, "version": 1, **described}
    site = insert_new(change.tx, store.sites, "site", **given, **recorded(change, on))
    change.record(events.SiteRegistered(site_id=site_id, **described), subject=site_id, version=1, effective_date=on)
    return site._asdict()


def rename_site(change: Change, site_id: str, **names: Any) -> dict[str, Any]:
    return rename(change, SITE, site_id, **names)._asdict()


def correct_site(
    change: Change, site_id: str, *, region_id: str, kind: str, body_id: str | None, reason: str
) -> dict[str, Any]:
    """Put right where a site is, what it is or who keeps it."""
    site = load(change, store.sites, "site", site_id)
    _check_site(change.tx, region_id, body_id, change.today)
    described: dict[str, Any] = {"region_id": region_id, "kind": kind, "body_id": body_id}
    site = update(change.tx, store.sites, site, **described)
    change.record(
        events.SiteCorrected(site_id=site_id, reason=reason, **described),
        subject=site_id,
        version=site.version,
        effective_date=change.today,
    )
    return site._asdict()


def _register(change: Change, on: date, row: Mapping[str, Any]) -> sa.Row[Any]:
    region_id, members = row["id"], sorted(set(row["member_ids"]))
    _check(change.tx, region_id, member_ids=members, **{field: row[field] for field in CHECKED})
    described = {field: row[field] for field in (*NAMES, *CHECKED)}
    given = {"id": region_id, "named_on": on, "version": 1, "members_version": 1, **described}
    region = insert_new(change.tx, store.regions, "region", **given, **recorded(change, on))
    store.add_members(change.tx, region_id, 1, members)
    change.record(
        events.RegionRegistered(region_id=region_id, member_ids=members, **described),
        subject=region_id,
        version=1,
        effective_date=on,
    )
    return region


def _check(
    tx: Connection,
    region_id: str,
    *,
    kind: str,
    parent_id: str | None,
    valid_from: date | None,
    valid_to: date | None,
    member_ids: Collection[str],
) -> None:
    """Raises RegionKindUnfit, RegionHasNoParent, RegionDaysUnfit, RegionParentUnfit, RegionMembersUnfit."""
    places.check_region(region_id, RegionKind(kind), parent_id, valid_from, valid_to)
    found = store.find(tx, store.regions, [*filter(None, [parent_id]), *member_ids])
    kinds = {id_: RegionKind(row.kind) for id_, row in found.items()}
    places.check_parent(region_id, RegionKind(kind), parent_id, kinds.get(parent_id or ""))
    places.check_members(region_id, RegionKind(kind), {member: kinds.get(member) for member in member_ids})


def _check_same(tx: Connection, there: sa.Row[Any], row: Mapping[str, Any]) -> None:
    """Raises RegionDiffers."""
    is_group = there.kind == RegionKind.GROUP
    registered = {**there._asdict(), "member_ids": store.members_of(tx, there) if is_group else []}
    given = {**row, "member_ids": sorted(set(row["member_ids"]))}
    for field in (*NAMES, *CHECKED, "member_ids"):
        if registered[field] != given[field]:
            was, asked = registered[field] or "-", given[field] or "-"
            raise places.RegionDiffers(id=there.id, field=field, registered=was, given=asked)


def _check_site(tx: Connection, region_id: str, body_id: str | None, on: date) -> None:
    check_regions(tx, [region_id], on, groups=False)
    if body_id is not None:
        get(tx, store.bodies, "body", body_id)
