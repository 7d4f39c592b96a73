"""All of Dure in one thread: opened on files of its own, crashed and opened again, with time in our hands."""

import contextlib
import dataclasses
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from unittest import mock

import structlog
from flask import Flask
from flask.testing import FlaskClient

from services import standalone
from services.ledger import app as ledger
from services.ledger import consumers
from services.ledger.consumers import Reading, Stock, stock_received
from services.ledger.domain import Kind
from services.situation.operations import access, accounts
from shared import auth
from shared.access import AccessReader
from shared.cache import MemoryCache
from shared.config import Settings, load_settings
from shared.db import KEY_OPTION
from shared.http import EXTENSION, Service
from shared.outbox import Relay
from shared.reader import Reader
from tests.simulation import files
from tests.simulation.catalogue import OPS, Request
from tests.simulation.faults import BEGINNING, Faults, SimulatedBus, SimulatedClock, SimulatedDatabase, Time
from tests.simulation.model.access import Token
from tests.simulation.people import CITY, Grant

MODULES: Final = {module.NAME: module for module in standalone.SERVICES}
PUBLISHERS: Final = tuple(module.NAME for module in standalone.PUBLISHERS)
LISTENERS: Final = tuple(name for name in MODULES if name != "situation")  # hear of access that ended
LEDGER_FILE: Final = f"dure_{ledger.NAME}.db"
BACKUP_FILE: Final = "ledger-backup.db"
BUS_FILE: Final = "bus.db"
SOMEBODY_ELSES_KEY: Final = "somebody-elses-signing-key-of-enough-length"
# Reads everything and changes nothing, for as long as a world lives.
INSPECTOR: Final = Token(
    "inspector", (Grant("auditor", CITY), Grant("administrator", CITY)), BEGINNING, hours=1_000_000
)
# What the ledger does not know until it is told how to read it.
UNKNOWN_TYPE: Final = "inventory.stock_found.v1"
FOUND: Final = Reading(Kind.RECEIPT, Stock, stock_received)
QUICK_HASH: Final = "pbkdf2:sha256:1"


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


def settings_of(home: Path) -> Settings:
    return load_settings({"DURE_HOME": str(home), "DURE_LOG_LEVEL": "error"})


