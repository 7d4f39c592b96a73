"""Regions and sites over HTTP."""

from typing import Any

from sqlalchemy.engine import Connection

from services.situation import store
from services.situation.api.paging import page_where
from services.situation.operations import places
from services.situation.permissions import DATING, PERMISSIONS
from services.situation.schemas import parts
from services.situation.schemas import places as wire
from shared.changes import Change
from shared.fields import page_of
from shared.http import Blueprint

blueprint = Blueprint(
    "places", __name__, description="Regions and sites (지역·장소)", permissions=PERMISSIONS, dating=DATING
)
REGION = "/regions/<id:region_id>"
SITE = "/sites/<id:site_id>"


@blueprint.change("/regions", takes=wire.NewRegion, returns=wire.Region)
def register_region(change: Change, body: dict[str, Any]) -> Any:
    """Register a region by its administrative code, or a group of regions."""
    return places.register_region(change, **body)


@blueprint.change("/region-imports", takes=wire.RegionImport, returns=wire.RegionsImported)
def import_regions(change: Change, body: dict[str, Any]) -> Any:
    """Register the regions that are not there yet."""
    return places.import_regions(change, **body)


@blueprint.query("/regions", takes=wire.RegionQuery, returns=page_of(wire.RegionSummary))
def list_regions(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Provinces, cities, counties and districts, and groups of them."""
    return page_where(tx, store.regions, arguments, "kind", "parent_id")


@blueprint.query(REGION, returns=wire.Region)
def show_region(tx: Connection, _arguments: dict[str, Any], region_id: str) -> Any:
    """One region, and the members of a group."""
    return places.region_view(tx, region_id)


@blueprint.change(f"{REGION}/names", takes=parts.NewName, returns=wire.Region, edits=True)
def rename_region(change: Change, body: dict[str, Any], region_id: str) -> Any:
    """Give a region another name from a day on."""
    return places.rename_region(change, region_id, **body)


@blueprint.change(f"{REGION}/end", takes=wire.RegionEnd, returns=wire.Region, edits=True)
def end_region(change: Change, body: dict[str, Any], region_id: str) -> Any:
    """End a region, such as a city that becomes part of another."""
    return places.end_region(change, region_id, **body)


@blueprint.change(f"{REGION}/corrections", takes=wire.RegionCorrection, returns=wire.Region, edits=True)
def correct_region(change: Change, body: dict[str, Any], region_id: str) -> Any:
    """Put right what a region is: its kind, the region above it, its days or its members."""
    return places.correct_region(change, region_id, **body)


@blueprint.change("/sites", takes=wire.NewSite, returns=wire.Site)
def register_site(change: Change, body: dict[str, Any]) -> Any:
    """Register a depot, shelter, distribution point, field site or place of transit."""
    return places.register_site(change, **body)


@blueprint.query("/sites", takes=wire.SiteQuery, returns=page_of(wire.Site))
def list_sites(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Places goods and people go to."""
    return page_where(tx, store.sites, arguments, "region_id", "kind")


@blueprint.change(f"{SITE}/names", takes=parts.NewName, returns=wire.Site, edits=True)
def rename_site(change: Change, body: dict[str, Any], site_id: str) -> Any:
    """Give a site another name from a day on."""
    return places.rename_site(change, site_id, **body)


@blueprint.change(f"{SITE}/corrections", takes=wire.SiteCorrection, returns=wire.Site, edits=True)
def correct_site(change: Change, body: dict[str, Any], site_id: str) -> Any:
    """Put right where a site is, what it is or who keeps it."""
    return places.correct_site(change, site_id, **body)
