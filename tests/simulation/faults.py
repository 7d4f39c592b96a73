"""What goes wrong between two steps and inside one: fault-injecting versions of the database, the bus and the clock."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from shared.bus import BusUnavailable, Delivery, Record
from shared.bus.embedded import EmbeddedBus, EmbeddedConsumer, EmbeddedProducer
from shared.db import Database

BEGINNING: Final = datetime(2025, 3, 22, 2, 25, tzinfo=UTC)  # the fires had just begun
WRITES: Final = ("INSERT", "UPDATE", "DELETE")

DIALECTS: Final[dict[str, Any]] = {}
COMPILED: Final[dict[Any, Any]] = {}


class Crash(BaseException):
    """The process dies here: nothing after this line happens. No `except Exception` may survive it."""


class Faults:
    """What is armed to strike. A fault strikes once and is spent."""

    def __init__(self) -> None:
        self.armed: dict[tuple[str, str], int] = {}
        self.struck: set[tuple[str, str]] = set()
        self.visitor: Callable[[], None] | None = None

    def arm(self, part: str, point: str, *, after: int = 0) -> None:
        """Strike `part` when it reaches `point` for the (after + 1)-th time."""
        self.armed[part, point] = after

    def disarm(self) -> None:
        self.armed.clear()
        self.struck.clear()
        self.visitor = None

    def strikes(self, part: str, point: str) -> bool:
        left = self.armed.get((part, point))
        if left is None:
            return False
        if left:
            self.armed[part, point] = left - 1
            return False
        del self.armed[part, point]
        self.struck.add((part, point))
        return True

    def check(self, part: str, point: str) -> None:
        """Raises Crash."""
        if self.strikes(part, point):
            raise Crash(f"{part} at {point}")

    def let_in(self) -> None:
        """Another request is served at the very moment this one is about to open its transaction."""
        visitor, self.visitor = self.visitor, None
        if visitor:
            visitor()


class SimulatedClock:
    """The world's time as one machine sees it: its clock may be wrong."""

    def __init__(self, time: "Time") -> None:
        self.time = time
        self.skew = timedelta()

    def now(self) -> datetime:
        return self.time.now + self.skew

    def set_wrong(self, minutes: int) -> None:
        self.skew = timedelta(minutes=minutes)


class Time:
    """The true time. Every tick is a second and a microsecond long, so that no two moments are ever equal."""

    def __init__(self, now: datetime = BEGINNING) -> None:
        self.now = now

    def tick(self) -> None:
        self.now += timedelta(seconds=1, microseconds=1)

    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)


class SimulatedDatabase(Database):
    """SQLite that dies before or after a commit, or has no room left.

    It does not wait for the disk: faults here are simulated, not power cuts.
    """

    def __init__(self, url: str, part: str, faults: Faults, seal_key: bytes) -> None:
        super().__init__(url, seal_key=seal_key)
        self.part = part
        self.faults = faults
        share_compiled_statements(self.engine)
        sa.event.listen(self.engine, "connect", hurry)
        sa.event.listen(self.engine, "before_cursor_execute", self._refuse_when_full)

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        self.faults.let_in()
        with super().write() as tx:
            yield tx
            self.faults.check(self.part, "commit")
        self.faults.check(self.part, "committed")

    def _refuse_when_full(self, _c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        if statement.lstrip().upper().startswith(WRITES) and self.faults.strikes(self.part, "full"):
            full = sqlite3.OperationalError("database or disk is full")
            raise sa.exc.OperationalError(statement, parameters, full)


def share_compiled_statements(engine: sa.Engine) -> None:
    """A world lives for a second: what was compiled for one serves all others, which saves a quarter of the time."""
    DIALECTS.setdefault("sqlite", engine.dialect)
    engine.dialect = DIALECTS["sqlite"]
    engine.update_execution_options(compiled_cache=COMPILED)


def hurry(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class SimulatedBus(EmbeddedBus):
    """The embedded bus, which may publish a part, die before or after publishing, and deliver in another order."""

    def __init__(self, path: str, partitions: int, faults: Faults) -> None:
        self.faults = faults
        self.most_sent = 0  # how many records one sending makes durable; 0 means all
        self.most_read = 0
        self.order = 0  # how partitions take turns
        self.rewind = 0  # how many records of each partition are delivered again
        super().__init__(path, partitions=partitions)

    def connect(self) -> sqlite3.Connection:
        connection = super().connect()
        hurry(connection, None)
        return connection

    def producer(self) -> EmbeddedProducer:
        return SimulatedProducer(self)

    def consumer(self, group: str, topics: Sequence[str]) -> EmbeddedConsumer:
        return SimulatedConsumer(self, topics)


class SimulatedProducer(EmbeddedProducer):
    bus: SimulatedBus

    def send(self, records: Sequence[Record]) -> int:
        faults = self.bus.faults
        faults.check("bus", "publish")
        if faults.strikes("bus", "full"):
            raise BusUnavailable("database or disk is full")
        sent = super().send(records[: self.bus.most_sent] if self.bus.most_sent else records)
        faults.check("bus", "published")
        if faults.strikes("bus", "gone"):
            raise BusUnavailable("gone after sending")
        return sent


class SimulatedConsumer(EmbeddedConsumer):
    bus: SimulatedBus

    def _read(self, max_records: int) -> list[Delivery]:
        """Partitions interleaved in a made-up order; within a partition the order stays."""
        for source, position in self.positions.items():
            self.positions[source] = max(0, position - self.bus.rewind)
        self.bus.rewind = 0
        random = Random(self.bus.order)
        sources = list(self.positions)
        random.shuffle(sources)
        self.positions = {source: self.positions[source] for source in sources}
        deliveries = super()._read(min(self.bus.most_read or max_records, max_records))
        queues = [[one for one in deliveries if one.source == source] for source in sources]
        turns = [number for number, queue in enumerate(queues) for _ in queue]
        random.shuffle(turns)
        return [queues[number].pop(0) for number in turns]
