"""All of Dure in one thread: opened on files of its own, crashed and opened again, with time in our hands."""

import contextlib
import dataclasses
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import structlog
from flask import Flask
from flask.testing import FlaskClient

from services import standalone
from services.ledger import app as ledger
from services.ledger import consumers
from shared.auth import Actor, Role, issue_token
from shared.cache import MemoryCache
from shared.config import Settings, load_settings
from shared.http import EXTENSION, Service
from shared.inbox import Reader
from shared.outbox import Relay
from tests.simulation import files
from tests.simulation.catalogue import OPS, Request
from tests.simulation.faults import Faults, SimulatedBus, SimulatedClock, SimulatedDatabase, Time

MODULES: Final = {module.NAME: module for module in standalone.SERVICES}
PUBLISHERS: Final = tuple(module.NAME for module in standalone.PUBLISHERS)
LEDGER_FILE: Final = f"dure_{ledger.NAME}.db"
BACKUP_FILE: Final = "ledger-backup.db"
BUS_FILE: Final = "bus.db"
MEMORY: Final = Path("/dev/shm")
ROOM_NEEDED_BYTES: Final = 200_000_000
ALL_READ: Final = (Role.AUDITOR, Role.ADMINISTRATOR)


@dataclass(frozen=True)
class Reply:
    status: int
    content: bytes
    is_replay: bool = False

    @cached_property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def slug(self) -> str | None:
        return self.body["type"].rpartition(":")[2] if self.status >= 400 else None


class Workshop:
    """Empty, migrated databases and built apps, made once and copied for every world. Leaves nothing behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template"
        settings = settings_of(self.template)
        time = Time()
        self.apps: dict[str, Flask] = {}
        for name, module in MODULES.items():
            self.apps[name] = module.create_app(settings, SimulatedClock(time))
            self.apps[name].extensions[EXTENSION].database.close()
        be_quiet()

    @contextlib.contextmanager
    def world(self) -> Iterator["World"]:
        with tempfile.TemporaryDirectory(dir=self.folder) as home:
            shutil.copytree(self.template, home, dirs_exist_ok=True)
            world = World(Path(home), dict(self.apps))
            try:
                yield world
            finally:
                world.close()


@contextlib.contextmanager
def workshop() -> Iterator[Workshop]:
    """In memory where there is room, else in the folder for temporary files."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_NEEDED_BYTES
    with tempfile.TemporaryDirectory(prefix="dure-simulation-", dir=MEMORY if roomy else None) as folder:
        yield Workshop(Path(folder))


def settings_of(home: Path) -> Settings:
    return load_settings({"DURE_HOME": str(home), "DURE_LOG_LEVEL": "error"})


