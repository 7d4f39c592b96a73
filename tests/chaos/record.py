"""What the load was told, in its own words: the plain record the services are compared with at the end."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PROBE: Final = "probe"  # the budget line, the item, the task and the shift that only probes use


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
    lots: dict[str, tuple[int, int]] = field(default_factory=dict)  # what it took of each, and what of that arrived
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

    def counts(self, appropriated_won: Mapping[str, int]) -> dict[tuple[str, str, str], int]:
        """What follows of every line, lot and shift, by kind, id and measure; `appropriated_won` at first."""
        counts = Counter[tuple[str, str, str]]()
        for line, won in appropriated_won.items():
            counts["budget_line", line, "current_appropriation"] += won
        counts["budget_line", PROBE, "current_appropriation"] += self.probes
        for document in self.documents.values():
            counts["budget_line", document.line_id, "committed"] += document.committed_won
            counts["budget_line", document.line_id, "paid"] += document.paid_won
        for lot, (_, quantity) in self.lots.items():
            counts["receipt", lot, "on_hand"] += quantity
        for shipment in self.shipments.values():
            for lot, (quantity, arrived) in shipment.lots.items():
                counts["receipt", lot, "on_hand"] -= quantity if shipment.has_left else 0
                counts["receipt", lot, "delivered"] += arrived
                counts["receipt", lot, "reserved"] += quantity if shipment.state == "reserved" else 0
        for sign_up in self.sign_ups.values():
            counts["shift", sign_up.shift_id, "taken"] += sign_up.state == "confirmed"
        return {key: amount for key, amount in counts.items() if amount}

    def refused(self, kind: str) -> None:
        with self.lock:
            self.refusals[kind] += 1

    def surprised(self, what: str) -> None:
        with self.lock:
            self.surprises.append(what)
