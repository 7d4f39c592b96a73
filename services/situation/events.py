"""Events published on `relief.situation.v1`. Names and telephone numbers of people are in none of them."""

from datetime import date

from shared.access import AccessEnded
from shared.events import Code, Id, Name, Note, Payload


class DisasterOpened(Payload, frozen=True, kw_only=True):
    """A disaster was declared to the system; it starts in the stage of suppression."""

    TYPE = "situation.disaster_opened.v1"
    disaster_id: Id
    name: Name
    english_name: Name | None
    kind: Code
    began_on: date
    region_ids: list[Id]
    basis_kind: Code | None
    basis_reference: Name | None
    basis_date: date | None


class DisasterRenamed(Payload, frozen=True, kw_only=True):
    """A disaster has another name from this day on."""

    TYPE = "situation.disaster_renamed.v1"
    disaster_id: Id
    name: Name
    english_name: Name | None


class DisasterCorrected(Payload, frozen=True, kw_only=True):
    """What a disaster is, or the day it began, was recorded wrongly; this is right."""

    TYPE = "situation.disaster_corrected.v1"
    disaster_id: Id
    kind: Code
    began_on: date
    reason: Note


class DisasterStageChanged(Payload, frozen=True, kw_only=True):
    """A disaster advanced to another stage."""

    TYPE = "situation.disaster_stage_changed.v1"
    disaster_id: Id
    stage: Code


class DisasterStageCorrected(Payload, frozen=True, kw_only=True):
    """The last change of stage was a mistake: from its day on, this is the stage."""

    TYPE = "situation.disaster_stage_corrected.v1"
    disaster_id: Id
    stage: Code
    reason: Note


class DisasterBasisStated(Payload, frozen=True, kw_only=True):
    """What the relief is based on; nothing if what was stated before is taken back."""

    TYPE = "situation.disaster_basis_stated.v1"
    disaster_id: Id
    basis_kind: Code | None
    basis_reference: Name | None
    basis_date: date | None


class DisasterRegionsChanged(Payload, frozen=True, kw_only=True):
    """Which regions a disaster affects from this day on: all of them, not only the new ones."""

    TYPE = "situation.disaster_regions_changed.v1"
    disaster_id: Id
    region_ids: list[Id]


class TaskForceJoined(Payload, frozen=True, kw_only=True):
    """A body joined the task force of a disaster."""

    TYPE = "situation.task_force_joined.v1"
    disaster_id: Id
    body_id: Id
    first_day: date
    last_day: date | None


class TaskForceLeft(Payload, frozen=True, kw_only=True):
    """The last day of a body in the task force of a disaster was settled."""

    TYPE = "situation.task_force_left.v1"
    disaster_id: Id
    body_id: Id
    first_day: date
    last_day: date


class BodyRegistered(Payload, frozen=True, kw_only=True):
    """An organisation became known."""

    TYPE = "situation.body_registered.v1"
    body_id: Id
    name: Name
    english_name: Name | None
    kind: Code
    region_id: Id | None


class BodyRenamed(Payload, frozen=True, kw_only=True):
    """An organisation has another name from this day on."""

    TYPE = "situation.body_renamed.v1"
    body_id: Id
    name: Name
    english_name: Name | None


class BodyCorrected(Payload, frozen=True, kw_only=True):
    """What an organisation is, or where, was recorded wrongly; this is right."""

    TYPE = "situation.body_corrected.v1"
    body_id: Id
    kind: Code
    region_id: Id | None
    reason: Note


class RegionRegistered(Payload, frozen=True, kw_only=True):
    """A province, city, county or district became known, or a group of them."""

    TYPE = "situation.region_registered.v1"
    region_id: Id
    name: Name
    english_name: Name | None
    kind: Code
    parent_id: Id | None
    valid_from: date | None
    valid_to: date | None
    member_ids: list[Id]


class RegionRenamed(Payload, frozen=True, kw_only=True):
    """A region has another name from this day on."""

    TYPE = "situation.region_renamed.v1"
    region_id: Id
    name: Name
    english_name: Name | None


class RegionEnded(Payload, frozen=True, kw_only=True):
    """A region ends on this day, such as a city that becomes part of another."""

    TYPE = "situation.region_ended.v1"
    region_id: Id
    valid_to: date


