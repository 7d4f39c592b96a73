"""The product as a user runs it: the command `dure` in its own process, embedded and on the real stack."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.kafka import KafkaCluster
from tests.real_stack import provisioned

DURE = Path(sys.executable).parent / "dure"
SCENARIO = Path(__file__).parents[2] / "deploy" / "demo" / "2025-yeongnam"


@dataclass
class Home:
    """One configuration of the product and its command."""

    environment: Mapping[str, str]
    answers: dict[tuple[str, ...], subprocess.CompletedProcess[bytes]] = field(default_factory=dict)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [DURE, *arguments], env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [DURE, *arguments], env=self._environment(), capture_output=True, check=False, timeout=120
        )

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """As `run`, but asked once only: for questions whose answer does not change."""
        if arguments not in self.answers:
            self.answers[arguments] = self.run(*arguments)
        return self.answers[arguments]

    def json(self, *arguments: str) -> Any:
        finished = self.ask(*arguments)
        assert finished.stdout, finished.stderr.decode()
        return json.loads(finished.stdout)

    def load(self) -> None:
        finished = self.run("load", str(SCENARIO))
        assert finished.returncode == 0, finished.stderr.decode()[-2000:]

    def report(self, as_of: str) -> bytes:
        return self.run("report", "execution", "--as-of", as_of, "--format", "json").stdout

    def _environment(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DURE_")}
        return clean | dict(self.environment)


def embedded_home(folder: Path) -> Home:
    return Home({"DURE_HOME": str(folder)})


@pytest.fixture(scope="session")
def new_real_home(
    tmp_path_factory: pytest.TempPathFactory, real_directory: Path, postgres_url: str, redis_url: str
) -> Iterator[Any]:
    """Makes homes on a Kafka of their own (topics have fixed names) and on new databases."""
    clusters = []

    def make() -> Home:
        with provisioned("Kafka"):
            cluster = KafkaCluster(real_directory / f"kafka-{uuid4().hex[:8]}")
        cluster.start()
        clusters.append(cluster)
        return Home(
            {
                "DURE_HOME": str(tmp_path_factory.mktemp("home")),
                "DURE_DATABASE_URL": f"{postgres_url}_{uuid4().hex[:12]}",
                "DURE_BUS_URL": f"kafka://{cluster.bootstrap}",
                "DURE_REDIS_URL": redis_url,
            }
        )

    yield make
    for cluster in clusters:
        cluster.stop()


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The scenario loaded once, embedded."""
    home = embedded_home(tmp_path_factory.mktemp("embedded"))
    home.load()
    return home


@pytest.fixture(scope="session")
def real(new_real_home: Any) -> Home:
    """The scenario loaded once, on Kafka, PostgreSQL and Redis."""
    home: Home = new_real_home()
    home.load()
    return home


@pytest.fixture(params=["embedded", "real"])
def home(request: pytest.FixtureRequest) -> Home:
    loaded: Home = request.getfixturevalue(request.param)
    return loaded
