"""Try to break Dure: `python -m tests.simulation [SEED [STEPS [SEEDS [PLANT]]]]`, or as environment variables.

Exit 0: every law held. 1: a law broke; its story is printed. 2: a wrong SEED, STEPS, SEEDS or PLANT.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

import click

from tests.simulation.actions import Action
from tests.simulation.lives import Workshop, replay, simulate, workshop
from tests.simulation.plants import PLANTS, planted
from tests.simulation.run import Report
from tests.simulation.shrink import shrink
from tests.simulation.story import lines, short_story

LIMITS: Final = {"SEED": (0, 2**32 - 1), "STEPS": (1, 1_000_000), "SEEDS": (1, 1_000_000)}
DEFAULTS: Final = {"SEED": "1", "STEPS": "400", "SEEDS": "20", "PLANT": "", "STORY": ""}
MOST_REPLAYS: Final = 400


@dataclass(frozen=True)
class Wish:
    """What to run. `story` prints what happened also where nothing broke."""

    seed: int
    steps: int
    seeds: int
    plant: str
    story: bool


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wish = read_wish()
    try:
        with workshop() as shop, planted(wish.plant):
            return search(shop, wish)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return 130


def read_wish() -> Wish:
    values = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    if os.environ.get("SEED") and not os.environ.get("SEEDS"):
        values["SEEDS"] = "1"  # a seed that is named is the one to look at
    plant = values["PLANT"]
    if plant == "list":
        click.echo("\n".join(PLANTS))
        sys.exit(0)
    numbers = {name: whole_number(name, values[name]) for name in LIMITS}
    if plant and plant not in PLANTS:
        refuse(f"PLANT={plant!r} is not one of: {', '.join(PLANTS)} (or `list`)")
    return Wish(numbers["SEED"], numbers["STEPS"], numbers["SEEDS"], plant, bool(values["STORY"]))


def whole_number(name: str, text: str) -> int:
    low, high = LIMITS[name]
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        refuse(f"{name}={text!r} is not a whole number from {low} to {high}")
    return int(text)


def refuse(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(2)


def search(shop: Workshop, wish: Wish) -> int:
    began, steps = time.monotonic(), 0
    for seed in range(wish.seed, wish.seed + wish.seeds):
        report = simulate(shop, seed, wish.steps)
        steps += len(report.actions)
        if wish.story:
            click.echo("\n".join(lines(report)))
        if report.broken:
            click.echo(explain(shop, wish, seed, report))
            return 1
        click.echo(f"\rseed {seed}: every law holds", nl=False, err=True)
    seconds = time.monotonic() - began
    click.echo(err=True)
    click.echo(f"{wish.seeds} seeds, {steps} steps, {steps / seconds:.0f} steps a second: every law holds")
    return 0


def explain(shop: Workshop, wish: Wish, seed: int, report: Report) -> str:
    """The shrunk story of a failure, with the command that shows it again."""
    assert report.broken
    law = report.broken.law

    def breaks(actions: Sequence[Action]) -> bool:
        broken = replay(shop, actions).broken
        return broken is not None and broken.law == law

    click.echo(f"seed {seed}: broken at step {len(report.actions)}, looking for the shortest story …", err=True)
    fewest = shrink(report.actions, breaks, most_replays=MOST_REPLAYS)
    command = f"make simulate SEED={seed} STEPS={wish.steps}" + (f" PLANT={wish.plant}" if wish.plant else "")
    return short_story(replay(shop, fewest), report, seed=seed, command=command)


if __name__ == "__main__":
    sys.exit(main())
