"""Chaos: real processes on the real stack, broken again and again under load, and what is left compared.

    FAULTS=100 SEED=1 python -m tests.chaos

PARTITION=freeze cuts brokers off by SIGSTOP and fills no disk, where namespaces are not wanted.
Exit code 0 when everything holds, 1 with findings (or without the real parts), 2 for bad usage.
"""

import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import click

from deploy.local.process import ProcessFailed, Unavailable, open_directory, sigterm_interrupts
from tests.chaos.client import Refused, Unanswered
from tests.chaos.disks import Disks
from tests.chaos.namespaces import NoNamespaces
from tests.chaos.network import Network
from tests.chaos.run import NODES, Run, table

LONGEST_NUMBER: Final = 10  # digits; Python reads no more than some thousands
RANGES: Final = {"FAULTS": (1, 1000), "SEED": (0, 2**32 - 1)}
DEFAULTS: Final = {"FAULTS": 100, "SEED": 1}
FINDINGS, USAGE, INTERRUPTED = 1, 2, 130


@dataclass(frozen=True)
class Choice:
    faults: int
    seed: int
    wants_namespaces: bool


def read_choice(environment: Mapping[str, str]) -> Choice:
    """Raises ValueError naming every setting that is wrong and its valid range."""
    found, wrong = dict(DEFAULTS), []
    for name, (low, high) in RANGES.items():
        text = environment.get(name) or str(DEFAULTS[name])
        if len(text) <= LONGEST_NUMBER and text.isascii() and text.isdigit() and low <= int(text) <= high:
            found[name] = int(text)
        else:
            wrong.append(f"{name}={text}: a whole number from {low} to {high} is needed.")
    partition = environment.get("PARTITION") or "namespaces"
    if partition not in ("namespaces", "freeze"):
        wrong.append(f"PARTITION={partition}: namespaces or freeze is needed.")
    if wrong:
        raise ValueError("\n".join(wrong))
    return Choice(found["FAULTS"], found["SEED"], partition == "namespaces")


def main() -> int:
    try:
        choice = read_choice(os.environ)
    except ValueError as wrong:
        click.echo(wrong, err=True)
        return USAGE
    try:
        with sigterm_interrupts():
            return run(choice)
    except KeyboardInterrupt:
        click.echo("Interrupted; everything that was started has ended.", err=True)
        return INTERRUPTED
    except (Unavailable, ProcessFailed, Unanswered, Refused) as reason:
        click.echo(reason, err=True)
        return FINDINGS


def run(choice: Choice) -> int:
    # Both before the first thread: namespaces belong to threads.
    network, means = make_network(choice)
    disks, without = make_disks(choice)
    click.echo(f"FAULTS={choice.faults} SEED={choice.seed}; a broker is cut off by {means}{without}.", err=True)
    with open_directory("dure-chaos-") as directory, disks or contextlib.nullcontext():
        chaos = Run(directory, seed=choice.seed, count=choice.faults, network=network, disks=disks)
        findings = chaos.go()
    click.echo(table(chaos.outcomes))
    record, load = chaos.record, chaos.load
    click.echo(
        f"{load.acknowledged} changes of the load acknowledged, {load.repeats} calls repeated, "
        f"{record.refusals.total()} refused as they should be; a broker was cut off by {means}{without}."
    )
    click.echo("\n".join(findings) or "Nothing acknowledged is lost, nothing is doubled, and every figure agrees.")
    return FINDINGS if findings else 0


def make_network(choice: Choice) -> tuple[Network | None, str]:
    """The network that can be cut, if there is one, and how a broker is cut off."""
    if not choice.wants_namespaces:
        return None, "SIGSTOP beyond its session time-out"
    try:
        return Network(range(1, NODES + 1)), "a cable pulled between network namespaces"
    except NoNamespaces as reason:
        return None, f"SIGSTOP beyond its session time-out, without network namespaces ({reason})"


def make_disks(choice: Choice) -> tuple[Disks | None, str]:
    """Disks that can be filled, if there are some, and what is to be said if not."""
    if not choice.wants_namespaces:
        return None, "; no disk is filled"
    try:
        return Disks(), ""
    except NoNamespaces as reason:
        return None, f"; no disk is filled, without mount namespaces ({reason})"


if __name__ == "__main__":
    sys.exit(main())