def be_quiet() -> None:
    """A simulated disk that is full is no news; what matters is what the laws say of it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@contextlib.contextmanager
def quick_passwords() -> Iterator[None]:
    """Passwords here are guarded against nobody: hashing each as the product does would take most of the time."""
    with contextlib.ExitStack() as stack:
        for module in (access, accounts):
            stack.enter_context(mock.patch.object(module, "HASH_METHOD", QUICK_HASH))
        stack.enter_context(mock.patch.object(access, "DECOY_HASH", f"{QUICK_HASH}$decoy${'0' * 128}"))
        yield


class World:
    def __init__(self, home: Path, apps: dict[str, Flask], now: datetime = BEGINNING) -> None:
        self.settings = settings_of(home)
        self.home = home
        self.time = Time(now)
        self.faults = Faults()
        self.clocks = {name: SimulatedClock(self.time) for name in MODULES}
        self.apps = apps
        self.clients: dict[str, FlaskClient] = {}
        self.relays: dict[str, Relay] = {}
        self.listeners: dict[str, AccessReader] = {}
        self.reader: Reader | None = None
        self.skills = contextlib.ExitStack()
        self.signed: dict[Token, str] = {}
        self.calls = 0
        for name in MODULES:
            self._open(name)
        self.bus = self._open_bus()

    def _open(self, name: str) -> None:
        service: Service = self.apps[name].extensions[EXTENSION]
        seal_key = service.database.engine.get_execution_options()[KEY_OPTION]
        database = SimulatedDatabase(self.settings.database_url_of(name), name, self.faults, seal_key)
        self.apps[name].extensions[EXTENSION] = dataclasses.replace(
            service,
            settings=self.settings,
            database=database,
            clock=self.clocks[name],
            cache=MemoryCache(),
            access=type(service.access)(database, service.access.table),
        )
        self.clients[name] = self.apps[name].test_client()

    def _open_bus(self) -> SimulatedBus:
        bus = SimulatedBus(str(self.home / BUS_FILE), self.settings.bus_partitions, self.faults)
        bus.create_topics(consumers.TOPICS)
        return bus

    def service(self, name: str) -> Service:
        service: Service = self.apps[name].extensions[EXTENSION]
        return service

    def now(self, name: str) -> datetime:
        """What the clock of a service says."""
        return self.clocks[name].now()

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
        """Drop what works for a service beside its requests."""
        for of_service in (self.relays, self.listeners):
            if name in of_service:
                of_service.pop(name).close()
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

    def ask(self, request: Request, token: Token | None, if_match: str | None) -> Reply:
        op = OPS[request.op]
        headers = {
            "Idempotency-Key": request.key,
            "If-Match": if_match,
            "Acting-Body": request.acting_body,
            "Authorization": self._bearer(token) if token else None,
        }
        body = json.dumps(dict(request.body), sort_keys=True)
        return self._send(op.service, op.method, op.path.format(request.target), headers, body)

    def look(self, service: str, path: str) -> Any:
        """What an auditor reads."""
        reply = self.get(service, path)
        assert reply.status == 200, f"GET {path} of {service}: {reply.status} {reply.content.decode()}"
        return reply.body

    def get(self, service: str, path: str) -> Reply:
        return self._send(service, "GET", path, {"Authorization": self._bearer(INSPECTOR)}, None)

    def check_anchor(self, anchor: bytes) -> Any:
        headers = {"Authorization": self._bearer(INSPECTOR)}
        reply = self._send(ledger.NAME, "POST", "/anchor-checks", headers, anchor.decode())
        assert reply.status == 200, reply.content.decode()
        return reply.body

    def _send(self, service: str, method: str, path: str, headers: Mapping[str, str | None], body: str | None) -> Reply:
        self.calls += 1
        # Everybody asks from an address of their own, so that no rate limit depends on how fast this runs.
        address = f"10.{self.calls >> 16 & 255}.{self.calls >> 8 & 255}.{self.calls & 255}"
        response = self.clients[service].open(
            f"/api/{service}/v1{path}",
            method=method,
            headers={"X-Forwarded-For": address, **{name: value for name, value in headers.items() if value}},
            data=body,
            content_type=None if body is None else "application/json",
        )
        return Reply(response.status_code, response.get_data(), response.headers.get("Idempotent-Replay") == "true")

    def _bearer(self, token: Token) -> str:
        if token not in self.signed:
            grants = [
                auth.Grant(auth.Role(one.role), one.body, one.disaster, one.first_day, one.last_day)
                for one in token.grants
            ]
            key = self.settings.signing_key if token.ours else SOMEBODY_ELSES_KEY
            actor = auth.Actor(token.account, frozenset(grants))
            self.signed[token] = auth.issue_token(actor, signing_key=key, now=token.issued_at, hours=token.hours)
        return f"Bearer {self.signed[token]}"

    def publish(self, name: str) -> int:
        if name not in self.relays:
            self.relays[name] = standalone.relay_of(self.service(name), self.bus)
        return self.relays[name].run_once()

    def read(self) -> int:
        if self.reader is None:
            self.reader = standalone.reader_of(self.service(ledger.NAME), self.bus)
            self.reader.run_once(timeout_seconds=0)  # the first poll only finds out where to begin
        return self.reader.run_once(timeout_seconds=0)

    def listen(self, name: str) -> int:
        """A service hears whose access ended."""
        if name not in self.listeners:
            self.listeners[name] = standalone.follower_of(self.service(name), self.bus)
        try:
            return self.listeners[name].run_once(timeout_seconds=0)
        finally:
            self.service(name).access.forget()  # as it would by itself within seconds

    def anchor(self) -> int:
        """What makes an anchor a day."""
        service = self.service(ledger.NAME)
        return ledger.create_anchoring(service.database, self.settings, service.clock)()

    def is_caught_up(self) -> bool:
        return self.reader is not None and self.reader.is_caught_up()

    def learn(self) -> None:
        """The ledger is told how to read what it did not know."""
        self.skills.enter_context(mock.patch.dict(consumers.READINGS, {UNKNOWN_TYPE: FOUND}))

    def back_up(self) -> None:
        files.copy_database(self.home / LEDGER_FILE, self.home / BACKUP_FILE)

    def restore(self) -> None:
        """The ledger as it was when it was backed up."""
        self._close(ledger.NAME)
        files.copy_database(self.home / BACKUP_FILE, self.home / LEDGER_FILE)
        self._open(ledger.NAME)

    def flush(self) -> None:
        """Everything in the cache is lost."""
        for name in MODULES:
            self.apps[name].extensions[EXTENSION] = dataclasses.replace(self.service(name), cache=MemoryCache())

    def close(self) -> None:
        for name in MODULES:
            self._close(name)
        self.bus.close()
        self.skills.close()
