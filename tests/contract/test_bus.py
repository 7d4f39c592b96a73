"""What every bus promises, run on each adapter: the embedded log and Apache Kafka."""

import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.kafka import KafkaCluster
from deploy.local.process import free_port
from shared.bus import (
    Bus,
    BusUnavailable,
    Consumer,
    Delivery,
    Producer,
    Record,
    RecordRefused,
    TopicPartition,
    open_bus,
)
from shared.bus.embedded import EmbeddedProducer

PARTITIONS = 4
LIMIT_BYTES = 1_000_000
# A group that waits for a member that will not come back does so for its session and then its poll interval.
ARRIVAL_TIMEOUT_SECONDS = 100
SHELTERS = [f"site-{name}" for name in ("uiseong", "andong", "cheongsong", "yeongyang", "yeongdeok", "sancheong")]


@pytest.fixture(params=["embedded", "kafka"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "embedded":
        return f"sqlite:///{tmp_path}/bus.db"
    bootstrap: str = request.getfixturevalue("kafka_bootstrap")
    return f"kafka://{bootstrap}"


@pytest.fixture
def bus(url: str) -> Iterator[Bus]:
    bus = open_bus(url, partitions=PARTITIONS)
    yield bus
    bus.close()


@pytest.fixture
def topic(bus: Bus) -> str:
    """A topic of the test's own: the broker outlives the test."""
    name = f"relief.test-{uuid4().hex}.v1"
    bus.create_topics([name])
    return name


@pytest.fixture
def producer(bus: Bus) -> Iterator[Producer]:
    producer = bus.producer()
    yield producer
    producer.close()


@pytest.fixture
def join(bus: Bus, topic: str) -> Iterator[Callable[[str], Consumer]]:
    """Adds a member to a group; members that a test leaves behind are closed after it."""
    members: list[Consumer] = []

    def join_group(group: str) -> Consumer:
        members.append(bus.consumer(f"{topic}-{group}", [topic]))
        return members[-1]

    yield join_group
    for member in members:
        member.close()


def read(consumer: Consumer, count: int) -> list[Delivery]:
    """The next `count` deliveries; fails when they do not arrive in time."""
    deliveries: list[Delivery] = []
    deadline = time.monotonic() + ARRIVAL_TIMEOUT_SECONDS
    while len(deliveries) < count:
        assert time.monotonic() < deadline, f"{len(deliveries)} of {count} records arrived"
        deliveries += consumer.poll(timeout_seconds=0.5, max_records=count - len(deliveries))
    return deliveries


def numbered(topic: str, count: int) -> list[Record]:
    """Records 0, 1, 2, … dealt out to the shelters in turn."""
    return [Record(topic, SHELTERS[number % len(SHELTERS)], str(number).encode()) for number in range(count)]


def values(deliveries: list[Delivery]) -> list[bytes]:
    return [delivery.value for delivery in deliveries]


def test_records_of_one_key_keep_their_order(topic: str, producer: Producer, join: Callable[[str], Consumer]) -> None:
    first, second = numbered(topic, 600)[:300], numbered(topic, 600)[300:]
    assert producer.send(first) == 300
    assert producer.send(second) == 300
    by_key: dict[str, list[int]] = defaultdict(list)
    for delivery in read(join("ledger"), 600):
        by_key[delivery.key].append(int(delivery.value))
    assert by_key == {key: list(range(start, 600, len(SHELTERS))) for start, key in enumerate(SHELTERS)}


def test_a_key_stays_in_one_partition(topic: str, producer: Producer, join: Callable[[str], Consumer]) -> None:
    producer.send(numbered(topic, 60))
    partitions: dict[str, set[int]] = defaultdict(set)
    for delivery in read(join("ledger"), 60):
        partitions[delivery.key].add(delivery.partition)
    assert partitions.keys() == set(SHELTERS)
    assert all(len(used) == 1 for used in partitions.values())


def test_keys_are_spread_over_all_partitions(topic: str, producer: Producer, join: Callable[[str], Consumer]) -> None:
    producer.send([Record(topic, f"lot-{number}", b"blanket") for number in range(200)])
    consumer = join("ledger")
    assert {delivery.partition for delivery in read(consumer, 200)} == set(range(PARTITIONS))
    assert consumer.assignment() == {TopicPartition(topic, number) for number in range(PARTITIONS)}


def test_offsets_grow_by_one_within_a_partition(
    topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    producer.send(numbered(topic, 100))
    offsets: dict[int, list[int]] = defaultdict(list)
    for delivery in read(join("ledger"), 100):
        offsets[delivery.partition].append(delivery.offset)
    assert all(seen == list(range(len(seen))) for seen in offsets.values())


def test_what_a_dead_reader_had_not_finished_is_delivered_again(
    topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    producer.send(numbered(topic, 20))
    dead = join("ledger")
    taken = read(dead, 20)
    dead.close()  # without a word about its position
    assert sorted(values(read(join("ledger"), 20))) == sorted(values(taken))


def test_a_committed_position_does_not_decide_where_the_next_reader_starts(
    topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    producer.send(numbered(topic, 20))
    first = join("ledger")
    taken = read(first, 20)
    first.commit({delivery.source: delivery.offset + 1 for delivery in taken})
    first.close()
    # The position that counts is stored with the effects; if they are lost, everything must be there again.
    assert sorted(values(read(join("ledger"), 20))) == sorted(values(taken))


def test_every_group_gets_every_record(topic: str, producer: Producer, join: Callable[[str], Consumer]) -> None:
    producer.send(numbered(topic, 30))
    expected = sorted(record.value for record in numbered(topic, 30))
    assert sorted(values(read(join("ledger"), 30))) == expected
    assert sorted(values(read(join("situation"), 30))) == expected


def test_two_members_of_a_group_read_everything_between_them(
    topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    members = [join("ledger"), join("ledger")]
    everywhere = {TopicPartition(topic, number) for number in range(PARTITIONS)}
    deadline = time.monotonic() + ARRIVAL_TIMEOUT_SECONDS
    while any(not member.assignment() for member in members):
        assert time.monotonic() < deadline, "both members take part"
        for member in members:
            member.poll(timeout_seconds=0.2, max_records=1)
    producer.send(numbered(topic, 40))
    seen: set[bytes] = set()
    while len(seen) < 40:
        assert time.monotonic() < deadline, f"{len(seen)} of 40 records arrived"
        for member in members:
            seen.update(values(member.poll(timeout_seconds=0.2, max_records=40)))
    assert members[0].assignment() | members[1].assignment() == everywhere


def test_a_poll_gives_no_more_than_it_was_asked_for(
    topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    producer.send(numbered(topic, 30))
    consumer = join("ledger")
    read(consumer, 1)
    assert 0 < len(consumer.poll(timeout_seconds=ARRIVAL_TIMEOUT_SECONDS, max_records=7)) <= 7


def test_a_poll_of_an_empty_topic_ends_with_the_time_out(join: Callable[[str], Consumer]) -> None:
    assert join("ledger").poll(timeout_seconds=0.2, max_records=10) == []


def test_seeking_the_beginning_replays_everything(
    topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    producer.send(numbered(topic, 50))
    consumer = join("ledger")
    first_time = read(consumer, 50)
    for source in consumer.assignment():
        consumer.seek(source, 0)
    assert sorted(values(read(consumer, 50))) == sorted(values(first_time))


def test_seeking_an_offset_delivers_from_there_on(
    topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    producer.send([Record(topic, "site-uiseong", str(number).encode()) for number in range(10)])
    consumer = join("ledger")
    source = read(consumer, 10)[0].source
    consumer.seek(source, 7)
    assert values(read(consumer, 3)) == [b"7", b"8", b"9"]


def test_seeking_a_partition_of_somebody_else_has_no_effect(
    topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    producer.send([Record(topic, "site-uiseong", b"0")])
    consumer = join("ledger")
    read(consumer, 1)
    consumer.seek(TopicPartition("relief.elsewhere.v1", 0), 5)
    assert TopicPartition("relief.elsewhere.v1", 0) not in consumer.assignment()


def test_end_offsets_are_what_a_reader_must_reach(
    bus: Bus, topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    assert bus.end_offsets([topic]) == {TopicPartition(topic, number): 0 for number in range(PARTITIONS)}
    producer.send(numbered(topic, 25))
    reached = dict.fromkeys(bus.end_offsets([topic]), 0)
    for delivery in read(join("ledger"), 25):
        reached[delivery.source] = delivery.offset + 1
    assert bus.end_offsets([topic]) == reached


def test_a_topic_that_does_not_exist_has_no_end_offsets(bus: Bus) -> None:
    assert bus.end_offsets([f"relief.never-{uuid4().hex}.v1"]) == {}


def test_creating_a_topic_again_leaves_it_as_it_is(url: str, bus: Bus, topic: str, producer: Producer) -> None:
    producer.send(numbered(topic, 5))
    other = open_bus(url, partitions=PARTITIONS + 3)
    other.create_topics([topic])
    ends = other.end_offsets([topic])
    assert len(ends) == PARTITIONS
    assert sum(ends.values()) == 5


def test_a_record_of_the_largest_size_arrives(topic: str, producer: Producer, join: Callable[[str], Consumer]) -> None:
    producer.send([Record(topic, "site-uiseong", b"x" * LIMIT_BYTES)])
    assert len(read(join("ledger"), 1)[0].value) == LIMIT_BYTES


def test_an_oversized_record_is_refused_and_the_producer_goes_on(
    bus: Bus, topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    oversized = Record(topic, "site-uiseong", b"x" * (LIMIT_BYTES + 1))
    good = numbered(topic, 3)
    assert producer.send([*good, oversized, *good]) == 3
    with pytest.raises(RecordRefused, match=str(LIMIT_BYTES + 1)):
        producer.send([oversized, *good])
    assert producer.send(good) == 3
    assert len(read(join("ledger"), 6)) == 6
    assert sum(bus.end_offsets([topic]).values()) == 6


def test_a_record_for_a_topic_that_does_not_exist_is_refused(bus: Bus, topic: str, producer: Producer) -> None:
    stray = Record(f"relief.never-{uuid4().hex}.v1", "site-uiseong", b"?")
    good = numbered(topic, 3)
    assert producer.send([*good, stray]) == 3
    with pytest.raises(RecordRefused, match="does not exist"):
        producer.send([stray])
    assert producer.send(good) == 3
    assert sum(bus.end_offsets([topic]).values()) == 6


def test_sending_nothing_is_no_work(producer: Producer) -> None:
    assert producer.send([]) == 0


def test_korean_keys_and_empty_values_arrive_unchanged(
    topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    sent = {("의성군-점곡체육회관", "모포 30장".encode()), ("안동시", b""), ("🌲-산불", b"\x00\xff")}
    producer.send([Record(topic, key, value) for key, value in sent])
    assert {(delivery.key, delivery.value) for delivery in read(join("ledger"), len(sent))} == sent


def test_what_another_process_appends_is_seen_by_a_waiting_reader(
    url: str, topic: str, producer: Producer, join: Callable[[str], Consumer]
) -> None:
    producer.send([Record(topic, "site-andong", b"before")])
    consumer = join("ledger")
    assert values(read(consumer, 1)) == [b"before"]
    script = (
        "import os, sys; from shared.bus import Record, open_bus\n"
        "producer = open_bus(sys.argv[1]).producer()\n"
        "assert producer.send([Record(sys.argv[2], 'site-andong', b'from elsewhere')]) == 1\n"
        "os._exit(0)"  # as if killed: what was counted is durable all the same
    )
    subprocess.run([sys.executable, "-c", script, url, topic], check=True, timeout=60)
    assert values(read(consumer, 1)) == [b"from elsewhere"]


def test_a_full_disk_is_reported_and_nothing_is_half_written(tmp_path: Path) -> None:
    bus = open_bus(f"sqlite:///{tmp_path}/bus.db", partitions=1)
    bus.create_topics(["relief.inventory.v1"])
    producer = bus.producer()
    assert isinstance(producer, EmbeddedProducer)
    record = Record("relief.inventory.v1", "site-uiseong", b"x" * 100_000)
    producer.connection.execute("PRAGMA max_page_count = 50")  # 200 kB: SQLite's own way to run out of space
    with pytest.raises(BusUnavailable, match="full"):
        producer.send([record, record, record])
    assert list(bus.end_offsets(["relief.inventory.v1"]).values()) == [0]
    producer.connection.execute("PRAGMA max_page_count = 1000000")
    assert producer.send([record, record, record]) == 3
    producer.close()


@pytest.fixture
def fragile_cluster(kafka_cluster: KafkaCluster) -> Iterator[KafkaCluster]:
    """The session's broker, for tests that kill it: it runs again afterwards, whatever they did."""
    yield kafka_cluster
    kafka_cluster.start()


def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(fragile_cluster: KafkaCluster) -> None:
    bus = open_bus(f"kafka://{fragile_cluster.bootstrap}", partitions=PARTITIONS)
    topic = f"relief.test-{uuid4().hex}.v1"
    bus.create_topics([topic])
    producer = bus.producer()
    consumer = bus.consumer(f"{topic}-ledger", [topic])
    assert producer.send(numbered(topic, 200)) == 200
    assert len(read(consumer, 100)) == 100
    fragile_cluster.kill()
    with pytest.raises(BusUnavailable):
        producer.send(numbered(topic, 400)[200:])
    fragile_cluster.start()
    assert producer.send(numbered(topic, 400)[200:]) == 200
    arrived = {int(delivery.value) for delivery in read(consumer, 300)}
    assert arrived >= set(range(200, 400))
    for source in consumer.assignment():
        consumer.seek(source, 0)
    # At least once: what was in flight when the broker died may be there twice, but in the order of its key.
    first_arrivals: dict[str, list[int]] = defaultdict(list)
    for delivery in read(consumer, sum(bus.end_offsets([topic]).values())):
        if int(delivery.value) not in first_arrivals[delivery.key]:
            first_arrivals[delivery.key].append(int(delivery.value))
    assert first_arrivals == {key: list(range(start, 400, len(SHELTERS))) for start, key in enumerate(SHELTERS)}
    consumer.close()
    producer.close()


def test_a_bus_nobody_can_reach_says_so_for_every_call() -> None:
    bus = open_bus(f"kafka://127.0.0.1:{free_port()}")
    threads_before = threading.active_count()
    with pytest.raises(BusUnavailable):
        bus.create_topics(["relief.inventory.v1"])
    with pytest.raises(BusUnavailable):
        bus.consumer("ledger", ["relief.inventory.v1"]).poll(timeout_seconds=1, max_records=1)
    with pytest.raises(BusUnavailable):
        bus.producer().send([Record("relief.inventory.v1", "site-uiseong", b"0")])
    # Relays try again for as long as an outage lasts: an attempt must leave nothing running.
    assert threading.active_count() == threads_before
