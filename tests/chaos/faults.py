"""The faults: what is broken, in which order, and how it is mended."""

import contextlib
import functools
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import psycopg
import redis
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.local.postgres import DATABASE, ROLE
from deploy.local.process import LOOPBACK
from deploy.local.stack import PUBLISHERS, WEB, Stack
from tests.chaos.disks import Disks
from tests.chaos.network import Network

LEDGER: Final = f"{DATABASE}_ledger"
SNAPSHOT: Final = f"{LEDGER}_snapshot"
RESTORED, REPLACED = f"{LEDGER}_restored", f"{LEDGER}_replaced"
# A broker is missed after 4 s (broker.session.timeout.ms), a consumer after 10 s: both sides of both are tried.
HOLDS_SECONDS: Final = (1.0, 3.0, 6.0, 12.0)
BEYOND_THE_BROKERS_SESSION_SECONDS: Final = 8.0
LOOK_TIMEOUT_SECONDS: Final = 10

CONSUMERS: Final = ("consume-ledger", "consume-ledger-2")
RELAYS: Final = tuple(f"relay-{name}" for name in PUBLISHERS)


class Kind(StrEnum):
    """The rows of the table."""

    SERVICE_KILLED = "service killed"
    SERVICE_FROZEN = "service frozen"
    RELAY_KILLED = "relay killed"
    RELAY_FROZEN = "relay frozen"
    CONSUMER_KILLED = "consumer killed"
    CONSUMER_FROZEN = "consumer frozen"
    FRONT_KILLED = "front door killed"
    FRONT_FROZEN = "front door frozen"
    BROKER_KILLED = "broker killed"
    BROKER_FROZEN = "broker frozen"
    BROKER_CUT_OFF = "broker cut off"
    CONTROLLER_KILLED = "controller killed"
    CONTROLLER_CUT_OFF = "controller cut off"
    POSTGRES_KILLED = "PostgreSQL killed"
    POSTGRES_DISK_FULL = "PostgreSQL's disk full"
    BROKER_DISK_FULL = "broker's disk full"
    REDIS_KILLED = "Redis killed"
    REDIS_FLUSHED = "Redis flushed"
    LEDGER_RESTORED = "ledger restored"


PROGRAMS: Final[dict[Kind, Sequence[str]]] = {
    Kind.SERVICE_KILLED: WEB,
    Kind.SERVICE_FROZEN: WEB,
    Kind.RELAY_KILLED: RELAYS,
    Kind.RELAY_FROZEN: RELAYS,
    Kind.CONSUMER_KILLED: CONSUMERS,
    Kind.CONSUMER_FROZEN: CONSUMERS,
    Kind.FRONT_KILLED: ("front",),
    Kind.FRONT_FROZEN: ("front",),
}
FROZEN: Final = frozenset({Kind.SERVICE_FROZEN, Kind.RELAY_FROZEN, Kind.CONSUMER_FROZEN, Kind.FRONT_FROZEN})
ON_CONTROLLER: Final = frozenset({Kind.CONTROLLER_KILLED, Kind.CONTROLLER_CUT_OFF})
ON_KAFKA: Final = ON_CONTROLLER | {
    Kind.BROKER_KILLED,
    Kind.BROKER_FROZEN,
    Kind.BROKER_CUT_OFF,
    Kind.BROKER_DISK_FULL,
}
ON_DISKS: Final = frozenset({Kind.POSTGRES_DISK_FULL, Kind.BROKER_DISK_FULL})


@dataclass(frozen=True)
class Fault:
    """`pick` chooses among the programs, or among the nodes that are (or are not) the controller at that moment."""

    kind: Kind
    pick: int
    hold_seconds: float


def plan(seed: int, count: int, kinds: Collection[Kind] = tuple(Kind)) -> list[Fault]:
    """`count` faults in the order `seed` gives: every kind once, then every kind again, and so on."""
    chance = random.Random(seed)
    faults: list[Fault] = []
    while len(faults) < count:
        order = list(kinds)
        chance.shuffle(order)
        faults += [Fault(kind, chance.randrange(1 << 16), chance.choice(HOLDS_SECONDS)) for kind in order]
    return faults[:count]


@dataclass(frozen=True)
class Injected:
    """A fault at work: what it hit, how long it stays, and how it ends."""

    target: str
    hold_seconds: float
    mend: Callable[[], object]


