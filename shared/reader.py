"""Reader: moves records from the bus into an inbox, whose stored position wins over the bus's own."""

import time
from collections.abc import Sequence
from typing import Final

import structlog

from shared.bus import Bus, Consumer, TopicPartition
from shared.inbox import Inbox, WentBack

BATCH_SIZE: Final = 2000
# How often a reader makes sure that the database still stands where it left it, also where nothing new arrives.
LOOK_SECONDS: Final = 5.0

log = structlog.get_logger()


class Reader:
    """Moves records from the bus into an inbox. The position in the database wins over the bus's own.

    The database may be restored to an earlier state while this runs: then reading starts again from there.
    """

    def __init__(self, bus: Bus, group: str, topics: Sequence[str], inbox: Inbox) -> None:
        self.bus = bus
        self.group = group
        self.topics = topics
        self.inbox = inbox
        self.consumer: Consumer | None = None
        self.assigned: frozenset[TopicPartition] = frozenset()
        self.positions: dict[TopicPartition, int] = {}
        self.next_look_seconds = 0.0

    def run_once(self, *, timeout_seconds: float) -> int:
        """Take one batch and return how many records it had. Raises BusUnavailable."""
        if self.consumer is None:
            self.bus.create_topics(self.topics)
            self.consumer = self.bus.consumer(self.group, self.topics)
        deliveries = self.consumer.poll(timeout_seconds=timeout_seconds, max_records=BATCH_SIZE)
        if self.consumer.assignment() != self.assigned or self._has_gone_back():
            # Partitions start where the database says, so what was just polled may be off.
            self._seek_to_stored_offsets(self.consumer)
            return 0
        if not deliveries:
            return 0
        try:
            stored = self.inbox.take(deliveries, self.positions)
            self.positions.update(stored)
            self.consumer.commit(stored)
        except WentBack as reason:
            log.warning("the database was restored, reading again", reason=str(reason))
            self._seek_to_stored_offsets(self.consumer)
            return 0
        except BaseException:
            self.close()  # what was polled is read again from the stored position
            raise
        return len(deliveries)

    def is_caught_up(self) -> bool:
        stored = self.inbox.next_offsets()
        return all(stored.get(source, 0) >= end for source, end in self.bus.end_offsets(self.topics).items())

    def _has_gone_back(self) -> bool:
        """Whether the database was restored, looked up now and then: a quiet partition would never tell."""
        if time.monotonic() < self.next_look_seconds:
            return False
        self.next_look_seconds = time.monotonic() + LOOK_SECONDS
        stored = self.inbox.next_offsets()
        return any(stored.get(source, 0) < position for source, position in self.positions.items())

    def _seek_to_stored_offsets(self, consumer: Consumer) -> None:
        stored = self.inbox.next_offsets()
        self.assigned = consumer.assignment()
        self.positions = {source: stored.get(source, 0) for source in self.assigned}
        for source, offset in self.positions.items():
            consumer.seek(source, offset)

    def close(self) -> None:
        if self.consumer:
            self.consumer.close()
            self.consumer = None
            self.assigned = frozenset()
            self.positions = {}
