"""pytest fixtures for the real parts, each started once per session and only if a test asks for it.

Where a part cannot be provisioned its tests are skipped and say why. With `CI=true` or `DURE_REQUIRE_REAL=1`
they fail instead: a test that silently never runs proves nothing.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.chromium import Chromium, find_chromium
from deploy.local.kafka import KafkaCluster
from deploy.local.postgres import Postgres
from deploy.local.process import Unavailable, open_directory, sigterm_interrupts
from deploy.local.redis import Redis


def is_required() -> bool:
    return os.environ.get("CI") == "true" or os.environ.get("DURE_REQUIRE_REAL") == "1"


@contextlib.contextmanager
def provisioned(part: str) -> Iterator[None]:
    """Turns Unavailable into a skip or, where the real parts are required, into a failure."""
    try:
        yield
    except Unavailable as reason:
        if is_required():
            pytest.fail(f"{part} is required here: {reason}", pytrace=False)
        pytest.skip(f"{part}: {reason}")


def listening_ports(processes: Iterable[psutil.Process]) -> set[int]:
    """The TCP ports that those of them listen on which still run."""
    ports: set[int] = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            connections = process.net_connections("tcp")
            ports.update(one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN)
    return ports


@pytest.fixture(scope="session")
def real_directory() -> Iterator[Path]:
    """A folder for the files of real parts. pytest's own may be closed to the user PostgreSQL runs as."""
    with sigterm_interrupts(), open_directory("dure-test-") as directory:
        yield directory


@pytest.fixture(scope="session")
def kafka_cluster(real_directory: Path) -> Iterator[KafkaCluster]:
    """One broker. A test that kills it starts it again before it ends."""
    with provisioned("Kafka"):
        cluster = KafkaCluster(real_directory / "kafka")
    with cluster:
        yield cluster


@pytest.fixture(scope="session")
def kafka_bootstrap(kafka_cluster: KafkaCluster) -> str:
    return kafka_cluster.bootstrap


@pytest.fixture(scope="session")
def postgres_url(real_directory: Path) -> Iterator[str]:
    with provisioned("PostgreSQL"):
        server = Postgres(real_directory / "postgres")
    with server:
        yield server.url


@pytest.fixture(scope="session")
def redis_url(real_directory: Path) -> Iterator[str]:
    with provisioned("Redis"):
        server = Redis(real_directory / "redis")
    with server:
        yield server.url


@pytest.fixture(scope="session")
def chromium() -> Chromium:
    """The browser's path and its launch arguments: `launch(executable_path=…, args=list(…))`."""
    with provisioned("Chromium"):
        return find_chromium()
