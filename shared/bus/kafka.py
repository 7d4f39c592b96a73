"""The bus on Apache Kafka. The only module that knows the client library.

Nothing here touches the network before it is used, so a bus may be built before gunicorn forks: the
client's threads and sockets would not survive the fork.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import kafka
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import (
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NoError,
    RecordListTooLargeError,
    TopicAlreadyExistsError,
    for_code,
)
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as Source

from shared.bus.port import BusUnavailable, Delivery, Record, RecordRefused, TopicPartition

MAX_RECORD_BYTES: Final = 1_000_000  # below Kafka's default max.message.bytes, which counts the envelope as well
MAX_REPLICAS: Final = 3
CONNECT_TIMEOUT_SECONDS: Final = 5
METADATA_TIMEOUT_SECONDS: Final = 5
SEND_TIMEOUT_SECONDS: Final = 15
CLOSE_TIMEOUT_SECONDS: Final = 5
# Longer than a send may take: a record that expired by itself, while its successor of the same key
# did not, would be published after that successor.
DELIVERY_TIMEOUT_SECONDS: Final = 120
REQUEST_TIMEOUT_SECONDS: Final = 10
# A member that was killed gives up its partitions after this time, one that hangs after the next.
SESSION_TIMEOUT_SECONDS: Final = 10
MAX_POLL_INTERVAL_SECONDS: Final = 30
NEVER_ACCEPTED: Final = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTopicError)
NETWORK_CLIENT: Final = kafka.KafkaConsumer.DEFAULT_CONFIG["kafka_client"]
# The log is the record of what happened: Kafka must not forget any of it by itself.
TOPIC_CONFIGURATION: Final = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


class KafkaBus:
    def __init__(self, bootstrap: list[str], *, partitions: int) -> None:
        self.partitions = partitions
        self.connection_options: dict[str, Any] = {
            "bootstrap_servers": bootstrap,
            "bootstrap_timeout_ms": CONNECT_TIMEOUT_SECONDS * 1000,
            "reconnect_backoff_max_ms": 1000,  # the default of 30 s is long after the broker is back
        }

    def create_topics(self, topics: Sequence[str]) -> None:
        """Raises BusUnavailable when a topic could not be created or has no leader in time."""
        with self._admin() as admin:
            missing = sorted(set(topics) - set(admin.list_topics()))
            if not missing:
                return
            replicas = min(MAX_REPLICAS, len(admin.describe_cluster()["brokers"]))
            # With all three replicas one may be lost and writing goes on; with fewer that is not to be had.
            in_sync = 2 if replicas == MAX_REPLICAS else 1
            new_topic = {
                "num_partitions": self.partitions,
                "replication_factor": replicas,
                "configs": {**TOPIC_CONFIGURATION, "min.insync.replicas": str(in_sync)},
            }
            answer = admin.create_topics(dict.fromkeys(missing, new_topic), raise_errors=False)
            for created in answer["topics"]:
                error = for_code(created["error_code"])
                # Another process may create the same topic at the same moment.
                if error not in (NoError, TopicAlreadyExistsError):
                    raise BusUnavailable(f"topic {created['name']}: {error.__name__} {created['error_message'] or ''}")
            admin.wait_for_topics(missing)

    def producer(self) -> "KafkaBusProducer":
        return KafkaBusProducer(self)

    def consumer(self, group: str, topics: Sequence[str]) -> "KafkaBusConsumer":
        return KafkaBusConsumer(self, group, topics)

    def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        with self._admin() as admin:
            known = [topic for topic in admin.describe_topics(list(topics)) if topic["error_code"] == 0]
            sources = [Source(topic["name"], p["partition_index"]) for topic in known for p in topic["partitions"]]
            offsets = admin.list_partition_offsets(dict.fromkeys(sources, OffsetSpec.LATEST))
            return {TopicPartition(*source): found.offset for source, found in offsets.items()}

    def has_topic(self, topic: str) -> bool:
        with self._admin() as admin:
            return topic in admin.list_topics()

    def close(self) -> None:
        """Nothing is held open by the bus itself."""

    @contextlib.contextmanager
    def _admin(self) -> Iterator[KafkaAdminClient]:
        with unavailability():
            admin = connected(
                KafkaAdminClient, **self.connection_options, request_timeout_ms=REQUEST_TIMEOUT_SECONDS * 1000
            )
            try:
                yield admin
            finally:
                admin.close()


class KafkaBusProducer:
    """Sends idempotently with acks=all: what is counted as durable is on every in-sync replica.

    One error leaves the library's producer unusable, and the fate of what it still holds unknown. It is
    then thrown away, and its successor publishes the rest again: records may arrive twice, but the first
    arrivals of one key stay in order.
    """

    def __init__(self, bus: KafkaBus) -> None:
        self.bus = bus
        self.client: kafka.KafkaProducer | None = None

    def send(self, records: Sequence[Record]) -> int:
        acceptable = next((i for i, r in enumerate(records) if len(r.value) > MAX_RECORD_BYTES), len(records))
        if records and acceptable == 0:
            raise RecordRefused(f"a record of {len(records[0].value)} bytes is above {MAX_RECORD_BYTES}")
        futures: list[Any] = []
        error: KafkaError | None = None
        with unavailability():
            client = self._connected()
        deadline = time.monotonic() + SEND_TIMEOUT_SECONDS
        try:
            for record in records[:acceptable]:
                future = client.send(record.topic, value=record.value, key=record.key.encode())
                futures.append(future)  # one by one: a failure must leave those before it
        except KafkaError as failure:  # of the record after the last future; those before it may be durable
            error = failure
        durable = 0
        try:
            for future in futures:
                future.get(timeout=max(0, deadline - time.monotonic()))
                durable += 1
        except KafkaError as failure:
            error = failure
        if error is not None:
            self._abandon()
            if durable == 0:
                raise self._explained(error, records[0] if not futures else None) from error
        return durable

    def _connected(self) -> kafka.KafkaProducer:
        """The library's producer, built at the first use and after every failure. Raises KafkaError."""
        if self.client is None:
            self.client = connected(
                kafka.KafkaProducer,
                **self.bus.connection_options,
                metrics_enabled=False,
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                linger_ms=5,
                batch_size=200_000,
                max_block_ms=METADATA_TIMEOUT_SECONDS * 1000,
                request_timeout_ms=REQUEST_TIMEOUT_SECONDS * 1000,
                delivery_timeout_ms=DELIVERY_TIMEOUT_SECONDS * 1000,
            )
        return self.client

    def _explained(self, error: KafkaError, not_taken: Record | None) -> Exception:
        """The port's error for the library's; `not_taken` is a record the library did not even queue."""
        if isinstance(error, NEVER_ACCEPTED):
            return RecordRefused(str(error))
        # The library waits in vain for a topic that does not exist, as it does for a broker that is down.
        if not_taken is not None and isinstance(error, KafkaTimeoutError):
            with contextlib.suppress(BusUnavailable):
                if not self.bus.has_topic(not_taken.topic):
                    return RecordRefused(f"topic {not_taken.topic} does not exist")
        return BusUnavailable(str(error))

    def _abandon(self) -> None:
        client, self.client = self.client, None
        if client is None:
            return
        # close() first flushes and, when that times out, leaves the sending thread alive: it would go on
        # publishing behind the back of its successor. The library offers no public way to stop it.
        sender = client._sender  # noqa: SLF001 - see above
        sender.force_close()
        sender.join(CLOSE_TIMEOUT_SECONDS)
        with contextlib.suppress(KafkaError):
            client.close(timeout=CLOSE_TIMEOUT_SECONDS)

    def close(self) -> None:
        client, self.client = self.client, None
        if client is not None:
            with contextlib.suppress(KafkaError):  # nothing is in flight: send() waits for every record
                client.close(timeout=CLOSE_TIMEOUT_SECONDS)


