"""Disasters over HTTP."""

from typing import Any

from sqlalchemy.engine import Connection

from services.situation import store
from services.situation.api.paging import page_where
from services.situation.operations import bodies, disasters
from services.situation.permissions import DATING, PERMISSIONS
from services.situation.schemas import disasters as wire
from services.situation.schemas import parts
from shared.changes import Change
from shared.fields import PageQuery, page_of
from shared.http import Blueprint

blueprint = Blueprint(
    "disasters", __name__, description="Disasters and their task forces (재난)", permissions=PERMISSIONS, dating=DATING
)
DISASTER = "/disasters/<id:disaster_id>"


@blueprint.change("/disasters", takes=wire.NewDisaster, returns=wire.Disaster)
def open_disaster(change: Change, body: dict[str, Any]) -> Any:
    """Open a disaster; it starts in the stage of suppression."""
    return disasters.open_disaster(change, **body)


@blueprint.query("/disasters", takes=PageQuery, returns=page_of(wire.DisasterSummary))
def list_disasters(tx: Connection, arguments: dict[str, Any]) -> Any:
    """Disasters, where they are and the stage each is in."""
    found = page_where(tx, store.disasters, arguments)
    affected = store.regions_of(tx, [row["id"] for row in found["items"]])
    return {**found, "items": [{**row, "region_ids": affected[row["id"]]} for row in found["items"]]}


@blueprint.query(DISASTER, returns=wire.Disaster)
def show_disaster(tx: Connection, _arguments: dict[str, Any], disaster_id: str) -> Any:
    """One disaster with the history of its stages and its task force."""
    return disasters.disaster_view(tx, disaster_id)


@blueprint.change(f"{DISASTER}/names", takes=parts.NewName, returns=wire.Disaster, edits=True)
def rename_disaster(change: Change, body: dict[str, Any], disaster_id: str) -> Any:
    """Give a disaster another name from a day on."""
    return disasters.rename_disaster(change, disaster_id, **body)


@blueprint.change(f"{DISASTER}/corrections", takes=wire.DisasterCorrection, returns=wire.Disaster, edits=True)
def correct_disaster(change: Change, body: dict[str, Any], disaster_id: str) -> Any:
    """Put right what a disaster is or when it began."""
    return disasters.correct_disaster(change, disaster_id, **body)


@blueprint.change(f"{DISASTER}/stages", takes=wire.NewStage, returns=wire.Disaster, edits=True)
def change_stage(change: Change, body: dict[str, Any], disaster_id: str) -> Any:
    """Advance a disaster to a later stage."""
    return disasters.change_stage(change, disaster_id, **body)


@blueprint.change(f"{DISASTER}/stages/corrections", takes=wire.StageCorrection, returns=wire.Disaster, edits=True)
def correct_stage(change: Change, body: dict[str, Any], disaster_id: str) -> Any:
    """Put right the last change of stage: from its day on, this is the stage."""
    return disasters.correct_stage(change, disaster_id, **body)


@blueprint.change(f"{DISASTER}/basis", takes=wire.NewBasis, returns=wire.Disaster, edits=True)
def state_basis(change: Change, body: dict[str, Any], disaster_id: str) -> Any:
    """State what the relief is based on, or take it back by stating nothing."""
    return disasters.state_basis(change, disaster_id, **body)


@blueprint.change(f"{DISASTER}/regions", takes=wire.NewRegions, returns=wire.Disaster, edits=True)
def change_affected_regions(change: Change, body: dict[str, Any], disaster_id: str) -> Any:
    """Name every region that a disaster affects from a day on."""
    return disasters.change_affected_regions(change, disaster_id, **body)


@blueprint.change(f"{DISASTER}/bodies", takes=wire.NewMember, returns=wire.Disaster, edits=True)
def join_task_force(change: Change, body: dict[str, Any], disaster_id: str) -> Any:
    """Let a body take part in the task force of a disaster."""
    return bodies.join_task_force(change, disaster_id, **body)


@blueprint.change(f"{DISASTER}/bodies/<id:body_id>/end", takes=wire.LastDay, returns=wire.Disaster, edits=True)
def leave_task_force(change: Change, body: dict[str, Any], disaster_id: str, body_id: str) -> Any:
    """Settle the last day of a body in a task force."""
    return bodies.leave_task_force(change, disaster_id, body_id, **body)