class Faults:
    """Breaks the stack and mends it. Use it from one thread that lives as long as the stack: it starts processes."""

    def __init__(self, stack: Stack, network: Network | None, disks: Disks | None) -> None:
        """Without a network brokers are frozen instead of cut off; without disks none can be filled."""
        self.stack = stack
        self.network = network
        self.disks = disks
        if disks is not None:
            disks.mount([stack.postgres.data, *map(stack.kafka.data, stack.kafka.nodes)])

    @property
    def kinds(self) -> list[Kind]:
        """What can be broken here."""
        return [kind for kind in Kind if self.disks is not None or kind not in ON_DISKS]

    def inject(self, fault: Fault) -> Injected:
        if fault.kind in PROGRAMS:
            return self._program(fault)
        if fault.kind in ON_KAFKA:
            return self._node(fault)
        return {
            Kind.POSTGRES_KILLED: self._kill_postgres,
            Kind.POSTGRES_DISK_FULL: self._fill_disk_of_postgres,
            Kind.REDIS_KILLED: self._kill_redis,
            Kind.REDIS_FLUSHED: self._flush_redis,
            Kind.LEDGER_RESTORED: self._restore_ledger,
        }[fault.kind](fault)

    def take_snapshot(self) -> None:
        """Keep the ledger's database as it is now, to be restored later."""
        with self._postgres() as server:
            server.execute(f'DROP DATABASE IF EXISTS "{SNAPSHOT}"')
            _turn_clients_away(server)
            try:
                server.execute(f'CREATE DATABASE "{SNAPSHOT}" TEMPLATE "{LEDGER}"')
            finally:
                server.execute(f'ALTER DATABASE "{LEDGER}" ALLOW_CONNECTIONS true')

    def is_kafka_whole(self) -> bool:
        """Whether every replica of every partition is in sync: only then may the next node be lost."""
        with contextlib.suppress(KafkaError, IndexError), self._kafka() as admin:
            partitions = [part for topic in admin.describe_topics() for part in topic["partitions"]]
            return bool(partitions) and all(
                len(part["isr_nodes"]) == len(self.stack.kafka.nodes) for part in partitions
            )
        return False

    def controller(self) -> int:
        """The node that leads the cluster's metadata. Raises KafkaError."""
        with self._kafka() as admin:
            quorum = admin.describe_metadata_quorum()
        return int(quorum["topics"][0]["partitions"][0]["leader_id"])

    def _program(self, fault: Fault) -> Injected:
        names = PROGRAMS[fault.kind]
        name = names[fault.pick % len(names)]
        if fault.kind not in FROZEN:
            self.stack.kill(name)
            return Injected(name, 0, _nothing)  # the supervisor starts it again
        self.stack.pause(name)
        return Injected(name, fault.hold_seconds, functools.partial(self.stack.resume, name))

    def _node(self, fault: Fault) -> Injected:
        kafka, controller = self.stack.kafka, self.controller()
        others = [node for node in kafka.nodes if node != controller]
        node = controller if fault.kind in ON_CONTROLLER else others[fault.pick % len(others)]
        target = f"node {node}"
        if fault.kind in (Kind.BROKER_KILLED, Kind.CONTROLLER_KILLED):
            kafka.kill(node)
            return Injected(target, fault.hold_seconds, functools.partial(kafka.start, node))
        if fault.kind is Kind.BROKER_FROZEN:
            kafka.pause(node)
            return Injected(target, fault.hold_seconds, functools.partial(kafka.resume, node))
        if fault.kind is Kind.BROKER_DISK_FULL:
            return self._fill(kafka.data(node), target, fault)
        hold_seconds = max(fault.hold_seconds, BEYOND_THE_BROKERS_SESSION_SECONDS)
        if self.network is None:
            kafka.pause(node)
            return Injected(target, hold_seconds, functools.partial(kafka.resume, node))
        self.network.cut(node)
        return Injected(target, hold_seconds, functools.partial(self.network.mend, node))

    def _kill_postgres(self, _fault: Fault) -> Injected:
        self.stack.postgres.kill()
        return Injected("all databases", 0, self.stack.postgres.start)

    def _fill_disk_of_postgres(self, fault: Fault) -> Injected:
        return self._fill(self.stack.postgres.data, "all databases", fault)

    def _fill(self, folder: Path, target: str, fault: Fault) -> Injected:
        """A server may end when it cannot write; started again once there is room, it must have lost nothing."""
        assert self.disks is not None, "without disks nothing of this kind is planned"
        self.disks.fill(folder)
        return Injected(target, fault.hold_seconds, functools.partial(self.disks.free, folder))

    def _kill_redis(self, _fault: Fault) -> Injected:
        self.stack.redis.kill()
        return Injected("cache", 1, self.stack.redis.start)

    def _flush_redis(self, _fault: Fault) -> Injected:
        with redis.Redis.from_url(self.stack.redis.url) as client:
            client.flushall()
        return Injected("cache", 0, _nothing)

    def _restore_ledger(self, _fault: Fault) -> Injected:
        """Put the snapshot in the place of the ledger while its service and consumers run."""
        with self._postgres() as server:
            server.execute(f'CREATE DATABASE "{RESTORED}" TEMPLATE "{SNAPSHOT}"')
            _turn_clients_away(server)
            # At once: a service that starts and finds no database creates an empty one.
            with server.transaction():
                server.execute(f'ALTER DATABASE "{LEDGER}" RENAME TO "{REPLACED}"')
                server.execute(f'ALTER DATABASE "{RESTORED}" RENAME TO "{LEDGER}"')
            server.execute(f'DROP DATABASE "{REPLACED}"')
        return Injected("ledger", 0, _nothing)

    def _postgres(self) -> psycopg.Connection[tuple[object, ...]]:
        port = self.stack.postgres.port
        return psycopg.connect(host=LOOPBACK, port=port, user=ROLE, dbname="postgres", autocommit=True)

    @contextlib.contextmanager
    def _kafka(self) -> Iterator[KafkaAdminClient]:
        admin = KafkaAdminClient(
            bootstrap_servers=self.stack.kafka.bootstrap.split(","), request_timeout_ms=LOOK_TIMEOUT_SECONDS * 1000
        )
        try:
            yield admin
        finally:
            admin.close()


def _turn_clients_away(server: psycopg.Connection[tuple[object, ...]]) -> None:
    """End every session of the ledger's database and let no new one begin."""
    server.execute(f'ALTER DATABASE "{LEDGER}" ALLOW_CONNECTIONS false')
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [LEDGER])


def _nothing() -> None:
    """A fault that is over at once needs no mending."""
