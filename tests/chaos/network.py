"""A network that can be cut: one namespace for the whole run, and in it one for each Kafka node.

    this process and all it starts          bridge 10.77.0.254
        node 1 … node 3                     10.77.0.1 … 10.77.0.3, each behind a virtual cable

Nothing outside can be reached from here, nor the other way round. Namespaces live as long as a process or an open
descriptor refers to them, so even after kill -9 nothing is left to be taken down.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from deploy.local.kafka import Host
from tests.chaos.namespaces import CLONE_NEWNET, NoNamespaces, enter, unshare

PREFIX: Final = "10.77.0"
BRIDGE: Final = "relief"
COMMAND_TIMEOUT_SECONDS: Final = 10


class Network:
    """Cables between this process and the nodes. Make it before any thread: a namespace belongs to a thread."""

    def __init__(self, nodes: Sequence[int]) -> None:
        """Moves this process into a network of its own. Raises NoNamespaces, and then leaves it where it was."""
        if sys.platform != "linux" or not all(map(shutil.which, ("ip", "nsenter"))):
            raise NoNamespaces("they need Linux with ip (iproute2) and nsenter (util-linux)")
        with contextlib.ExitStack() as undo:
            before = self._open()
            unshare(CLONE_NEWNET)
            undo.callback(enter, before)
            try:
                self.hosts = self._lay_cables(nodes)
            except (OSError, subprocess.SubprocessError) as error:
                raise NoNamespaces(f"they cannot be connected: {error}") from error
            undo.pop_all()
        os.close(before)

    def cut(self, node: int) -> None:
        """From now on every packet from and to the node is lost; its connections stay open."""
        _ip("link", "set", f"node-{node}", "down")

    def mend(self, node: int) -> None:
        _ip("link", "set", f"node-{node}", "up")

    def _lay_cables(self, nodes: Sequence[int]) -> dict[int, Host]:
        _ip("link", "set", "lo", "up")
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("address", "add", f"{PREFIX}.254/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        return {node: self._lay_cable(node) for node in nodes}

    def _lay_cable(self, node: int) -> Host:
        here = self._open()
        unshare(CLONE_NEWNET)
        there = self._open()
        enter(here)
        os.close(here)
        namespace = f"/proc/{os.getpid()}/fd/{there}"
        host = Host(f"{PREFIX}.{node}", ("nsenter", f"--net={namespace}"))
        _ip("link", "add", f"node-{node}", "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("link", "set", f"node-{node}", "master", BRIDGE, "up")
        for command in (
            ("link", "set", "lo", "up"),
            ("address", "add", f"{host.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
        ):
            _ip(*command, through=host.enter)
        return host

    @staticmethod
    def _open() -> int:
        """A descriptor of the namespace this thread is in."""
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _ip(*arguments: str, through: Sequence[str] = ()) -> None:
    command = [*through, "ip", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=COMMAND_TIMEOUT_SECONDS)