class KafkaBusConsumer:
    """One member of a consumer group.

    Partitions are handed out anew whenever a member comes, goes or stalls. A partition this member keeps goes on
    where it was; one that is new to it starts at the beginning, whatever was committed, because the position
    that counts is stored with the effects. So the inbox seeks to its stored offsets after every change of
    `assignment()`; one that did not would read again what it has already taken, and skip nothing.
    """

    def __init__(self, bus: KafkaBus, group: str, topics: Sequence[str]) -> None:
        self.bus = bus
        self.group = group
        self.topics = list(topics)
        self.client: kafka.KafkaConsumer | None = None
        self.positions: dict[Source, int] = {}

    def poll(self, *, timeout_seconds: float, max_records: int) -> list[Delivery]:
        """Raises BusUnavailable when the broker cannot be reached at first; later it is waited for."""
        with unavailability():
            client = self._connected()
            batches = client.poll(timeout_ms=round(timeout_seconds * 1000), max_records=max_records)
            take_up_interrupted_join(client)
        assigned = client.assignment()
        self.positions.update({source: records[-1].offset + 1 for source, records in batches.items()})
        self.positions = {source: offset for source, offset in self.positions.items() if source in assigned}
        return [
            Delivery(source.topic, source.partition, record.offset, (record.key or b"").decode(), record.value or b"")
            for source, records in batches.items()
            for record in records
        ]

    def _connected(self) -> kafka.KafkaConsumer:
        if self.client is None:
            client = connected(
                kafka.KafkaConsumer,
                **self.bus.connection_options,
                metrics_enabled=False,
                group_id=self.group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                allow_auto_create_topics=False,
                session_timeout_ms=SESSION_TIMEOUT_SECONDS * 1000,
                max_poll_interval_ms=MAX_POLL_INTERVAL_SECONDS * 1000,
                metadata_max_age_ms=30_000,  # how late a topic is noticed that is created after its reader
            )
            # The member that leads the group hands out only partitions it knows, and does not always notice when it
            # learns of them while the group forms: then nobody reads them. So it has to know them beforehand.
            try:
                for topic in self.topics:
                    client.partitions_for_topic(topic)
            except KafkaError:
                client.close(timeout_ms=0)
                raise
            client.subscribe(self.topics, listener=StartingPositions(self))
            self.client = client
        return self.client

    def assignment(self) -> frozenset[TopicPartition]:
        if self.client is None:
            return frozenset()
        return frozenset(TopicPartition(*source) for source in self.client.assignment())

    def seek(self, source: TopicPartition, offset: int) -> None:
        where = Source(source.topic, source.partition)
        if self.client is None or where not in self.client.assignment():
            return
        self.positions[where] = offset
        with contextlib.suppress(ValueError):  # it was taken away at this very moment
            self.client.seek(where, offset)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if self.client is None:
            return
        hints = {Source(s.topic, s.partition): OffsetAndMetadata(offset, "", -1) for s, offset in offsets.items()}
        with contextlib.suppress(KafkaError):
            self.client.commit_async(hints)

    def close(self) -> None:
        client, self.client = self.client, None
        if client is not None:
            with contextlib.suppress(KafkaError):
                client.close(timeout_ms=CLOSE_TIMEOUT_SECONDS * 1000)


