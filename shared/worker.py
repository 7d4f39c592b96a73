"""Background work of a process: relays and readers, each in a thread that survives whatever it meets."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from shared.access import AccessReader
from shared.outbox import Relay
from shared.reader import Reader

POLL_SECONDS: Final = 0.5  # a reader is woken by the bus, so a long poll delays nothing
SHORTEST_PAUSE_SECONDS: Final = 0.02
LONGEST_IDLE_SECONDS: Final = 0.2  # what a relay may add to the way from a fact to its figure
LONGEST_PAUSE_SECONDS: Final = 5.0
# Processes look at whose tokens are void every few seconds anyway, and at the day of an anchor nobody waits.
ACCESS_POLL_SECONDS: Final = 0.05
ACCESS_IDLE_SECONDS: Final = 1.0
DAILY_IDLE_SECONDS: Final = 60.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Task:
    """`run_once` does one batch and returns its size; 0 means there was nothing to do."""

    name: str
    run_once: Callable[[], int]
    close: Callable[[], None]
    idle_seconds: float = LONGEST_IDLE_SECONDS  # the longest pause while there is nothing to do


def relay_task(service: str, relay: Relay) -> Task:
    return Task(f"relay-{service}", relay.run_once, relay.close)


def reader_task(service: str, reader: Reader) -> Task:
    return Task(f"reader-{service}", lambda: reader.run_once(timeout_seconds=POLL_SECONDS), reader.close)


def access_task(service: str, reader: AccessReader) -> Task:
    return Task(
        f"access-{service}",
        lambda: reader.run_once(timeout_seconds=ACCESS_POLL_SECONDS),
        reader.close,
        ACCESS_IDLE_SECONDS,
    )


def daily_task(name: str, run_once: Callable[[], int]) -> Task:
    """What is to be done once a day, and finds out by itself whether it was done today."""
    return Task(name, run_once, lambda: None, DAILY_IDLE_SECONDS)


class Workers:
    """Runs tasks until stopped. One that has nothing to do, or fails, pauses longer each time and goes on."""

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
        pause = SHORTEST_PAUSE_SECONDS
        while not self.stopping.is_set():
            longest = task.idle_seconds
            try:
                if task.run_once():
                    pause = SHORTEST_PAUSE_SECONDS
                    continue
            except Exception as error:  # noqa: BLE001 - the bus or a database may be away: nothing is lost, go on
                log.warning("background task failed", task=task.name, error=repr(error))
                task.close()
                longest = LONGEST_PAUSE_SECONDS
            self.stopping.wait(pause)
            pause = min(pause * 2, longest)
        task.close()
