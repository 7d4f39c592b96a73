"""Keeps a set of programs running: each is started again when it ends, until all are stopped."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.process import POLL_SECONDS, PROJECT, Child

# A program that cannot start fails again at once; without a pause it would take a whole core.
RESTART_PAUSE_SECONDS: Final = 1.0
STOP_TIMEOUT_SECONDS: Final = 15


@dataclass(frozen=True)
class Program:
    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


class Supervisor:
    """One thread starts, restarts and stops the children: the kernel ends them when their starting thread ends."""

    def __init__(self, programs: Sequence[Program], logs: Path) -> None:
        self.programs = programs
        self.logs = logs
        self.children: dict[str, Child] = {}
        self.starts: Counter[str] = Counter()  # how often each program was started
        self._started_at: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End every program and wait until all are gone."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def kill(self, name: str) -> None:
        """`kill -9` one program with all its processes; it is started again."""
        self.children[name].kill()

    def pause(self, name: str) -> None:
        self.children[name].pause()

    def resume(self, name: str) -> None:
        self.children[name].resume()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(POLL_SECONDS):
                for program in self.programs:
                    if self._is_due(program.name):
                        self._launch(program)
        finally:
            self._stop_all()

    def _is_due(self, name: str) -> bool:
        child = self.children.get(name)
        if child is None:
            return True
        return not child.is_running and time.monotonic() >= self._started_at[name] + RESTART_PAUSE_SECONDS

    def _launch(self, program: Program) -> None:
        if program.name in self.children:
            self.children[program.name].kill()  # whatever it left behind would hold its port
        self._started_at[program.name] = time.monotonic()
        self.children[program.name] = Child(
            program.arguments,
            log=self.logs / f"{program.name}.log",
            directory=PROJECT,
            environment=program.environment,
        )
        self.starts[program.name] += 1

    def _stop_all(self) -> None:
        for child in self.children.values():  # all are asked first, so that they end side by side
            if child.is_running:
                child.ask_to_stop()
        for child in self.children.values():
            child.stop(timeout_seconds=STOP_TIMEOUT_SECONDS)
