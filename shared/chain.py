"""A hash chain: each link carries the hash of the one before, so none can be changed, removed or put in between.

What a partition of the bus brought in forms one chain: accepted events and breaks alike, in the order of their
sequence. A link is hashed over everything that is kept of it.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from shared.events import canonical_json

FIRST_HASH: Final = "0" * 64
HASH_VERSION: Final = 1
SEQUENCE_BITS: Final = 40
LONGEST_CHAIN: Final = (1 << SEQUENCE_BITS) - 1
PARTITIONS: Final = 1024  # of one topic at most; a number stays below 2^53, which every JSON reader can hold


class Head(NamedTuple):
    """Where a chain ends: how many links it has, and the hash of the newest."""

    sequence: int = 0
    hash: str = FIRST_HASH

    def next(self, content: Sequence[Any]) -> "Head":
        """The head after one more link, which is hashed over its content, its sequence and the link before."""
        sequence = self.sequence + 1
        return Head(sequence, link_hash(HASH_VERSION, sequence, self.hash, content))


def link_hash(version: int, sequence: int, previous_hash: str, content: Sequence[Any]) -> str:
    """Raises ValueError for a version that this code does not know."""
    if version != HASH_VERSION:
        raise ValueError(f"hashes of version {version} are not known, only {HASH_VERSION}")
    return hashlib.sha256(canonical_json((version, sequence, previous_hash, content))).hexdigest()


def number_of(chain: int, sequence: int) -> int:
    """One number for a link: its chain and its place there."""
    return chain << SEQUENCE_BITS | sequence


def place_of(number: int) -> tuple[int, int]:
    """The chain and the sequence of a link's number."""
    return number >> SEQUENCE_BITS, number & LONGEST_CHAIN
