"""Events published on `relief.situation.v1`. Names and telephone numbers of people are in none of them."""

from dataclasses import dataclass
from datetime import date

from shared.events import Payload


@dataclass(frozen=True)
class DisasterOpened(Payload):
    """A disaster was declared to the system; it starts in the stage of suppression."""

    TYPE = "situation.disaster_opened.v1"
    disaster_id: str
    name: str
    kind: str
    began_on: date


@dataclass(frozen=True)
class DisasterStageChanged(Payload):
    """A disaster advanced to another stage."""

    TYPE = "situation.disaster_stage_changed.v1"
    disaster_id: str
    stage: str


@dataclass(frozen=True)
class BodyRegistered(Payload):
    """A body joined the task force of a disaster."""

    TYPE = "situation.body_registered.v1"
    body_id: str
    disaster_id: str
    name: str
    kind: str


@dataclass(frozen=True)
class RegionRegistered(Payload):
    """A city or county became known."""

    TYPE = "situation.region_registered.v1"
    region_id: str
    name: str
    province: str


@dataclass(frozen=True)
class SiteRegistered(Payload):
    """A depot, shelter, distribution point or field site became known."""

    TYPE = "situation.site_registered.v1"
    site_id: str
    region_id: str
    name: str
    kind: str


@dataclass(frozen=True)
class ContactRegistered(Payload):
    """A body named who is responsible for a section; who that is stays in this service."""

    TYPE = "situation.contact_registered.v1"
    contact_id: str
    body_id: str
    duty: str
    section: str


PUBLISHED = (
    DisasterOpened,
    DisasterStageChanged,
    BodyRegistered,
    RegionRegistered,
    SiteRegistered,
    ContactRegistered,
)
