"""What every part of the benchmark works with: its options, the real parts, and where its figures go."""

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, NoReturn
from uuid import uuid4

from tqdm import tqdm

from deploy.local.kafka import KafkaCluster
from deploy.local.postgres import Postgres
from deploy.local.process import PROJECT, Child
from tests.bench.options import Options
from tests.bench.results import Results

# Outside the demo profile no process fills itself with the demo; these keys guard nothing but the measured data.
SECRETS: Final = {
    "DURE_PROFILE": "production",
    **{
        f"DURE_{name}": f"a-{name.lower()}-of-the-benchmark-and-of-nothing-else"
        for name in ("SECRET", "SIGNING_KEY", "ANCHOR_KEY", "SEAL_KEY", "PERSONAL_DATA_KEY")
    },
    "DURE_LOG_LEVEL": "error",
}


@dataclass
class Bench:
    """Real parts are started when first asked for and stopped with `parts`."""

    options: Options
    directory: Path
    parts: ExitStack
    results: Results = field(default_factory=Results)

    @cached_property
    def postgres(self) -> Postgres:
        """Raises Unavailable."""
        return self.parts.enter_context(Postgres(self.directory / "postgres"))

    @cached_property
    def kafka(self) -> KafkaCluster:
        """Raises Unavailable."""
        return self.parts.enter_context(KafkaCluster(self.directory / "kafka"))

    @property
    def bus_url(self) -> str:
        return f"kafka://{self.kafka.bootstrap}"

    def new_database_url(self) -> str:
        """A place for empty databases on the one server."""
        return f"{self.postgres.url}_{uuid4().hex[:8]}"

    def new_folder(self, name: str) -> Path:
        folder = self.directory / f"{name}-{uuid4().hex[:8]}"
        folder.mkdir()
        return folder

    def start(self, *arguments: str, environment: Mapping[str, str]) -> Child:
        """A program of this interpreter's environment, as a child that the caller stops."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("DURE_")}
        return Child(
            [Path(sys.executable).parent / arguments[0], *arguments[1:]],
            log=self.directory / "logs" / f"{uuid4().hex[:8]}.log",
            directory=PROJECT,
            environment={**inherited, **SECRETS, **environment},
        )

    def progress(self, what: str, total: int) -> "tqdm[NoReturn]":
        return tqdm(total=total, desc=what, file=sys.stderr, mininterval=0.5, dynamic_ncols=True)
