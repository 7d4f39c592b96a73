"""Wiring of the ledger: its HTTP side, and the reader that posts events."""

from collections.abc import Callable

from flask import Flask

from services.ledger import anchors, api, consumers, operations, store
from shared.app import create_app as create_service_app
from shared.bus import Bus
from shared.clock import Clock, SystemClock
from shared.config import Settings, load_settings
from shared.db import Database
from shared.http import open_service
from shared.reader import Reader

NAME = "ledger"


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> Flask:
    settings = settings or load_settings()
    settings.check_given("anchor_key")
    service = open_service(NAME, settings, store, clock or SystemClock())
    app = create_service_app(service, title="Dure ledger (장부)", blueprints=[api.blueprint], problems=api.PROBLEMS)
    app.register_blueprint(api.files, url_prefix=f"/api/{NAME}/v1")
    return app


def create_reader(database: Database, bus: Bus, clock: Clock) -> Reader:
    """The reader that takes every topic into the ledger."""
    return Reader(bus, consumers.GROUP, consumers.TOPICS, operations.inbox_of(database, clock))


def create_anchoring(database: Database, settings: Settings, clock: Clock) -> Callable[[], int]:
    """Makes the anchor of the day unless there is one; returns how many it made."""
    settings.check_given("anchor_key")

    def run_once() -> int:
        with database.write() as tx:
            return int(anchors.make_daily(tx, settings.anchor_key, clock.now(), operations.chains(tx)) is not None)

    return run_once
