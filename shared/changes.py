"""What a use case is handed: the open transaction, who asks, and when. Everything in it commits together."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared import outbox
from shared.auth import Actor, Role
from shared.clock import seoul_date
from shared.events import Event, Payload
from shared.refusals import NotToday, StaleVersion


@dataclass(frozen=True)
class Change:
    """One unit of work. The caller owns the transaction `tx`; a use case only adds to it."""

    tx: Connection
    actor: Actor
    now: datetime
    service: str
    outbox: sa.Table
    correlation_id: str
    expected_version: int | None = None  # from If-Match

    @property
    def today(self) -> date:
        return seoul_date(self.now)

    def effective_date(self, asked: date | None) -> date:
        """Today, unless the import role asks for an earlier date. Raises NotToday."""
        if asked is None or asked == self.today:
            return self.today
        if asked < self.today and Role.IMPORTER in self.actor.roles:
            return asked
        raise NotToday(effective_date=asked, today=self.today)

    def check_version(self, current: int) -> None:
        """Raises StaleVersion when the caller saw an older version than `current`."""
        if self.expected_version is not None and self.expected_version != current:
            raise StaleVersion(expected=self.expected_version, current=current)

    def record(self, payload: Payload, *, subject: str, version: int, effective_date: date) -> str:
        """Write the event of this change into the outbox and return its id."""
        event = Event(
            id=uuid4().hex,
            source=f"/dure/{self.service}",
            type=payload.TYPE,
            time=self.now,
            subject=subject,
            effective_date=effective_date,
            correlation_id=self.correlation_id,
            causation_id=None,
            aggregate_version=version,
            data=payload.as_data(),
        )
        outbox.append(self.tx, self.outbox, outbox.topic_of(self.service), event)
        return event.id


def new_id() -> str:
    return uuid4().hex