def be_quiet() -> None:
    """A simulated disk that is full is no news; what matters is what the laws say of it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


class World:
    def __init__(self, home: Path, apps: dict[str, Flask]) -> None:
        self.settings = settings_of(home)
        self.home = home
        self.time = Time()
        self.faults = Faults()
        self.clocks = {name: SimulatedClock(self.time) for name in MODULES}
        self.apps = apps
        self.clients: dict[str, FlaskClient] = {}
        self.relays: dict[str, Relay] = {}
        self.reader: Reader | None = None
        self.calls = 0
        for name in MODULES:
            self._open(name)
        self.bus = self._open_bus()

    def _open(self, name: str) -> None:
        service: Service = self.apps[name].extensions[EXTENSION]
        database = SimulatedDatabase(self.settings.database_url_of(name), name, self.faults)
        self.apps[name].extensions[EXTENSION] = dataclasses.replace(
            service, settings=self.settings, database=database, clock=self.clocks[name], cache=MemoryCache()
        )
        self.clients[name] = self.apps[name].test_client()

    def _open_bus(self) -> SimulatedBus:
        bus = SimulatedBus(str(self.home / BUS_FILE), self.settings.bus_partitions, self.faults)
        bus.create_topics(consumers.TOPICS)
        return bus

    def service(self, name: str) -> Service:
        service: Service = self.apps[name].extensions[EXTENSION]
        return service

    def recover(self, name: str) -> None:
        """Drop a service with everything it had in memory, and open it again on its files."""
        self._close(name)
        self._open(name)

    def _close(self, name: str) -> None:
        self.service(name).database.close()
        self.drop_background(name)

    def restart(self, name: str) -> None:
        """The same as a deployment does it: a new app, its migrations looked at again."""
        self._close(name)
        self.apps[name] = MODULES[name].create_app(self.settings, self.clocks[name])
        self.service(name).database.close()
        self._open(name)
        be_quiet()

    def drop_background(self, name: str) -> None:
        """Drop the relay of a service, or the reader of the ledger."""
        if name in self.relays:
            self.relays.pop(name).close()
        if name == ledger.NAME and self.reader:
            self.reader.close()
            self.reader = None

    def restart_bus(self) -> None:
        self._close_bus()
        self.bus = self._open_bus()

    def _close_bus(self) -> None:
        for name in MODULES:
            self.drop_background(name)
        self.bus.close()

    def tear(self, part: str, percent: int) -> bool:
        """A part dies while it writes and is opened again; says whether what was not finished can be seen."""
        path = self.home / (BUS_FILE if part == "bus" else f"dure_{part}.db")
        torn = files.half_written(path, percent)
        if part == "bus":
            self._close_bus()
        else:
            self._close(part)
        files.put_back(torn)
        if part == "bus":
            self.bus = self._open_bus()
        else:
            self._open(part)
        return files.shows_half(path)

    def ask(self, request: Request, if_match: str | None) -> Reply:
        op = OPS[request.op]
        headers = {"Idempotency-Key": request.key, "If-Match": if_match, **self._credentials(request)}
        return self._send(op.service, op.method, op.path.format(request.target), headers, dict(request.body))

    def look(self, service: str, path: str) -> Any:
        """What an auditor reads."""
        request = Request("purge", "", "auditor-1", tuple(role.value for role in ALL_READ))
        reply = self._send(service, "GET", path, self._credentials(request), None)
        assert reply.status == 200, f"GET {path} of {service}: {reply.status} {reply.content.decode()}"
        return reply.body

    def _send(self, service: str, method: str, path: str, headers: dict[str, str | None], body: Any) -> Reply:
        self.calls += 1
        # Everybody asks from an address of their own, so that no rate limit depends on how fast this runs.
        address = f"10.{self.calls >> 16 & 255}.{self.calls >> 8 & 255}.{self.calls & 255}"
        response = self.clients[service].open(
            f"/api/{service}/v1{path}",
            method=method,
            headers={"X-Forwarded-For": address, **{name: value for name, value in headers.items() if value}},
            data=None if body is None else json.dumps(body),
            content_type=None if body is None else "application/json",
        )
        return Reply(response.status_code, response.get_data(), response.headers.get("Idempotent-Replay") == "true")

    def _credentials(self, request: Request) -> dict[str, str | None]:
        if request.token == "none":
            return {}
        secret = "somebody-elses-secret-of-the-same-length" if request.token == "forged" else self.settings.secret
        hours = -48 if request.token == "expired" else 24
        actor = Actor(request.account, frozenset(Role(role) for role in request.roles))
        return {"Authorization": f"Bearer {issue_token(actor, secret=secret, now=self.time.now, hours=hours)}"}

    def publish(self, name: str) -> int:
        service = self.service(name)
        if name not in self.relays:
            assert service.outbox is not None
            self.relays[name] = Relay(service.database, service.outbox, self.bus, service.clock)
        return self.relays[name].run_once()

    def read(self) -> int:
        if self.reader is None:
            service = self.service(ledger.NAME)
            self.reader = ledger.create_reader(service.database, self.bus, service.clock)
            self.reader.run_once(timeout_seconds=0)  # the first poll only finds out where to begin
        return self.reader.run_once(timeout_seconds=0)

    def is_caught_up(self) -> bool:
        return self.reader is not None and self.reader.is_caught_up()

    def back_up(self) -> None:
        files.copy_database(self.home / LEDGER_FILE, self.home / BACKUP_FILE)

    def restore(self) -> str:
        """The ledger as it was when it was backed up; says what became of it."""
        if not (self.home / BACKUP_FILE).exists():
            return "there is no backup"
        self._close(ledger.NAME)
        files.copy_database(self.home / BACKUP_FILE, self.home / LEDGER_FILE)
        self._open(ledger.NAME)
        return ""

    def flush(self) -> None:
        """Everything in the cache is lost."""
        for name in MODULES:
            self.apps[name].extensions[EXTENSION] = dataclasses.replace(self.service(name), cache=MemoryCache())

    def close(self) -> None:
        for name in MODULES:
            self._close(name)
        self.bus.close()
