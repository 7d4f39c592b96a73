"""Whose tokens are void before they end: accounts that were disabled, changed or signed out everywhere.

The situation service owns this and tells it as an event. Every other service takes it into a table of its own, so
that it needs nobody's answer to refuse, and goes on working while the situation service is away.
"""

import threading
import time
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.auth import Actor, BadToken
from shared.bus import Bus, Consumer, TopicPartition
from shared.db import Database, UtcDateTime, raise_to
from shared.events import Event, Id, MalformedEvent, Moment, Payload
from shared.outbox import topic_of

LOOK_SECONDS: Final = 5.0
OWNER: Final = "situation"


class AccessEnded(Payload, frozen=True, kw_only=True):
    """Every token of an account from before `void_before` lost its force: it was changed, disabled or signed out."""

    TYPE = "situation.access_ended.v1"
    account_id: Id
    void_before: Moment


def access_table(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "access",
        metadata,
        sa.Column("account", sa.String(64), primary_key=True),
        sa.Column("void_before", UtcDateTime, nullable=False),
    )


def end_access(tx: Connection, table: sa.Table, account: str, void_before: datetime) -> None:
    """Void the account's tokens from before this moment; an earlier moment changes nothing."""
    tx.execute(raise_to(tx.dialect.name, table, "void_before"), {"account": account, "void_before": void_before})


class AccessList:
    """The table as a process remembers it, looked at again every few seconds."""

    def __init__(self, database: Database, table: sa.Table) -> None:
        self.database = database
        self.table = table
        self.lock = threading.Lock()
        self.void_before: dict[str, datetime] = {}
        self.next_look_seconds = 0.0

    def check(self, actor: Actor) -> None:
        """Raises BadToken."""
        self._look()
        void_before = self.void_before.get(actor.id)
        if void_before is not None and (actor.issued_at is None or actor.issued_at < void_before):
            raise BadToken("this account was changed or signed out since")

    def forget(self) -> None:
        """Look again at the next check: the table was just changed in this process."""
        with self.lock:  # a look that has begun may not have seen it
            self.next_look_seconds = 0.0

    def _look(self) -> None:
        if time.monotonic() < self.next_look_seconds:
            return
        with self.lock:
            if time.monotonic() < self.next_look_seconds:
                return
            with self.database.read() as tx:
                self.void_before = {row.account: row.void_before for row in tx.execute(sa.select(self.table))}
            self.next_look_seconds = time.monotonic() + LOOK_SECONDS


class AccessReader:
    """Takes what the situation service tells into a service's own table. It reads from the beginning at every start.

    What it does is the same however often it is done, so it keeps no position.
    """

    def __init__(self, bus: Bus, service: str, database: Database, table: sa.Table) -> None:
        self.bus = bus
        self.group = f"access-{service}"
        self.topics = [topic_of(OWNER)]
        self.database = database
        self.table = table
        self.consumer: Consumer | None = None
        self.positions: dict[TopicPartition, int] = {}

    def run_once(self, *, timeout_seconds: float, max_records: int = 1000) -> int:
        """Take one batch and return how many records it had. Raises BusUnavailable."""
        if self.consumer is None:
            self.bus.create_topics(self.topics)
            self.consumer = self.bus.consumer(self.group, self.topics)
        deliveries = self.consumer.poll(timeout_seconds=timeout_seconds, max_records=max_records)
        ended = [found for delivery in deliveries if (found := _access_ended(delivery.value))]
        if ended:
            with self.database.write() as tx:
                for found in sorted(ended, key=lambda found: found.account_id):
                    end_access(tx, self.table, found.account_id, found.void_before)
        self.positions.update({delivery.source: delivery.offset + 1 for delivery in deliveries})
        return len(deliveries)

    def is_caught_up(self) -> bool:
        return all(self.positions.get(source, 0) >= end for source, end in self.bus.end_offsets(self.topics).items())

    def close(self) -> None:
        if self.consumer:
            self.consumer.close()
            self.consumer = None
            self.positions = {}


def _access_ended(raw: bytes) -> AccessEnded | None:
    """What an event says of access, if it does; one that cannot be read is the ledger's to report."""
    try:
        event = Event.from_bytes(raw)
        return event.payload(AccessEnded) if event.type == AccessEnded.TYPE else None
    except MalformedEvent:
        return None
