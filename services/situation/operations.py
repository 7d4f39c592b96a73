"""Use cases of situation: load, decide in the domain, save, record the event. The caller owns the transaction."""

from collections.abc import Collection
from datetime import date
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from werkzeug.security import check_password_hash, generate_password_hash

from services.situation import domain, events, store
from services.situation.domain import Stage
from shared.auth import Actor, Role
from shared.changes import Change, new_id
from shared.events import Payload
from shared.refusals import check_date_order
from shared.rows import add, get, insert_new, update

HASH_METHOD: Final = "scrypt:32768:8:1"
# What an unknown account is checked against, so that it takes as long as a wrong password. It fits no password.
DECOY_HASH: Final = f"{HASH_METHOD}$decoy${'0' * 128}"


def open_account(
    change: Change,
    *,
    id: str,
    display_name: str,
    password: str,
    roles: Collection[str],
    body_id: str | None = None,
) -> dict[str, Any]:
    """Create an account. Raises IncompatibleDuties for duties one person may not hold together."""
    domain.check_duties([Role(role) for role in roles])
    if body_id is not None:
        get(change.tx, store.bodies, "body", body_id)
    account = _insert(
        change,
        store.accounts,
        "account",
        change.today,
        id=id,
        display_name=display_name,
        password_hash=generate_password_hash(password, HASH_METHOD),
        roles=sorted(set(roles)),
        body_id=body_id,
    )
    return account._asdict()


def sign_in(tx: Connection, *, account: str, password: str) -> tuple[Actor, str]:
    """The account and its display name. Raises SignInRefused, equally and equally fast for every cause."""
    row = store.find_account(tx, account)
    matches = check_password_hash(row.password_hash if row else DECOY_HASH, password)
    if row is None or not matches:
        raise domain.SignInRefused
    return Actor(row.id, frozenset(Role(role) for role in row.roles), row.body_id), row.display_name


def open_disaster(
    change: Change,
    *,
    name: str,
    kind: str,
    began_on: date,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Open a disaster in the stage of suppression. It cannot be opened before it began."""
    disaster_id, on = id or new_id(), change.effective_date(effective_date)
    check_date_order(on, began_on)
    described: dict[str, Any] = {"name": name, "kind": kind, "began_on": began_on}
    stage = Stage.SUPPRESSION
    _insert(
        change,
        store.disasters,
        "disaster",
        on,
        id=disaster_id,
        stage=stage.value,
        stage_effective_date=on,
        version=1,
        **described,
    )
    _add_stage(change, disaster_id, stage, on, note=None)
    change.record(
        events.DisasterOpened(disaster_id=disaster_id, **described), subject=disaster_id, version=1, effective_date=on
    )
    return disaster_view(change.tx, disaster_id)


def change_stage(
    change: Change, disaster_id: str, *, stage: Stage, effective_date: date | None = None, note: str | None = None
) -> dict[str, Any]:
    """Advance a disaster to a later stage."""
    on = change.effective_date(effective_date)
    disaster = get(change.tx, store.disasters, "disaster", disaster_id, lock=True)
    change.check_version(disaster.version)
    domain.check_advance(Stage(disaster.stage), stage)
    check_date_order(on, disaster.stage_effective_date)
    disaster = update(change.tx, store.disasters, disaster, stage=stage.value, stage_effective_date=on)
    _add_stage(change, disaster_id, stage, on, note)
    change.record(
        events.DisasterStageChanged(disaster_id=disaster_id, stage=stage.value),
        subject=disaster_id,
        version=disaster.version,
        effective_date=on,
    )
    return disaster_view(change.tx, disaster_id)


def disaster_view(tx: Connection, disaster_id: str) -> dict[str, Any]:
    """A disaster with the history of its stages."""
    disaster = get(tx, store.disasters, "disaster", disaster_id)
    return {**disaster._asdict(), "stages": [row._asdict() for row in store.stages_of(tx, disaster_id)]}


def register_body(change: Change, *, name: str, kind: str, disaster_id: str, id: str | None = None) -> dict[str, Any]:
    """Register a body of the task force of a disaster."""
    get(change.tx, store.disasters, "disaster", disaster_id)
    body_id = id or new_id()
    described = {"name": name, "kind": kind, "disaster_id": disaster_id}
    payload = events.BodyRegistered(body_id=body_id, **described)
    return _register(change, store.bodies, "body", body_id, described, payload)


def register_region(change: Change, *, name: str, province: str, id: str | None = None) -> dict[str, Any]:
    """Register a city or county."""
    region_id = id or new_id()
    described = {"name": name, "province": province}
    payload = events.RegionRegistered(region_id=region_id, **described)
    return _register(change, store.regions, "region", region_id, described, payload)


def register_site(change: Change, *, region_id: str, name: str, kind: str, id: str | None = None) -> dict[str, Any]:
    """Register a place goods and people go to."""
    get(change.tx, store.regions, "region", region_id)
    site_id = id or new_id()
    described = {"region_id": region_id, "name": name, "kind": kind}
    payload = events.SiteRegistered(site_id=site_id, **described)
    return _register(change, store.sites, "site", site_id, described, payload)


def register_contact(
    change: Change, *, body_id: str, duty: str, section: str, name: str, phone: str, id: str | None = None
) -> dict[str, Any]:
    """Register who is responsible for a section (과장·팀장·담당) and how to reach them."""
    get(change.tx, store.bodies, "body", body_id)
    contact_id = id or new_id()
    described = {"body_id": body_id, "duty": duty, "section": section}
    payload = events.ContactRegistered(contact_id=contact_id, **described)
    return _register(
        change, store.contacts, "contact", contact_id, {**described, "name": name, "phone": phone}, payload
    )


def write_log_entry(
    change: Change, *, disaster_id: str, text: str, effective_date: date | None = None, id: str | None = None
) -> dict[str, Any]:
    """Add an entry to the situation-room log; a mistake is corrected by a further entry."""
    get(change.tx, store.disasters, "disaster", disaster_id)
    entry_id, on = id or new_id(), change.effective_date(effective_date)
    entry = _insert(change, store.log_entries, "log entry", on, id=entry_id, disaster_id=disaster_id, text=text)
    return entry._asdict()


def _register(
    change: Change, table: sa.Table, kind: str, id_: str, described: dict[str, str], payload: Payload
) -> dict[str, Any]:
    row = _insert(change, table, kind, change.today, id=id_, **described)
    change.record(payload, subject=id_, version=1, effective_date=change.today)
    return row._asdict()


def _insert(change: Change, table: sa.Table, kind: str, on: date, /, **values: Any) -> sa.Row[Any]:
    recorded = {"effective_date": on, "recorded_at": change.now, "recorded_by": change.actor.id}
    return insert_new(change.tx, table, kind, **recorded, **values)


def _add_stage(change: Change, disaster_id: str, stage: Stage, on: date, note: str | None) -> None:
    add(
        change.tx,
        store.disaster_stages,
        disaster_id=disaster_id,
        stage=stage.value,
        note=note,
        effective_date=on,
        recorded_at=change.now,
        recorded_by=change.actor.id,
    )
