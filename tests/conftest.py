"""Fixtures every test may use. Real Kafka, PostgreSQL, Redis and Chromium come from `tests.real_stack`."""

from pathlib import Path
from uuid import uuid4

import pytest

from shared.config import Settings, load_settings
from tests.support import FixedClock

pytest_plugins = ["tests.real_stack"]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place for databases, on each of the two kinds; services append their names."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/dure.db"
    server: str = request.getfixturevalue("postgres_url")
    return f"{server}_{uuid4().hex[:12]}"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return load_settings({"DURE_HOME": str(tmp_path), "DURE_DATABASE_URL": database_url, "DURE_LOG_LEVEL": "error"})
