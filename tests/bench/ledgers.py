"""Ledgers to measure: empty ones, and what is posted into them."""

import contextlib
from collections.abc import Iterable, Iterator

from services.ledger import store
from shared.bus import Delivery, TopicPartition
from shared.db import Database
from shared.migrations import migrate
from shared.reader import BATCH_SIZE


@contextlib.contextmanager
def empty_ledger(url: str) -> Iterator[Database]:
    """A ledger's database with nothing in it; `url` is completed as for every service."""
    database = Database(f"{url}_ledger")
    try:
        migrate(database, store.MIGRATIONS)
        yield database
    finally:
        database.close()


def batches(deliveries: Iterable[Delivery]) -> Iterator[list[Delivery]]:
    """As a reader takes them: full batches of one partition each, then what is left of each partition."""
    gathered: dict[TopicPartition, list[Delivery]] = {}
    for delivery in deliveries:
        batch = gathered.setdefault(delivery.source, [])
        batch.append(delivery)
        if len(batch) == BATCH_SIZE:
            yield gathered.pop(delivery.source)
    yield from gathered.values()
