"""Background work of a process: relays and readers, each in a thread that survives whatever it meets."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from shared.inbox import Reader
from shared.outbox import Relay

IDLE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 5.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Task:
    """`run_once` does one batch and returns its size; 0 means there was nothing to do."""

    name: str
    run_once: Callable[[], int]
    close: Callable[[], None]


def relay_task(service: str, relay: Relay) -> Task:
    return Task(f"relay-{service}", relay.run_once, relay.close)


def reader_task(service: str, reader: Reader) -> Task:
    return Task(f"reader-{service}", lambda: reader.run_once(timeout_seconds=IDLE_SECONDS), reader.close)


class Workers:
    """Runs tasks until stopped. A failing task pauses, longer each time, and goes on."""

    def __init__(self, tasks: list[Task]) -> None:
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(task,), name=task.name, daemon=True) for task in tasks]

    def start(self) -> "Workers":
        for thread in self.threads:
            thread.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=10)

    def _run(self, task: Task) -> None:
        pause = IDLE_SECONDS
        while not self.stopping.is_set():
            try:
                done = task.run_once()
                pause = IDLE_SECONDS
            except Exception as error:  # noqa: BLE001 - the bus or a database may be away: nothing is lost, go on
                log.warning("background task failed", task=task.name, error=repr(error))
                task.close()
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                done = 0
            if not done:
                self.stopping.wait(pause)
        task.close()