class RegionCorrected(Payload, frozen=True, kw_only=True):
    """What a region is was recorded wrongly; this is right."""

    TYPE = "situation.region_corrected.v1"
    region_id: Id
    kind: Code
    parent_id: Id | None
    valid_from: date | None
    valid_to: date | None
    member_ids: list[Id]
    reason: Note


class SiteRegistered(Payload, frozen=True, kw_only=True):
    """A depot, shelter, distribution point, field site or place of transit became known; `body_id` keeps it."""

    TYPE = "situation.site_registered.v1"
    site_id: Id
    region_id: Id
    name: Name
    english_name: Name | None
    kind: Code
    body_id: Id | None


class SiteRenamed(Payload, frozen=True, kw_only=True):
    """A site has another name from this day on."""

    TYPE = "situation.site_renamed.v1"
    site_id: Id
    name: Name
    english_name: Name | None


class SiteCorrected(Payload, frozen=True, kw_only=True):
    """What a site is, where, or who keeps it, changed or was recorded wrongly."""

    TYPE = "situation.site_corrected.v1"
    site_id: Id
    region_id: Id
    kind: Code
    body_id: Id | None
    reason: Note


class ContactRegistered(Payload, frozen=True, kw_only=True):
    """A body named who is responsible for a section; who that is stays in this service."""

    TYPE = "situation.contact_registered.v1"
    contact_id: Id
    body_id: Id
    duty: Code
    section: Name
    first_day: date
    last_day: date | None


class ContactEnded(Payload, frozen=True, kw_only=True):
    """The last day of somebody's responsibility was settled."""

    TYPE = "situation.contact_ended.v1"
    contact_id: Id
    last_day: date


class LogEntryWritten(Payload, frozen=True, kw_only=True):
    """The situation room wrote something down; what it says stays in this service."""

    TYPE = "situation.log_entry_written.v1"
    log_entry_id: Id
    disaster_id: Id
    corrects_id: Id | None


class AccountOpened(Payload, frozen=True, kw_only=True):
    """An account was opened; whose it is stays in this service."""

    TYPE = "situation.account_opened.v1"
    account_id: Id


class AccountRenamed(Payload, frozen=True, kw_only=True):
    """An account is shown under another name, which stays in this service."""

    TYPE = "situation.account_renamed.v1"
    account_id: Id


class GrantGiven(Payload, frozen=True, kw_only=True):
    """An account may act in a role for a body, in one disaster or in all, between two days or without end."""

    TYPE = "situation.grant_given.v1"
    grant_id: Id
    account_id: Id
    role: Code
    body_id: Id
    disaster_id: Id | None
    first_day: date
    last_day: date | None


class GrantEnded(Payload, frozen=True, kw_only=True):
    """A grant was ended at once."""

    TYPE = "situation.grant_ended.v1"
    grant_id: Id
    account_id: Id


class AccountDisabled(Payload, frozen=True, kw_only=True):
    """Nobody signs in with this account any more."""

    TYPE = "situation.account_disabled.v1"
    account_id: Id


class AccountEnabled(Payload, frozen=True, kw_only=True):
    """An account that was disabled may sign in again."""

    TYPE = "situation.account_enabled.v1"
    account_id: Id


class PasswordChanged(Payload, frozen=True, kw_only=True):
    """A password was changed by whom it belongs to, or set anew by an administrator."""

    TYPE = "situation.password_changed.v1"
    account_id: Id
    by_administrator: bool


class SignedIn(Payload, frozen=True, kw_only=True):
    """An account got a token for its password."""

    TYPE = "situation.signed_in.v1"
    account_id: Id


PUBLISHED = (
    DisasterOpened,
    DisasterRenamed,
    DisasterCorrected,
    DisasterStageChanged,
    DisasterStageCorrected,
    DisasterBasisStated,
    DisasterRegionsChanged,
    TaskForceJoined,
    TaskForceLeft,
    BodyRegistered,
    BodyRenamed,
    BodyCorrected,
    RegionRegistered,
    RegionRenamed,
    RegionEnded,
    RegionCorrected,
    SiteRegistered,
    SiteRenamed,
    SiteCorrected,
    ContactRegistered,
    ContactEnded,
    LogEntryWritten,
    AccountOpened,
    AccountRenamed,
    GrantGiven,
    GrantEnded,
    AccountDisabled,
    AccountEnabled,
    PasswordChanged,
    SignedIn,
    AccessEnded,
)
