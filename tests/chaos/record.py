"""What the load was told, in its own words: the plain record the services are compared with at the end."""

import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Document:
    """One spending proposal; amounts in won."""

    line_id: str
    amount_won: int
    state: str = "proposed"
    committed_won: int = 0
    paid_won: int = 0
    payments: int = 0  # reversals included


@dataclass
class Shipment:
    item_id: str
    quantity: int
    state: str = "reserved"
    has_left: bool = False
    delivered: int = 0


@dataclass
class SignUp:
    shift_id: str
    state: str


@dataclass
class Record:
    """Each part is written by one thread of the load, and read when all have ended."""

    documents: dict[str, Document] = field(default_factory=dict)
    shipments: dict[str, Shipment] = field(default_factory=dict)
    lots: dict[str, tuple[str, int]] = field(default_factory=dict)  # item and quantity that came in
    sign_ups: dict[str, SignUp] = field(default_factory=dict)
    probes: int = 0  # won appropriated one by one
    refusals: Counter[str] = field(default_factory=Counter)  # that the load provokes: an empty line, a full shift
    surprises: list[str] = field(default_factory=list)  # everything else that is no yes
    lock: threading.Lock = field(default_factory=threading.Lock)

    def refused(self, kind: str) -> None:
        with self.lock:
            self.refusals[kind] += 1

    def surprised(self, what: str) -> None:
        with self.lock:
            self.surprises.append(what)
