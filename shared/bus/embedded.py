"""The bus in one SQLite file: durable, partitioned, for one machine and any number of its processes."""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from shared.bus.port import BusUnavailable, Delivery, Record, RecordRefused, TopicPartition

BUSY_TIMEOUT_SECONDS = 30
MAX_RECORD_BYTES = 1_000_000  # as Kafka's default message.max.bytes, so that both adapters refuse alike

SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (
    topic TEXT PRIMARY KEY,
    partitions INTEGER NOT NULL CHECK (partitions > 0)
);
CREATE TABLE IF NOT EXISTS records (
    topic TEXT NOT NULL REFERENCES topics,
    partition INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
) WITHOUT ROWID;
"""


class EmbeddedBus:
    def __init__(self, path: str, *, partitions: int = 4) -> None:
        self.path = path
        self.partitions = partitions
        self.appended = threading.Event()  # wakes the readers of this process early
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with closing(self.connect()) as connection:
            connection.executescript(SCHEMA)

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def create_topics(self, topics: Sequence[str]) -> None:
        with closing(self.connect()) as connection:
            connection.executemany(
                "INSERT INTO topics VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(topic, self.partitions) for topic in topics],
            )

    def producer(self) -> "EmbeddedProducer":
        return EmbeddedProducer(self)

    def consumer(self, group: str, topics: Sequence[str]) -> "EmbeddedConsumer":
        return EmbeddedConsumer(self, topics)

    def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        with closing(self.connect()) as connection:
            return {
                source: next_offset(connection, source)
                for topic in topics
                for source in partitions_of(connection, topic)
            }

    def close(self) -> None:
        """Nothing is held open by the bus itself."""


class EmbeddedProducer:
    def __init__(self, bus: EmbeddedBus) -> None:
        self.bus = bus
        self.connection = bus.connect()

    def send(self, records: Sequence[Record]) -> int:
        """Append all records in one transaction: all become durable, or those before a refused one."""
        partitions = {topic: partitions_of(self.connection, topic) for topic in {record.topic for record in records}}
        reasons = (reason_to_refuse(record, partitions[record.topic]) for record in records)
        acceptable, reason = next(((i, reason) for i, reason in enumerate(reasons) if reason), (len(records), None))
        if reason and acceptable == 0:
            raise RecordRefused(reason)
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self._append(
                (partition_for(record.key, partitions[record.topic]), record) for record in records[:acceptable]
            )
            self.connection.execute("COMMIT")
        except sqlite3.OperationalError as error:  # the disk is full, or another process holds the lock for too long
            raise BusUnavailable(str(error)) from error
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        self.bus.appended.set()
        return acceptable

    def _append(self, records: Iterable[tuple[TopicPartition, Record]]) -> None:
        next_offsets: dict[TopicPartition, int] = {}
        for source, record in records:
            offset = next_offsets.get(source) or next_offset(self.connection, source)
            self.connection.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?)",
                (record.topic, source.partition, offset, record.key, record.value),
            )
            next_offsets[source] = offset + 1

    def close(self) -> None:
        self.connection.close()


class EmbeddedConsumer:
    """Reads every partition of its topics.

    Several members of one group read the same records here. That is safe because the inbox stores the
    position with the effect in one transaction: whoever comes second finds the record already taken.
    """

    def __init__(self, bus: EmbeddedBus, topics: Sequence[str]) -> None:
        self.bus = bus
        self.connection = bus.connect()
        self.positions = {source: 0 for topic in topics for source in partitions_of(self.connection, topic)}
        self.read_to_end_at: int | None = None  # the file's version when nothing was left to read

    def poll(self, *, timeout_seconds: float, max_records: int) -> list[Delivery]:
        deadline = time.monotonic() + timeout_seconds
        while True:
            self.bus.appended.clear()
            if deliveries := self._read(max_records):
                return deliveries
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return []
            # Another process may append as well, so the wait is never longer than its polling interval.
            self.bus.appended.wait(min(remaining, 0.1))

    def _read(self, max_records: int) -> list[Delivery]:
        # Taken before reading, so that what is appended meanwhile is not missed. Asking every partition of a file
        # that nobody has written to would keep a processor busy for nothing.
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        if version == self.read_to_end_at:
            return []
        deliveries: list[Delivery] = []
        for source, position in self.positions.items():
            rows = self.connection.execute(
                'SELECT "offset", key, value FROM records'
                ' WHERE topic = ? AND partition = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?',
                (source.topic, source.partition, position, max_records - len(deliveries)),
            ).fetchall()
            deliveries += [Delivery(source.topic, source.partition, *row) for row in rows]
            if rows:
                self.positions[source] = rows[-1][0] + 1
        self.read_to_end_at = None if deliveries else version
        return deliveries

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.positions)

    def seek(self, source: TopicPartition, offset: int) -> None:
        if source in self.positions:
            self.positions[source] = offset
            self.read_to_end_at = None

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """No lag display reads this adapter."""

    def close(self) -> None:
        self.connection.close()


def partitions_of(connection: sqlite3.Connection, topic: str) -> list[TopicPartition]:
    row = connection.execute("SELECT partitions FROM topics WHERE topic = ?", (topic,)).fetchone()
    return [TopicPartition(topic, number) for number in range(row[0] if row else 0)]


def reason_to_refuse(record: Record, partitions: Sequence[TopicPartition]) -> str | None:
    if len(record.value) > MAX_RECORD_BYTES:
        return f"a record of {len(record.value)} bytes is above {MAX_RECORD_BYTES}"
    if not partitions:
        return f"topic {record.topic} does not exist"
    return None


def partition_for(key: str, partitions: Sequence[TopicPartition]) -> TopicPartition:
    digest = hashlib.sha256(key.encode()).digest()
    return partitions[int.from_bytes(digest[:8]) % len(partitions)]


def next_offset(connection: sqlite3.Connection, source: TopicPartition) -> int:
    row = connection.execute(
        'SELECT max("offset") + 1 FROM records WHERE topic = ? AND partition = ?', (source.topic, source.partition)
    ).fetchone()
    return row[0] or 0
