"""Wiring of dispatch."""

from flask import Flask

from services.dispatch import api, store
from shared.app import create_app as create_service_app
from shared.clock import Clock, SystemClock
from shared.config import Settings, load_settings
from shared.http import open_service

NAME = "dispatch"


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> Flask:
    settings = settings or load_settings()
    settings.check_given("personal_data_key")
    service = open_service(NAME, settings, store, clock or SystemClock())
    return create_service_app(
        service, title="Dure dispatch (봉사 배치)", blueprints=[api.blueprint], problems=api.PROBLEMS
    )
