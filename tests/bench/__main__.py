"""`make bench`: measure, print a table, and keep the figures in var/bench/results.json.

ONLY=a,c  parts to measure          REPEATS=5  repeats of each          SIZE=100000  largest ledger of part d
"""

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final

import click
import psutil

from deploy.local.kafka import provision_jars
from deploy.local.postgres import find_binaries
from deploy.local.process import PROJECT, ProcessFailed, Unavailable, open_directory, sigterm_interrupts
from tests.bench import dimensions, footprint, growth, ingest, latency, lots, readers, writes
from tests.bench.bench import Bench
from tests.bench.options import BadOption, Options, read_options

RESULTS: Final = PROJECT / "var" / "bench" / "results.json"
MEASURES: Final[dict[str, Sequence[Callable[[Bench], None]]]] = {
    "a": [ingest.measure],
    "b": [writes.measure, lots.measure],
    "c": [latency.measure],
    "d": [growth.measure],
    "e": [footprint.measure, readers.measure],
    "f": [dimensions.measure],
}


def main() -> int:
    try:
        options = read_options(os.environ)
    except BadOption as error:
        click.echo(error, err=True)
        return 2
    try:
        with sigterm_interrupts():
            run(options)
    except (Unavailable, ProcessFailed) as error:
        click.echo(error, err=True)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run(options: Options) -> None:
    """Raises Unavailable and ProcessFailed."""
    with open_directory("dure-bench-") as directory, ExitStack() as parts:
        bench = Bench(options, directory, parts)
        for part in options.only:
            for measure in MEASURES[part]:
                measure(bench)
        bench.results.write(RESULTS, machine(options))
    click.echo(bench.results.table())


def machine(options: Options) -> dict[str, Any]:
    postgres = subprocess.run([find_binaries() / "postgres", "--version"], capture_output=True, text=True, check=True)
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 10**9),
        "python": platform.python_version(),
        "postgresql": postgres.stdout.split()[2],
        "kafka": provision_jars().name.removeprefix("kafka-"),
        "repeats": options.repeats,
    }


if __name__ == "__main__":
    sys.exit(main())
