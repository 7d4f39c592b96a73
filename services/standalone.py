"""All of Dure in one process on one port. The only module that imports every service."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask

from services.disbursement import app as disbursement
from services.dispatch import app as dispatch
from services.inventory import app as inventory
from services.ledger import app as ledger
from services.portal import app as portal
from services.situation import app as situation
from shared.bus import Bus, open_bus
from shared.clock import Clock, SystemClock
from shared.config import Settings
from shared.gateway import Gateway
from shared.http import EXTENSION, Service
from shared.inbox import Reader
from shared.outbox import Relay, topic_of
from shared.worker import Task, reader_task, relay_task

PUBLISHERS: Final = (situation, inventory, disbursement, dispatch)
SERVICES: Final = (*PUBLISHERS, ledger)
NAMES: Final = tuple(module.NAME for module in SERVICES)


@dataclass(frozen=True)
class Standalone:
    """The whole system in this process: the apps, a gateway to them, and what runs in the background."""

    apps: dict[str, Flask]
    portal: Flask
    gateway: Gateway
    bus: Bus
    clock: Clock

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """`/api/<service>/…` goes to that service, everything else to the portal."""
        parts = environ.get("PATH_INFO", "").split("/", 3)
        app: WSGIApplication = self.portal
        if len(parts) > 2 and parts[1] == "api" and parts[2] in self.apps:
            app = self.apps[parts[2]]
        return app(environ, start_response)

    def service(self, name: str) -> Service:
        service: Service = self.apps[name].extensions[EXTENSION]
        return service

    def relay(self, name: str) -> Relay:
        service = self.service(name)
        assert service.outbox is not None
        return Relay(service.database, service.outbox, self.bus, self.clock)

    def reader(self) -> Reader:
        return ledger.create_reader(self.service(ledger.NAME).database, self.bus, self.clock)

    def tasks(self) -> list[Task]:
        relays = [relay_task(module.NAME, self.relay(module.NAME)) for module in PUBLISHERS]
        return [*relays, reader_task(ledger.NAME, self.reader())]

    def drain(self, *, timeout_seconds: float = 60) -> None:
        """Publish and post all that is recorded by now. Raises TimeoutError.

        Safe beside workers that do the same: relays lock their rows, the inbox knows what it has.
        """
        deadline = time.monotonic() + timeout_seconds
        reader = self.reader()
        relays = [self.relay(module.NAME) for module in PUBLISHERS]
        try:
            while any(relay.run_once() for relay in relays) or not reader.is_caught_up():
                reader.run_once(timeout_seconds=0.2)
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the ledger did not catch up within {timeout_seconds:g} seconds")
        finally:
            for relay in relays:
                relay.close()
            reader.close()

    def close(self) -> None:
        for app in self.apps.values():
            app.extensions[EXTENSION].database.close()
        self.bus.close()


def create_app(settings: Settings, clock: Clock | None = None) -> Standalone:
    """Open every service on its own database and the bus between them."""
    clock = clock or SystemClock()
    bus = open_bus(settings.bus_url, partitions=settings.bus_partitions)
    bus.create_topics([topic_of(module.NAME) for module in PUBLISHERS])
    apps: dict[str, Any] = {module.NAME: module.create_app(settings, clock) for module in SERVICES}
    gateway = Gateway.local({name: app.wsgi_app for name, app in apps.items()})
    return Standalone(apps, portal.create_app(settings, gateway, clock), gateway, bus, clock)


def open_one(module: Any, settings: Settings) -> tuple[Service, Bus, Clock]:
    """One service with the bus, for a process that only relays or reads."""
    clock = SystemClock()
    bus = open_bus(settings.bus_url, partitions=settings.bus_partitions)
    bus.create_topics([topic_of(publisher.NAME) for publisher in PUBLISHERS])
    service: Service = module.create_app(settings, clock).extensions[EXTENSION]
    return service, bus, clock
