"""What is to be measured, from the environment: ONLY, REPEATS and SIZE."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PARTS: Final = "abcdef"
MOST_REPEATS: Final = 100
SIZES: Final = (10_000, 100_000, 1_000_000, 10_000_000)


class BadOption(Exception):
    """Names the option and what it may be."""


@dataclass(frozen=True)
class Amounts:
    """How much work one repeat does. Enough of it to outweigh the noise; a toy amount only proves that it runs."""

    events: int = 40_000  # posted by one reader
    single_events: int = 1_000  # of these, posted in a transaction each
    requests: int = 600  # of each kind of write
    clients: int = 4
    lots: int = 20_000  # of one item that is shipped
    systems: tuple[str, ...] = ("embedded", "real")
    samples: int = 60  # changes followed to the report in each of them
    consumer_events: int = 120_000  # posted by all consumers together
    consumers: tuple[int, ...] = (1, 2, 4)
    views: int = 20  # of each page at each size
    lines: int = 200_000  # of the journal, in either form


@dataclass(frozen=True)
class Options:
    only: str = PARTS
    repeats: int = 5
    sizes: tuple[int, ...] = SIZES[:2]
    amounts: Amounts = Amounts()


def read_options(environment: Mapping[str, str]) -> Options:
    """Raises BadOption."""
    return Options(
        only=_parts(environment.get("ONLY") or ",".join(PARTS)),
        repeats=_repeats(environment.get("REPEATS") or "5"),
        sizes=_sizes(environment.get("SIZE") or str(SIZES[1])),
    )


def _parts(text: str) -> str:
    chosen = text.split(",")
    if not set(chosen) <= set(PARTS):
        raise BadOption(f"ONLY={text!r} is not one or more of {', '.join(PARTS)}, with commas between them")
    return "".join(part for part in PARTS if part in chosen)


def _repeats(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_REPEATS):
        raise BadOption(f"REPEATS={text!r} is not a whole number from 1 to {MOST_REPEATS}")
    return int(text)


def _sizes(text: str) -> tuple[int, ...]:
    if text not in map(str, SIZES):
        raise BadOption(f"SIZE={text!r} is not one of {', '.join(map(str, SIZES))}")
    return tuple(size for size in SIZES if size <= int(text))
