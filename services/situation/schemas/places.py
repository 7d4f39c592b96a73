"""Regions and sites on the wire."""

from typing import Final

from marshmallow import fields, validate

from services.situation.domain.places import RegionKind, SiteKind
from services.situation.schemas.parts import (
    Recorded,
    day,
    new_english_name,
    new_name,
    one_of,
    own_code,
    some_regions,
    why,
)
from shared.fields import Day, Identifier, PageQuery, RegionId, Schema

MOST_ROWS: Final = 1000  # of one import


class RegionFacts(Schema):
    kind = one_of(RegionKind, required=True)
    parent_id = RegionId(load_default=None, allow_none=True, metadata={"description": "the region above it"})
    valid_from = Day(load_default=None, allow_none=True, metadata={"description": "when its law came into force"})
    valid_to = Day(load_default=None, allow_none=True, metadata={"description": "its last day, if it has ended"})
    member_ids = some_regions(load_default=list, metadata={"description": "the regions of a group"})


class RegionRow(RegionFacts):
    id = RegionId(required=True)
    name = new_name()
    english_name = new_english_name()


class NewRegion(RegionRow):
    effective_date = day()


class RegionImport(Schema):
    rows = fields.List(fields.Nested(RegionRow), required=True, validate=[validate.Length(min=1, max=MOST_ROWS)])
    effective_date = day()


class RegionsImported(Schema):
    registered = fields.List(RegionId())
    unchanged = fields.Integer(metadata={"description": "rows that were there already, exactly so"})


class RegionCorrection(RegionFacts):
    reason = why()


class RegionEnd(Schema):
    valid_to = Day(required=True, metadata={"description": "its last day"})


class RegionSummary(Recorded):
    number = fields.Integer()
    id = RegionId()
    name = fields.String()
    english_name = fields.String(allow_none=True)
    named_on = Day()
    kind = one_of(RegionKind)
    parent_id = RegionId(allow_none=True)
    valid_from = Day(allow_none=True)
    valid_to = Day(allow_none=True)
    version = fields.Integer()


class Region(RegionSummary):
    member_ids = fields.List(RegionId())


class RegionQuery(PageQuery):
    kind = one_of(RegionKind)
    parent_id = RegionId()


class SiteFacts(Schema):
    region_id = RegionId(required=True)
    kind = one_of(SiteKind, required=True)
    body_id = Identifier(load_default=None, allow_none=True, metadata={"description": "who keeps it"})


class NewSite(SiteFacts):
    id = own_code()
    name = new_name()
    english_name = new_english_name()
    effective_date = day()


class SiteCorrection(SiteFacts):
    reason = why()


class Site(Recorded):
    number = fields.Integer()
    id = Identifier()
    region_id = RegionId()
    name = fields.String()
    english_name = fields.String(allow_none=True)
    named_on = Day()
    kind = one_of(SiteKind)
    body_id = Identifier(allow_none=True)
    version = fields.Integer()


class SiteQuery(PageQuery):
    region_id = RegionId()
    kind = one_of(SiteKind)
