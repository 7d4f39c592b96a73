"""Lives: worlds that all begin alike, each lived by a seed or by recorded actions."""

import contextlib
import copy
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final

from flask import Flask

from shared.http import EXTENSION
from tests.simulation.actions import Action, Ask
from tests.simulation.chooser import Chooser
from tests.simulation.faults import SimulatedClock, Time
from tests.simulation.model import Model
from tests.simulation.people import setup
from tests.simulation.run import Report, Run
from tests.simulation.world import MODULES, World, be_quiet, quick_passwords, settings_of

MEMORY: Final = Path("/dev/shm")
ROOM_NEEDED_BYTES: Final = 200_000_000


class Workshop:
    """Migrated databases with what every life begins with, and built apps. Made once; leaves nothing behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template"
        settings, time = settings_of(self.template), Time()
        self.apps: dict[str, Flask] = {}
        for name, module in MODULES.items():
            self.apps[name] = module.create_app(settings, SimulatedClock(time))
            self.apps[name].extensions[EXTENSION].database.close()
        be_quiet()
        self.model = Model()
        world = World(self.template, dict(self.apps))
        with closing(world), closing(Run(world, self.model)) as run:
            begun = run.all((Ask(request) for request in setup()), tampered=False)
            if begun.broken:
                raise AssertionError(f"the world does not begin: {begun.outcomes[-1]}") from begun.broken
        self.begins_at = world.time.now

    @contextlib.contextmanager
    def run(self) -> Iterator[Run]:
        with tempfile.TemporaryDirectory(dir=self.folder) as home:
            shutil.copytree(self.template, home, dirs_exist_ok=True)
            world = World(Path(home), dict(self.apps), self.begins_at)
            with closing(world), closing(Run(world, copy.deepcopy(self.model))) as run:
                yield run


@contextlib.contextmanager
def workshop() -> Iterator[Workshop]:
    """In memory where there is room, else in the folder for temporary files."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_NEEDED_BYTES
    with (
        tempfile.TemporaryDirectory(prefix="dure-simulation-", dir=MEMORY if roomy else None) as folder,
        quick_passwords(),
    ):
        yield Workshop(Path(folder))


def simulate(shop: Workshop, seed: int, steps: int) -> Report:
    """Run a seed with actions chosen on the way."""
    with shop.run() as run:
        chooser = Chooser(Random(seed), run.model, run.world)
        return run.all(chooser.next() for _ in range(steps))


def replay(shop: Workshop, actions: Iterable[Action]) -> Report:
    """Run recorded actions, or any part of them."""
    with shop.run() as run:
        return run.all(actions)
