"""What works beside the requests: relays, the reader of the ledger, and who hears whose access ended."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

from shared.bus import BusUnavailable
from tests.simulation.actions import Listen, Publish, Read
from tests.simulation.faults import Crash
from tests.simulation.laws import Broken, Laws
from tests.simulation.world import BUS_FILE


class Background:
    def __init__(self, laws: Laws) -> None:
        self.laws = laws
        self.world = laws.world
        self.model = laws.model

    def publish(self, action: Publish) -> str:
        world = self.world
        world.bus.most_sent = action.most
        if action.fault:
            world.faults.arm(action.service if action.fault == "commit" else "bus", action.fault)
        try:
            return f"{world.publish(action.service)} published"
        except Crash as crash:
            world.recover(action.service)
            return f"dies ({crash})"
        except BusUnavailable as error:
            world.drop_background(action.service)
            return f"the bus is away: {error}"
        finally:
            world.bus.most_sent = 0

    def read(self, action: Read) -> str:
        world = self.world
        world.bus.most_read, world.bus.order, world.bus.rewind = action.most, action.order, action.rewind
        if action.fault:
            world.faults.arm("ledger", action.fault, after=action.after)
        try:
            return f"{world.read()} read"
        except Crash as crash:
            world.recover("ledger")
            return f"dies ({crash})"
        except Exception as error:
            if ("ledger", "full") not in world.faults.struck:
                raise Broken("the reader goes on", first_line(error)) from error
            world.drop_background("ledger")
            return "the disk of the ledger is full"
        finally:
            world.bus.most_read = world.bus.order = world.bus.rewind = 0
            self.laws.watch_ledger(world.now("ledger"))

    def listen(self, action: Listen) -> str:
        world, service = self.world, action.service
        if action.fault:
            world.faults.arm(service, action.fault)
        try:
            outcome = f"{world.listen(service)} heard"
        except Crash as crash:
            world.recover(service)
            outcome = f"dies ({crash})"
        except Exception as error:
            if (service, "full") not in world.faults.struck:
                raise Broken("who listens goes on", first_line(error)) from error
            world.drop_background(service)
            outcome = "the disk is full"
        if not world.faults.struck & {(service, "commit"), (service, "full")}:
            for account, moment in self._ended():
                self.model.access.learn(service, account, moment)
        return outcome

    def _ended(self) -> Iterator[tuple[str, datetime]]:
        """Whose access ended, as it travelled so far."""
        query = "SELECT value FROM records WHERE topic = 'relief.situation.v1' AND instr(value, 'access_ended')"
        with closing(sqlite3.connect(self.world.home / BUS_FILE)) as bus:
            values = [row[0] for row in bus.execute(query)]
        for value in values:
            try:
                data = json.loads(value)["data"]
            except ValueError:
                continue
            yield data["account_id"], datetime.fromisoformat(data["void_before"])


def first_line(error: Exception) -> str:
    """What went wrong, without the ids that differ from run to run."""
    return f"{type(error).__name__}: {error}".splitlines()[0]
