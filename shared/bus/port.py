"""The bus as the rest of Dure sees it: a partitioned, durable, replayable log.

Two adapters implement it: `shared.bus.kafka` (Apache Kafka) and `shared.bus.embedded` (one SQLite file).
Both keep the order of records with the same key, deliver at least once, and never forget a record on
their own. The position of a reader is not kept here: it is stored with the reader's effects, in one
transaction (see `shared.inbox`), so that an effect happens once however often a record arrives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """One record to be published. Records with the same key keep their order."""

    topic: str
    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class TopicPartition:
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record as a reader receives it; `offset` grows by one within its partition."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes

    @property
    def source(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


class BusUnavailable(Exception):
    """The bus could not be reached; nothing is known to be lost and the call may be repeated."""


class RecordRefused(Exception):
    """The bus will never take this record (for example: larger than its limit)."""


class Producer(Protocol):
    def send(self, records: Sequence[Record]) -> int:
        """Publish in the given order and return how many records, counted from the first, are durable.

        Fewer than all means the rest must be sent again. Raises RecordRefused when the first record
        that is not durable can never be, BusUnavailable when nothing could be sent.
        """

    def close(self) -> None: ...


class Consumer(Protocol):
    """One member of a consumer group. Not safe to share between threads."""

    def poll(self, *, timeout_seconds: float, max_records: int) -> list[Delivery]:
        """Wait for at least one record or the time-out. In order within each partition."""

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions this member reads now. May change between two polls."""

    def seek(self, source: TopicPartition, offset: int) -> None:
        """The next poll delivers from `offset` on. No effect on a partition that is not assigned."""

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the bus how far this group is (next offset to read): a hint for lag displays only."""

    def close(self) -> None: ...


class Bus(Protocol):
    def create_topics(self, topics: Sequence[str]) -> None:
        """Make the topics exist. Topics that exist already are left as they are."""

    def producer(self) -> Producer: ...

    def consumer(self, group: str, topics: Sequence[str]) -> Consumer: ...

    def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The offset the next record of each partition will get: what a reader must reach."""

    def close(self) -> None: ...
