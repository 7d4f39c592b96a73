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
from shared.access import OWNER, AccessReader
from shared.bus import Bus, open_bus
from shared.clock import Clock, SystemClock
from shared.config import Settings
from shared.gateway import Gateway
from shared.http import EXTENSION, Service, open_service
from shared.outbox import Relay, topic_of
from shared.reader import Reader
from shared.worker import Task, access_task, daily_task, reader_task, relay_task

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

    def tasks(self) -> list[Task]:
        return [task for name in NAMES for task in tasks_of(self.service(name), self.bus)]

    def drain(self, *, timeout_seconds: float = 60) -> None:
        """Let everything recorded by now reach the ledger, and every service know whose tokens are void.

        Raises TimeoutError. Safe beside workers that do the same: relays lock their rows, readers know what they have.
        """
        self.post(timeout_seconds=timeout_seconds)
        followers = [follower_of(self.service(name), self.bus) for name in NAMES if name != OWNER]
        deadline = time.monotonic() + timeout_seconds
        try:
            while behind := [follower for follower in followers if not follower.is_caught_up()]:
                for follower in behind:
                    follower.run_once(timeout_seconds=0.2)
                if time.monotonic() > deadline:
                    raise TimeoutError(f"access was not caught up with within {timeout_seconds:g} seconds")
        finally:
            for follower in followers:
                follower.close()
        for name in NAMES:
            self.service(name).access.forget()

    def post(self, *, timeout_seconds: float = 60) -> None:
        """Publish and post all that is recorded by now. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_seconds
        reader = reader_of(self.service(ledger.NAME), self.bus)
        relays = [relay_of(self.service(module.NAME), self.bus) for module in PUBLISHERS]
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
    return Standalone(apps, portal.create_app(settings, gateway, clock), gateway, bus)


def open_one(module: Any, settings: Settings) -> tuple[Service, Bus]:
    """One service's database with the bus, for a process that only does its background work."""
    bus = open_bus(settings.bus_url, partitions=settings.bus_partitions)
    bus.create_topics([topic_of(publisher.NAME) for publisher in PUBLISHERS])
    return open_service(module.NAME, settings, module.store, SystemClock()), bus


def tasks_of(service: Service, bus: Bus) -> list[Task]:
    """What a service does in the background, be it in a process of its own."""
    tasks = []
    if service.outbox is not None:
        tasks.append(relay_task(service.name, relay_of(service, bus)))
    if service.name != OWNER:  # which decides whose tokens are void
        tasks.append(access_task(service.name, follower_of(service, bus)))
    if service.name == ledger.NAME:
        anchoring = ledger.create_anchoring(service.database, service.settings, service.clock)
        tasks += [reader_task(service.name, reader_of(service, bus)), daily_task("anchor", anchoring)]
    return tasks


def relay_of(service: Service, bus: Bus) -> Relay:
    assert service.outbox is not None, f"{service.name} publishes nothing"
    return Relay(service.database, service.outbox, bus, service.clock)


def reader_of(service: Service, bus: Bus) -> Reader:
    return ledger.create_reader(service.database, bus, service.clock)


def follower_of(service: Service, bus: Bus) -> AccessReader:
    return AccessReader(bus, service.name, service.database, service.access.table)
