"""What a use case is handed: the open transaction, who asks for whom, and when. Everything in it commits together."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared import outbox
from shared.auth import Actor, Role
from shared.clock import seoul_date
from shared.dating import UNDATED, DatingPolicy
from shared.events import Event, Payload, written
from shared.permissions import Permission, Scope
from shared.refusals import OtherBody, OtherDisaster, StaleVersion, WhichBody


@dataclass
class Change:
    """One unit of work. The caller owns the transaction `tx`; a use case only adds to it."""

    tx: Connection
    actor: Actor
    now: datetime
    service: str
    outbox: sa.Table | None  # None in a service that tells nobody
    correlation_id: str
    operation: str
    permission: Permission
    dating: DatingPolicy | None  # None where nothing can be dated but today
    expected_version: int | None = None  # from If-Match
    asked_body_id: str | None = None  # from Acting-Body: for an account that acts for several bodies
    body_id: str | None = None  # for whom it is done; settled by `act_for`

    @property
    def today(self) -> date:
        return seoul_date(self.now)

    @property
    def is_import(self) -> bool:
        return Role.IMPORTER in self.actor.roles

    def act_for(self, body_id: str | None = None, disaster_id: str | None = None) -> str:
        """Settle for which body this is done, and return it.

        `body_id` is the body that the record belongs to; a record that is new belongs to the account's own.
        Raises OtherBody, OtherDisaster, or WhichBody where the account could mean several.
        """
        scope = self.permission.scope
        if scope is Scope.PUBLIC:
            assert body_id is not None, "what anybody may do is done on a record of some body"
            self.body_id = body_id
            return body_id
        grants = self.actor.grants_of(self.permission.roles)
        held = sorted({grant.body_id for grant in grants})
        reaching = {grant.body_id for grant in grants if scope is Scope.SYSTEM or grant.covers(disaster_id)}
        asked = self.asked_body_id if scope is Scope.SYSTEM else body_id or self.asked_body_id
        if asked is not None and asked not in held:
            raise OtherBody(body_id=asked, account=self.actor.id, held=", ".join(held))
        candidates = reaching if asked is None else reaching & {asked}
        if not candidates:
            raise OtherDisaster(disaster_id=disaster_id or "-", account=self.actor.id, body_id=asked or ", ".join(held))
        if len(candidates) > 1:
            raise WhichBody(account=self.actor.id, held=", ".join(sorted(candidates)))
        (self.body_id,) = candidates
        return self.body_id

    def effective_date(self, asked: date | None) -> date:
        """Today, or the day that was asked for if `dating` allows it. Raises DateNotAllowed."""
        if asked is None or asked == self.today:
            return self.today
        policy = self.dating or UNDATED
        policy.check(asked, self.today, self.operation, is_import=self.is_import)
        return asked

    def check_version(self, current: int) -> None:
        """Raises StaleVersion when the caller saw an older version than `current`."""
        if self.expected_version is not None and self.expected_version != current:
            raise StaleVersion(expected=self.expected_version, current=current)

    def record(self, payload: Payload, *, subject: str, version: int, effective_date: date) -> str:
        """Write the event of this change into the outbox and return its id."""
        if self.body_id is None and self.permission.scope is Scope.SYSTEM:
            self.act_for()
        assert self.outbox is not None, f"{self.service} publishes nothing"
        assert self.body_id is not None, f"{self.operation} did not settle for which body it is done"
        event = Event.of(
            id=uuid4().hex,
            source=f"/dure/{self.service}",
            type=payload.TYPE,
            time=self.now,
            subject=subject,
            effective_date=effective_date,
            account=self.actor.id,
            body_id=self.body_id,
            correlation_id=self.correlation_id,
            causation_id=None,
            aggregate_version=version,
            data=written(payload),
        )
        outbox.append(self.tx, self.outbox, outbox.topic_of(self.service), event)
        return event.id


def new_id() -> str:
    return uuid4().hex
