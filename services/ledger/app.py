"""Wiring of the ledger: its HTTP side, and the reader that posts events."""

from flask import Flask

from services.ledger import api, consumers, operations, store
from shared.app import create_app as create_service_app
from shared.bus import Bus
from shared.clock import Clock, SystemClock
from shared.config import Settings, load_settings
from shared.db import Database
from shared.http import open_service
from shared.inbox import Inbox, Reader

NAME = "ledger"


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> Flask:
    service = open_service(NAME, settings or load_settings(), store, clock or SystemClock())
    app = create_service_app(service, title="Dure ledger (장부)", blueprints=[api.blueprint], problems=api.PROBLEMS)
    app.register_blueprint(api.downloads, url_prefix=f"/api/{NAME}/v1")
    return app


def create_reader(database: Database, bus: Bus, clock: Clock) -> Reader:
    """The reader that takes every topic into the ledger."""
    return Reader(bus, consumers.GROUP, consumers.TOPICS, Inbox(database, store.inbox, operations.post, clock))
