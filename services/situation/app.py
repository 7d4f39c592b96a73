"""Wiring of situation."""

from flask import Flask

from services.situation import api, store
from shared.app import create_app as create_service_app
from shared.clock import Clock, SystemClock
from shared.config import Settings, load_settings
from shared.http import open_service

NAME = "situation"


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> Flask:
    settings = settings or load_settings()
    settings.check_given("signing_key")
    service = open_service(NAME, settings, store, clock or SystemClock())
    return create_service_app(
        service, title="Dure situation (재난상황)", blueprints=api.BLUEPRINTS, problems=api.PROBLEMS
    )