class StartingPositions(kafka.ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """Puts newly handed out partitions where their reader wants them. Runs on the client's IO thread: no I/O here."""

    def __init__(self, consumer: KafkaBusConsumer) -> None:
        self.consumer = consumer

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Nothing to save: positions are stored with the effects."""

    def on_partitions_assigned(self, assigned: Any) -> None:
        client = self.consumer.client
        assert client is not None, "the group is joined by polling, which happens after connecting"
        for source in assigned:
            client.seek(source, self.consumer.positions.get(source, 0))


def take_up_interrupted_join(client: kafka.KafkaConsumer) -> None:
    """Let the next poll go on with a join that outlasted this one.

    The library joins anew when the partitions of a topic have changed; when that join takes longer than a poll, the
    change is old news by the next, and the half-joined member would wait for good, without partitions or heartbeats.
    """
    coordinator = client._coordinator  # noqa: SLF001 - the library offers no public way to ask for a join
    if coordinator.rejoining and not coordinator.need_rejoin():
        coordinator.request_rejoin()


def connected(client_class: Callable[..., Any], **options: Any) -> Any:
    """A connected client. Raises KafkaError after closing what a failed attempt would leave: a running IO thread."""
    started: list[Any] = []

    def start(**client_options: Any) -> Any:
        started.append(NETWORK_CLIENT(**client_options))
        return started[-1]

    try:
        return client_class(**options, kafka_client=start)
    except KafkaError:
        for network_client in started:
            network_client.close()
        raise


@contextlib.contextmanager
def unavailability() -> Iterator[None]:
    """The library's errors as the port's."""
    try:
        yield
    except KafkaError as error:
        raise BusUnavailable(str(error)) from error
