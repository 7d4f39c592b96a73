"""The event bus: a port with two adapters, chosen by URL."""

from shared.bus.embedded import EmbeddedBus
from shared.bus.port import (
    Bus,
    BusUnavailable,
    Consumer,
    Delivery,
    Producer,
    Record,
    RecordRefused,
    TopicPartition,
)

__all__ = [
    "Bus",
    "BusUnavailable",
    "Consumer",
    "Delivery",
    "Producer",
    "Record",
    "RecordRefused",
    "TopicPartition",
    "open_bus",
]


def open_bus(url: str, *, partitions: int = 4) -> Bus:
    """The bus behind `url`: `kafka://host:port[,host:port]` or `sqlite:///path/to/bus.db`.

    `partitions` is used for topics that do not exist yet.
    """
    scheme, _, rest = url.partition("://")
    match scheme:
        case "kafka":
            from shared.bus.kafka import KafkaBus  # noqa: PLC0415 - the client is loaded only where it is used

            return KafkaBus(rest.split(","), partitions=partitions)
        case "sqlite":
            return EmbeddedBus(rest.removeprefix("/"), partitions=partitions)
    raise ValueError(f"unknown bus URL {url!r}: expected kafka://host:port or sqlite:///path")
