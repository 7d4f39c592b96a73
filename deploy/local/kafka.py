"""Apache Kafka in KRaft mode from its jars: one node for everyday use, three for tests of failover."""

import base64
import contextlib
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from deploy.local.process import LOOPBACK, Child, Unavailable, cache_directory, free_port

POM: Final = Path(__file__).with_name("pom.xml")
MINIMUM_JAVA: Final = 17
START_TIMEOUT_SECONDS: Final = 90
# Every local cluster may share one id: it only guards against mixing up the folders of different clusters.
CLUSTER_ID: Final = base64.urlsafe_b64encode(b"dure-local-stack").decode().rstrip("=")
JVM_OPTIONS: Final = (
    "-Xms128m",
    "-Xmx384m",
    "-XX:-UsePerfData",  # its file in the temporary folder outlives a node that is killed
    "-XX:+UseSerialGC",  # the parallel collectors cost more than they give on a small heap
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
STARTED: Final = "Kafka Server started"  # logged once the broker is registered, unfenced and listening
NODE_PROPERTIES: Final = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{broker},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor={replicas}
min.insync.replicas={in_sync}
unclean.leader.election.enable=false
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=2
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=2
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=2
num.recovery.threads.per.data.dir=1
log.cleaner.dedupe.buffer.size=4194304
"""


@dataclass(frozen=True)
class Host:
    """Where a node runs: its address, and the command that starts a program there (none: this very machine)."""

    address: str = LOOPBACK
    enter: tuple[str, ...] = ()


class KafkaCluster:
    """Nodes are numbered from 1. Ports stay the same while the object lives, data as long as the directory."""

    def __init__(self, directory: Path, nodes: Literal[1, 3] = 1, hosts: Mapping[int, Host] | None = None) -> None:
        """`hosts` gives nodes a place of their own. Raises Unavailable without Java 17, the jars or Maven."""
        self.java = find_java()
        self.classpath = f"{provision_jars()}/*"
        self.directory = directory.resolve()
        self.nodes = range(1, nodes + 1)
        self.hosts = {node: (hosts or {}).get(node, Host()) for node in self.nodes}
        self.broker_ports = {node: free_port() for node in self.nodes}
        self.controller_ports = {node: free_port() for node in self.nodes}
        self.children: dict[int, Child] = {}

    @property
    def bootstrap(self) -> str:
        """`host:port,…` of every node, running or not."""
        return ",".join(f"{self.hosts[node].address}:{port}" for node, port in self.broker_ports.items())

    def data(self, node: int) -> Path:
        """The folder of the node's records."""
        return self.directory / f"node-{node}" / "data"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, node: int | None = None) -> None:
        """Start one node or all that do not run, and wait until they serve. Raises ProcessFailed."""
        chosen = [n for n in self.nodes if node in (None, n) and not self.is_running(n)]
        # A node is ready only when a majority of controllers is, so all are launched before any is awaited.
        for each in chosen:
            self.children[each] = self._launch(each)
        for each in chosen:
            child = self.children[each]
            child.wait_until(functools.partial(has_started, child), timeout_seconds=START_TIMEOUT_SECONDS)

    def is_running(self, node: int) -> bool:
        return node in self.children and self.children[node].is_running

    def kill(self, node: int = 1) -> None:
        self.children[node].kill()

    def pause(self, node: int = 1) -> None:
        self.children[node].pause()

    def resume(self, node: int = 1) -> None:
        self.children[node].resume()

    def stop(self) -> None:
        # Together: a controlled shutdown waits for a majority that would be gone when they go one by one.
        for child in self.children.values():
            if child.is_running:
                child.ask_to_stop()
        for child in self.children.values():
            child.stop(timeout_seconds=10)

    def _launch(self, node: int) -> Child:
        data = self.data(node)
        folder = data.parent
        properties = folder / "server.properties"
        folder.mkdir(parents=True, exist_ok=True)
        replicas, host = len(self.nodes), self.hosts[node]
        properties.write_text(
            NODE_PROPERTIES.format(
                node=node,
                voters=",".join(f"{n}@{self.hosts[n].address}:{port}" for n, port in self.controller_ports.items()),
                broker=f"{host.address}:{self.broker_ports[node]}",
                controller=f"{host.address}:{self.controller_ports[node]}",
                data=data,
                replicas=replicas,
                in_sync=min(2, replicas),
            )
        )
        if not (data / "meta.properties").exists():
            self._format(properties)
        command = [*host.enter, self.java, *JVM_OPTIONS, "-cp", self.classpath, "kafka.Kafka", str(properties)]
        return Child(command, log=folder / "kafka.log", directory=folder)  # where a JVM that crashes leaves its report

    def _format(self, properties: Path) -> None:
        tool = [self.java, "-cp", self.classpath, "kafka.tools.StorageTool", "format"]
        subprocess.run([*tool, "-t", CLUSTER_ID, "-c", properties], check=True, capture_output=True, timeout=60)


def has_started(broker: Child) -> bool:
    return STARTED in broker.output()


def find_java() -> str:
    """A Java of at least version 17: that of JAVA_HOME, else the one on the PATH. Raises Unavailable."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise Unavailable(f"Kafka needs Java {MINIMUM_JAVA} or newer, and there is none on the PATH")
    version = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr
    found = re.search(r'version "(\d+)', version)
    if found is None or int(found[1]) < MINIMUM_JAVA:
        raise Unavailable(f"Kafka needs Java {MINIMUM_JAVA} or newer, and {java} is {version.splitlines()[:1]}")
    return java


def provision_jars() -> Path:
    """The folder of Kafka's jars in the cache, filled by Maven the first time. Raises Unavailable."""
    found = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>(.+?)</version>", POM.read_text())
    assert found is not None, "pom.xml names the version of Kafka"
    jars = cache_directory() / f"kafka-{found[1]}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable("Kafka's jars are fetched by Maven (mvn), which is not on the PATH")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as work:
        partial = Path(work, "jars")
        goal = ["-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
        result = subprocess.run([maven, *goal], capture_output=True, text=True, timeout=600, check=False)
        if result.returncode != 0:
            raise Unavailable(f"Maven could not fetch Kafka's jars: {result.stdout[-500:].strip()}")
        # Whole or not at all; another process may have been faster, and then its folder is as good.
        with contextlib.suppress(OSError):
            partial.rename(jars)
    return jars
