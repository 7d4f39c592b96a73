"""Fixtures of more than one file of integration tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from services import standalone
from services.portal.app import create_app as create_portal
from shared.config import Settings
from tests.e2e import site
from tests.integration.ledger import Money, opened_money
from tests.integration.portal import Visitor, settings_in
from tests.support import FixedClock


@pytest.fixture
def money(settings: Settings, clock: FixedClock) -> Iterator[Money]:
    with opened_money(settings, clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def seeded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The databases of the operation in `tests.e2e.site`; each test works on a copy."""
    home, clock = tmp_path_factory.mktemp("seeded"), FixedClock()
    settings = settings_in(home)
    system = standalone.create_app(settings, clock)
    site.seed(site.Office(system.gateway, settings.signing_key, clock))
    system.drain()
    system.close()
    return home


@pytest.fixture
def portal_settings(seeded_home: Path, tmp_path: Path) -> Settings:
    return settings_in(shutil.copytree(seeded_home, tmp_path / "home"))


@pytest.fixture
def system(portal_settings: Settings, clock: FixedClock) -> Iterator[standalone.Standalone]:
    system = standalone.create_app(portal_settings, clock)
    yield system
    system.close()


@pytest.fixture
def site_office(system: standalone.Standalone, portal_settings: Settings, clock: FixedClock) -> site.Office:
    """Records further facts of the operation, past the portal."""
    return site.Office(system.gateway, portal_settings.signing_key, clock)


@pytest.fixture
def portal(system: standalone.Standalone, portal_settings: Settings, clock: FixedClock) -> Flask:
    return create_portal(portal_settings, system.gateway, clock)


@pytest.fixture
def visitor(portal: Flask) -> Visitor:
    return Visitor(portal)
