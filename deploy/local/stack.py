"""The distributed system on this machine without Docker: the processes of docker-compose.yml on the real parts.

    python -m deploy.local.stack

Data and logs are kept under `${DURE_HOME:-var}/stack`; the front door listens on `127.0.0.1:${PORT:-8000}`.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from deploy.local.kafka import Host, KafkaCluster
from deploy.local.postgres import Postgres
from deploy.local.process import (
    LOG_TAIL_BYTES,
    LOOPBACK,
    POLL_SECONDS,
    PROJECT,
    ProcessFailed,
    Unavailable,
    free_port,
    is_listening,
    sigterm_interrupts,
)
from deploy.local.redis import Redis
from deploy.local.supervisor import Program, Supervisor
from shared.config import ConfigurationError, load_settings

PUBLISHERS: Final = ("situation", "inventory", "disbursement", "dispatch")
READERS: Final = ("ledger",)
SERVICES: Final = (*PUBLISHERS, *READERS)
WEB: Final = (*SERVICES, "portal")
# The keys that not every process needs are given to those that do and to no other.
KEY_OF: Final = {
    "situation": "DURE_SIGNING_KEY",
    "dispatch": "DURE_PERSONAL_DATA_KEY",
    "ledger": "DURE_ANCHOR_KEY",
    "consume-ledger": "DURE_ANCHOR_KEY",
}
GUNICORN_OPTIONS: Final = ("--worker-class=gthread", "--workers=2", "--threads=4", "--no-control-socket")
CADDYFILE: Final = PROJECT / "deploy" / "images" / "Caddyfile"
READY_TIMEOUT_SECONDS: Final = 120
REVIVE_SECONDS: Final = 1


class Stack:
    """Everything from Kafka to the front door. `kafka`, `postgres` and `redis` are there to be broken by tests.

    Programs are named as in docker-compose.yml: `inventory`, `relay-inventory`, `consume-ledger`, `front`, …; a second
    consumer is `consume-ledger-2`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        nodes: Literal[1, 3] = 1,
        hosts: Mapping[int, Host] | None = None,
        consumers: int = 1,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`nodes` of Kafka, on `hosts` if given; `consumers` processes share each reader's work.

        `environment` adds to this process's own. Raises Unavailable when a part cannot be provisioned.
        """
        self.directory = directory.resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.caddy = find_program("caddy")
        self.kafka = KafkaCluster(self.directory / "kafka", nodes, hosts)
        self.postgres = Postgres(self.directory / "postgres")
        self.redis = Redis(self.directory / "redis")
        self.ports = {name: free_port() for name in WEB}
        self.services_port = free_port()
        self.environment = {
            **os.environ,
            **(environment or {}),
            "DURE_HOME": str(self.directory),
            "DURE_DATABASE_URL": self.postgres.url,
            "DURE_BUS_URL": f"kafka://{self.kafka.bootstrap}",
            "DURE_REDIS_URL": self.redis.url,
            "DURE_SERVICE_URL": f"http://{LOOPBACK}:{self.services_port}/{{service}}",
            "PORT": str(self.port),
        }
        self.supervisor = Supervisor([*self._programs(consumers), self._front()], self.directory / "logs")
        self._parts = contextlib.ExitStack()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything once and wait until every service is ready. Raises ProcessFailed."""
        if is_listening(self.port):
            raise ProcessFailed(f"port {self.port} is taken: stop what listens there, or set PORT")
        for part in (self.kafka, self.postgres, self.redis):
            self._parts.enter_context(part)
        self._write_caddyfile()
        self.supervisor.start()
        self.wait_until_ready()

    def stop(self) -> None:
        """Programs first, then the parts they use."""
        try:
            self.supervisor.stop()
        finally:
            self._parts.close()

    def fill_demo(self) -> None:
        """Fill an empty system with the demo; one that has it stays as it is. Raises ProcessFailed."""
        filling = subprocess.run([find_program("dure"), "demo"], env=self.environment, check=False)
        if filling.returncode:
            raise ProcessFailed("the demo could not be loaded; what was loaded stays, so simply start again")

    def kill(self, name: str) -> None:
        """`kill -9` one program; it is started again."""
        self.supervisor.kill(name)

    def pause(self, name: str) -> None:
        self.supervisor.pause(name)

    def resume(self, name: str) -> None:
        self.supervisor.resume(name)

    def revive_parts(self) -> None:
        """Start again whichever of Kafka, PostgreSQL and Redis has ended. Raises ProcessFailed."""
        for part in (self.kafka, self.postgres, self.redis):
            part.start()

    def wait_until_ready(self, *, timeout_seconds: float = READY_TIMEOUT_SECONDS) -> None:
        """Return once /readyz of every service and of the portal says yes. Raises ProcessFailed naming the others."""
        paths = {"portal": "/readyz", **{name: f"/api/{name}/readyz" for name in SERVICES}}
        deadline = time.monotonic() + timeout_seconds
        while missing := [name for name, path in paths.items() if not answers(self.url + path)]:
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {name}\n{self._log_tail(name)}" for name in ("front", *missing))
                raise ProcessFailed(f"not ready after {timeout_seconds} s: {', '.join(missing)}\n{logs}")
            time.sleep(POLL_SECONDS)

    def _programs(self, consumers: int) -> list[Program]:
        dure = str(find_program("dure"))
        gunicorn = (str(find_program("gunicorn")), *GUNICORN_OPTIONS)
        commands: dict[str, tuple[str, ...]] = {
            name: (*gunicorn, f"--bind={LOOPBACK}:{self.ports[name]}", f"services.{name}.app:create_app()")
            for name in WEB
        }
        commands |= {f"relay-{name}": (dure, "relay", name) for name in PUBLISHERS}
        for name in READERS:
            commands |= {
                f"consume-{name}{f'-{number}' if number > 1 else ''}": (dure, "consume", name)
                for number in range(1, consumers + 1)
            }
        return [Program(name, arguments, self._environment_of(name)) for name, arguments in commands.items()]

    def _environment_of(self, program: str) -> dict[str, str]:
        """Everything but the keys of others; what signs has its key, all others what checks a signature."""
        settings = load_settings({key: text for key, text in self.environment.items() if key.startswith("DURE_")})
        keys = {
            "DURE_SIGNING_KEY": settings.signing_key,
            "DURE_PERSONAL_DATA_KEY": settings.personal_data_key,
            "DURE_ANCHOR_KEY": settings.anchor_key,
        }
        own = KEY_OF.get(program.rstrip("-0123456789"))
        common = {key: text for key, text in self.environment.items() if key not in keys}
        return common | {"DURE_VERIFYING_KEY": settings.verifying_key} | ({own: keys[own]} if own else {})

    def _front(self) -> Program:
        environment = {
            **self.environment,
            **{f"UPSTREAM_{name.upper()}": f"{LOOPBACK}:{port}" for name, port in self.ports.items()},
            "SITE_ADDRESS": f":{self.port}",
            "BIND_ADDRESS": LOOPBACK,
            # Caddy keeps its state in the home directory unless told otherwise.
            "XDG_DATA_HOME": str(self.directory / "caddy"),
            "XDG_CONFIG_HOME": str(self.directory / "caddy"),
        }
        command = (str(self.caddy), "run", "--adapter", "caddyfile", "--config", str(self._caddyfile))
        return Program("front", command, environment)

    @property
    def _caddyfile(self) -> Path:
        return self.directory / "Caddyfile"

    def _write_caddyfile(self) -> None:
        """The front door of the images, and beside it `/<service>/…` for the services' calls among each other.

        Under Docker each service has a host name for that; here they differ by port alone, which a URL pattern
        cannot express.
        """
        routes = "".join(
            f"\thandle_path /{name}/* {{\n\t\treverse_proxy {LOOPBACK}:{port}\n\t}}\n"
            for name, port in self.ports.items()
        )
        site = f"http://{LOOPBACK}:{self.services_port} {{\n\tbind {LOOPBACK}\n{routes}}}\n"
        self._caddyfile.write_text(f'import "{CADDYFILE}"\n\n{site}')

    def _log_tail(self, name: str) -> str:
        log = self.supervisor.logs / f"{name}.log"
        return log.read_text(errors="replace")[-LOG_TAIL_BYTES:] if log.exists() else "(no log)"


def find_program(name: str) -> Path:
    """A program of this interpreter's environment, else of the PATH. Raises Unavailable."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise Unavailable(f"there is no {name}: install the project with its extra `stack`")
    return Path(found)


def answers(url: str) -> bool:
    """Whether `url` answers with a success."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - only our own addresses come here
            return True
    except (urllib.error.URLError, OSError):
        return False


def main() -> None:
    directory = Path(os.environ.get("DURE_HOME") or "var") / "stack"
    port = int(os.environ.get("PORT") or 8000)
    with sigterm_interrupts(), contextlib.suppress(KeyboardInterrupt):
        try:
            print("Starting Kafka, PostgreSQL, Redis and the services …", file=sys.stderr, flush=True)
            with Stack(directory, port=port) as stack:
                if stack.environment.get("DURE_PROFILE", "demo") == "demo":
                    stack.fill_demo()
                print(f"Dure runs on {stack.url} (logs in {stack.supervisor.logs}; Ctrl-C stops it)", flush=True)
                while True:
                    time.sleep(REVIVE_SECONDS)
                    stack.revive_parts()
        except (Unavailable, ProcessFailed, ConfigurationError) as reason:
            sys.exit(str(reason))


if __name__ == "__main__":
    main()
