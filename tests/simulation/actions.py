"""What can happen, as data: a recorded list of these replays a run, and so does any part of it.

Each says in words what it is; nothing in the words is left to chance.
"""

from dataclasses import dataclass
from typing import Final

from tests.simulation.catalogue import Request

STRIKES: Final = {
    "": "",
    "publish": " and dies before publishing",
    "published": " and dies between publishing and marking",
    "commit": " and dies before its commit",
    "committed": " and dies after its commit",
    "full": " while the disk is full",
    "gone": " and loses the bus before it answers",
}


@dataclass(frozen=True)
class Ask:
    """Somebody sends a request."""

    request: Request

    def told(self) -> str:
        return self.request.told()


@dataclass(frozen=True)
class Race:
    """While `slow` is on its way to its transaction, `quick` arrives later and is answered first."""

    slow: Request
    quick: Request

    def told(self) -> str:
        return f"{self.slow.told()}; before its transaction begins, {self.quick.told()}"


@dataclass(frozen=True)
class Publish:
    """The relay of a service runs once; `most` records become durable, 0 means all. `fault` is one of STRIKES."""

    service: str
    most: int = 0
    fault: str = ""

    def told(self) -> str:
        return f"the relay of {self.service} publishes {self.most or 'all'}{STRIKES[self.fault]}"


@dataclass(frozen=True)
class Read:
    """The ledger reads once. `fault` strikes at the (after + 1)-th occasion; `rewind` records come once more."""

    most: int = 0
    order: int = 0
    rewind: int = 0
    fault: str = ""
    after: int = 0

    def told(self) -> str:
        again = f", {self.rewind} of each partition once more," if self.rewind else ""
        return f"the ledger reads {self.most or 'all'}{again}{STRIKES[self.fault]}"


@dataclass(frozen=True)
class Listen:
    """A service hears once whose access ended. `fault` is one of STRIKES."""

    service: str
    fault: str = ""

    def told(self) -> str:
        return f"{self.service} hears whose access ended{STRIKES[self.fault]}"


@dataclass(frozen=True)
class Know:
    """Somebody asks what was known so many minutes ago of a day so many days from today."""

    report: str
    minutes: int
    days: int

    def told(self) -> str:
        return f"somebody asks for {self.report} as of {self.days:+} days as it was known {self.minutes} minutes ago"


@dataclass(frozen=True)
class Recall:
    """What was asked before of a moment is asked again."""

    nth: int

    def told(self) -> str:
        return "somebody asks again what was known"


@dataclass(frozen=True)
class Anchor:
    """The background work that makes an anchor a day runs once."""

    def told(self) -> str:
        return "the ledger makes the anchor of the day if there is none"


@dataclass(frozen=True)
class CheckAnchor:
    """An anchor that was kept elsewhere is compared with the ledger."""

    nth: int

    def told(self) -> str:
        return "an anchor that was kept is checked"


@dataclass(frozen=True)
class Learn:
    """The ledger is deployed with code that can read what it did not know."""

    def told(self) -> str:
        return "the ledger learns to read what it did not know"


@dataclass(frozen=True)
class Lose:
    """The bus loses a record before the ledger read it; its owner's operator publishes it again."""

    service: str

    def told(self) -> str:
        return f"the bus loses a record of {self.service} that was not read yet, and gets it again"


@dataclass(frozen=True)
class Restart:
    """A part is stopped and started on the same files: a service, or `bus`."""

    part: str

    def told(self) -> str:
        return f"{self.part} is restarted"


@dataclass(frozen=True)
class Tear:
    """A part, a service or `bus`, dies with this share of a transaction in its file, and is started again."""

    part: str
    percent: int

    def told(self) -> str:
        return f"{self.part} dies with {self.percent} % of a transaction written to its file, and is restarted"


@dataclass(frozen=True)
class Wait:
    minutes: int

    def told(self) -> str:
        return f"{self.minutes} minutes pass"


@dataclass(frozen=True)
class Skew:
    """The clock of a service is set wrong by so many minutes."""

    service: str
    minutes: int

    def told(self) -> str:
        return f"the clock of {self.service} is {self.minutes:+} minutes wrong"


@dataclass(frozen=True)
class Republish:
    """The newest records of a service come once more, byte for byte."""

    service: str
    count: int

    def told(self) -> str:
        return f"the newest {self.count} records of {self.service} are delivered again"


@dataclass(frozen=True)
class Poison:
    """A record nobody should have written.

    `how`: half, noise, empty, changed (a known id, other content), unfit (of a known type, without what it needs) or
    unknown (of a type nobody knows).
    """

    service: str
    how: str
    nth: int = 0

    def told(self) -> str:
        return f"somebody writes a record to the topic of {self.service} ({self.how})"


@dataclass(frozen=True)
class LateCommit:
    """A transaction that took its row number early commits only after the relay has published what came later."""

    service: str

    def told(self) -> str:
        return f"a transaction of {self.service} takes its number early and commits after the relay has run"


@dataclass(frozen=True)
class BackUp:
    """The database of the ledger is copied."""

    def told(self) -> str:
        return "the ledger is backed up"


@dataclass(frozen=True)
class Restore:
    """The ledger goes back to its newest backup, and has to read again what came since."""

    def told(self) -> str:
        return "the ledger is restored from its backup"


@dataclass(frozen=True)
class Flush:
    """The cache loses everything."""

    def told(self) -> str:
        return "the cache loses everything"


@dataclass(frozen=True)
class Settle:
    """Everything is published and read; then every law is checked."""

    def told(self) -> str:
        return "everything is published and read, and every law is checked"


Action = (
    Ask
    | Race
    | Publish
    | Read
    | Listen
    | Know
    | Recall
    | Anchor
    | CheckAnchor
    | Learn
    | Lose
    | Restart
    | Tear
    | Wait
    | Skew
    | Republish
    | Poison
    | LateCommit
    | BackUp
    | Restore
    | Flush
    | Settle
)
