"""Whose task it is. A change settles this by `act_for`; here is what a reader and the public need of it."""

from typing import Any

import sqlalchemy as sa

from shared.auth import Actor
from shared.permissions import Permission
from shared.refusals import OtherBody, OtherDisaster


def acts_for(actor: Actor, permission: Permission, task: sa.Row[Any]) -> bool:
    """Whether one of the roles is held for the body and the disaster of this task (or of a shift's task)."""
    grants = actor.grants_of(permission.roles)
    return any(grant.body_id == task.body_id and grant.covers(task.disaster_id) for grant in grants)


def check_acts_for(actor: Actor, permission: Permission, task: sa.Row[Any]) -> None:
    """Raises OtherBody or OtherDisaster."""
    if acts_for(actor, permission, task):
        return
    held = {grant.body_id for grant in actor.grants_of(permission.roles)}
    if task.body_id not in held:
        raise OtherBody(body_id=task.body_id, account=actor.id, held=", ".join(sorted(held)))
    raise OtherDisaster(disaster_id=task.disaster_id, account=actor.id, body_id=task.body_id)
