"""Use cases of disasters: their stages, their basis, and where they are."""

from collections.abc import Collection
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.situation import events, store
from services.situation.domain.disasters import Stage, check_advance, check_basis, check_correction
from services.situation.operations.places import check_regions
from services.situation.operations.records import DISASTER, load, recorded, rename
from shared.changes import Change, new_id
from shared.events import Payload
from shared.refusals import check_date_order
from shared.rows import add, get, insert_new, update


def open_disaster(
    change: Change,
    *,
    name: str,
    kind: str,
    began_on: date,
    english_name: str | None = None,
    region_ids: Collection[str] = (),
    basis_kind: str | None = None,
    basis_reference: str | None = None,
    basis_date: date | None = None,
    effective_date: date | None = None,
    id: str | None = None,
) -> dict[str, Any]:
    """Open a disaster in the stage of suppression. It cannot be opened before it began."""
    disaster_id, on = id or new_id(), change.effective_date(effective_date)
    affected = sorted(set(region_ids))
    check_date_order(on, began_on)
    check_basis(basis_kind, basis_reference, basis_date)
    check_regions(change.tx, affected, on, groups=True)
    described: dict[str, Any] = {"name": name, "english_name": english_name, "kind": kind, "began_on": began_on}
    based: dict[str, Any] = {"basis_kind": basis_kind, "basis_reference": basis_reference, "basis_date": basis_date}
    given: dict[str, Any] = {
        "id": disaster_id,
        "named_on": on,
        "version": 1,
        "stage": Stage.SUPPRESSION.value,
        "stage_effective_date": on,
        "regions_version": 1,
        "regions_effective_date": on,
    }
    insert_new(change.tx, store.disasters, "disaster", **given, **described, **based, **recorded(change, on))
    store.add_regions(change.tx, disaster_id, 1, affected)
    _add_stage(change, disaster_id, Stage.SUPPRESSION, on, note=None)
    change.record(
        events.DisasterOpened(disaster_id=disaster_id, region_ids=affected, **described, **based),
        subject=disaster_id,
        version=1,
        effective_date=on,
    )
    return disaster_view(change.tx, disaster_id)


def rename_disaster(change: Change, disaster_id: str, **names: Any) -> dict[str, Any]:
    rename(change, DISASTER, disaster_id, **names)
    return disaster_view(change.tx, disaster_id)


def correct_disaster(change: Change, disaster_id: str, *, kind: str, began_on: date, reason: str) -> dict[str, Any]:
    """Put right what a disaster is or when it began."""
    disaster = load(change, store.disasters, "disaster", disaster_id)
    check_date_order(disaster.effective_date, began_on)
    disaster = update(change.tx, store.disasters, disaster, kind=kind, began_on=began_on)
    payload = events.DisasterCorrected(disaster_id=disaster_id, kind=kind, began_on=began_on, reason=reason)
    return _told(change, disaster, payload, change.today)


def change_stage(
    change: Change, disaster_id: str, *, stage: str, effective_date: date | None = None, note: str | None = None
) -> dict[str, Any]:
    """Advance a disaster to a later stage."""
    on = change.effective_date(effective_date)
    disaster = load(change, store.disasters, "disaster", disaster_id)
    check_advance(Stage(disaster.stage), Stage(stage))
    check_date_order(on, disaster.stage_effective_date)
    disaster = update(change.tx, store.disasters, disaster, stage=stage, stage_effective_date=on)
    _add_stage(change, disaster_id, Stage(stage), on, note)
    return _told(change, disaster, events.DisasterStageChanged(disaster_id=disaster_id, stage=stage), on)


def correct_stage(change: Change, disaster_id: str, *, stage: str, reason: str) -> dict[str, Any]:
    """Put right the last change of stage: from its day on, this is the stage.

    A stage that was reached before goes on from the day on which it was.
    """
    disaster = load(change, store.disasters, "disaster", disaster_id)
    check_correction(Stage(disaster.stage), Stage(stage))
    on = disaster.stage_effective_date
    reached = [row for row in _stages_of(change.tx, disaster_id) if row.stage == stage and not row.is_correction]
    since = reached[-1].effective_date if reached else on
    disaster = update(change.tx, store.disasters, disaster, stage=stage, stage_effective_date=since)
    _add_stage(change, disaster_id, Stage(stage), on, reason, is_correction=True)
    payload = events.DisasterStageCorrected(disaster_id=disaster_id, stage=stage, reason=reason)
    return _told(change, disaster, payload, on)


def state_basis(
    change: Change,
    disaster_id: str,
    *,
    basis_kind: str | None,
    basis_reference: str | None,
    basis_date: date | None,
    effective_date: date | None = None,
) -> dict[str, Any]:
    """State what the relief is based on; nothing takes back what was stated."""
    on = change.effective_date(effective_date)
    disaster = load(change, store.disasters, "disaster", disaster_id)
    check_basis(basis_kind, basis_reference, basis_date)
    based: dict[str, Any] = {
        "basis_kind": basis_kind,
        "basis_reference": basis_reference,
        "basis_date": basis_date,
    }
    disaster = update(change.tx, store.disasters, disaster, **based)
    return _told(change, disaster, events.DisasterBasisStated(disaster_id=disaster_id, **based), on)


def change_affected_regions(
    change: Change, disaster_id: str, *, region_ids: Collection[str], effective_date: date | None = None
) -> dict[str, Any]:
    """Name every region that a disaster affects from a day on."""
    on, affected = change.effective_date(effective_date), sorted(set(region_ids))
    disaster = load(change, store.disasters, "disaster", disaster_id)
    check_date_order(on, disaster.regions_effective_date)
    check_regions(change.tx, affected, on, groups=True)
    listed = {"regions_version": disaster.version + 1, "regions_effective_date": on}
    disaster = update(change.tx, store.disasters, disaster, **listed)
    store.add_regions(change.tx, disaster_id, disaster.version, affected)
    return _told(change, disaster, events.DisasterRegionsChanged(disaster_id=disaster_id, region_ids=affected), on)


def disaster_view(tx: Connection, disaster_id: str) -> dict[str, Any]:
    """A disaster with its regions, the history of its stages and its task force."""
    disaster = get(tx, store.disasters, "disaster", disaster_id)
    return {
        **disaster._asdict(),
        "region_ids": store.regions_of(tx, [disaster_id])[disaster_id],
        "stages": [row._asdict() for row in _stages_of(tx, disaster_id)],
        "bodies": [row._asdict() for row in store.task_force_of(tx, disaster_id)],
    }


def _told(change: Change, disaster: sa.Row[Any], payload: Payload, on: date) -> dict[str, Any]:
    change.record(payload, subject=disaster.id, version=disaster.version, effective_date=on)
    return disaster_view(change.tx, disaster.id)


def _stages_of(tx: Connection, disaster_id: str) -> list[sa.Row[Any]]:
    return store.belonging_to(tx, store.disaster_stages, store.disaster_stages.c.disaster_id, disaster_id)


def _add_stage(
    change: Change, disaster_id: str, stage: Stage, on: date, note: str | None, *, is_correction: bool = False
) -> None:
    reached = {"disaster_id": disaster_id, "stage": stage.value, "note": note, "is_correction": is_correction}
    add(change.tx, store.disaster_stages, **reached, **recorded(change, on))
