"""Alembic for every service: one environment, each service its own database and its own versions."""

import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from shared.db import Database, ensure_database

ENVIRONMENT = Path(__file__).parent / "alembic"
# Any number that no other tool takes: processes that start together migrate one after another.
ADVISORY_LOCK = 20250322


def configuration(versions: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ENVIRONMENT))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "os")
    return config


def migrate(database: Database, versions: Path) -> None:
    """Bring the database to the newest version in one transaction; several processes may try at once."""
    ensure_database(database.url.render_as_string(hide_password=False))
    config = configuration(versions)
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def write_migration(metadata: sa.MetaData, versions: Path, message: str) -> None:
    """Write the difference between the newest version and `metadata` as a new migration (for developers)."""
    config = configuration(versions)
    with tempfile.TemporaryDirectory() as folder, Database(f"sqlite:///{folder}/empty.db").write() as connection:
        config.attributes["connection"] = connection
        config.attributes["metadata"] = metadata
        if list(versions.glob("*.py")):
            command.upgrade(config, "head")
        number = len(list(versions.glob("*.py"))) + 1
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04}", version_path=str(versions))
