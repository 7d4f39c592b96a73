"""The verdict at the end: the load's own record against the services, the services against the ledger."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

from deploy.local.stack import PUBLISHERS, Stack, find_program
from shared.auth import Role
from tests.chaos.client import Client
from tests.chaos.load import DEPOT, ITEMS, LINES, SHIFTS
from tests.chaos.record import PROBE, Record

COMMAND_TIMEOUT_SECONDS: Final = 120
CATCH_UP_TIMEOUT_SECONDS: Final = 90
# What is asked of each owner's `/balances`: the kind of thing, the field of its id, and what is counted.
OWNED: Final = {
    "disbursement": ("budget_line", "budget_line_id", ("current_appropriation", "committed", "paid")),
    "inventory": ("receipt", "lot_id", ("on_hand", "reserved", "delivered")),
    "dispatch": ("shift", "shift_id", ("taken",)),
}
MOST_NAMED: Final = 5  # of one kind of difference; the rest is counted
LONGEST_REASON: Final = 2_000


class Verdict:
    """Compares when nothing is under way any more. `findings` are sentences; none means everything holds."""

    def __init__(self, stack: Stack, client: Client, record: Record) -> None:
        self.stack = stack
        self.client = client
        self.record = record

    def findings(self) -> Iterator[str]:
        yield from self.record.surprises
        yield from self._money()
        yield from self._goods()
        yield from self._people()
        yield from self._counts()
        yield from self._ledger()

    def _money(self) -> Iterator[str]:
        documents = list(self.client.read_all("disbursement", "/spending-proposals"))
        recorded = self.record.documents
        yield from differences(
            "document",
            {id_: (d.line_id, d.amount_won, d.state, d.committed_won, d.paid_won) for id_, d in recorded.items()},
            {
                d["id"]: (d["budget_line_id"], d["amount_won"], d["state"], d["committed_won"], d["paid_won"])
                for d in documents
            },
        )
        shown = [self.client.read("disbursement", f"/spending-proposals/{d['id']}") for d in documents]
        yield from differences(
            "payments of document",
            {id_: (d.payments, d.paid_won) for id_, d in recorded.items()},
            {d["id"]: (len(d["payments"]), sum(p["amount_won"] for p in d["payments"])) for d in shown},
        )
        lines = {
            line: (sum(d.committed_won for d in of_line), sum(d.paid_won for d in of_line))
            for line in LINES
            for of_line in [[d for d in recorded.values() if d.line_id == line]]
        }
        posted = self.client.read("ledger", "/execution")["rows"]
        yield from differences(
            "line of the ledger", lines, {row["line_id"]: (row["committed"], row["expended"]) for row in posted}
        )
        appropriated = LINES | {PROBE: self.record.probes}
        yield from differences(
            "appropriation in the ledger",
            appropriated,
            {row["line_id"]: row["current_appropriation"] for row in posted},
        )
        for line, (committed_won, _) in lines.items():
            if committed_won > appropriated[line]:
                yield f"line {line}: {committed_won} won committed of {appropriated[line]}"

    def _goods(self) -> Iterator[str]:
        shipments, lots = self.record.shipments, self.record.lots
        found = list(self.client.read_all("inventory", "/shipments"))
        yield from differences(
            "shipment",
            {id_: (s.item_id, s.quantity, s.delivered, s.state) for id_, s in shipments.items()},
            {
                s["id"]: (
                    s["lines"][0]["item_id"],
                    sum(line["quantity"] for line in s["lines"]),
                    sum(line["received_quantity"] for line in s["lines"]),
                    s["state"],
                )
                for s in found
            },
        )
        stock = [lot for lot in self.client.read_all("inventory", "/stock") if lot["depot_id"] == DEPOT]
        yield from differences("lot", lots, {lot["id"]: (lot["item_id"], lot["received"]) for lot in stock})
        came, left, arrived = Counter[str](), Counter[str](), Counter[str]()
        for item, quantity in lots.values():
            came[item] += quantity
        for shipment in shipments.values():
            left[shipment.item_id] += shipment.quantity if shipment.has_left else 0
            arrived[shipment.item_id] += shipment.delivered
        posted = self.client.read("ledger", "/goods")["items"]
        yield from differences(
            "item of the ledger",
            {item: (came[item], left[item], arrived[item]) for item in ITEMS},
            {row["item_id"]: (row["received"], row["dispatched"], row["delivered"]) for row in posted},
        )

    def _people(self) -> Iterator[str]:
        recorded = self.record.sign_ups
        yield from differences(
            "sign-up",
            {id_: (sign_up.shift_id, sign_up.state) for id_, sign_up in recorded.items()},
            {
                found["id"]: (found["shift_id"], found["state"])
                for shifts in SHIFTS.values()
                for shift in shifts
                for found in self.client.read_all("dispatch", f"/shifts/{shift}/sign-ups", Role.VOLUNTEER_MANAGER)
            },
        )
        held = Counter(sign_up.shift_id for sign_up in recorded.values() if sign_up.state == "confirmed")
        applied = Counter(sign_up.shift_id for sign_up in recorded.values())
        posted = self.client.read("ledger", "/people")["items"]
        yield from differences(
            "task of the ledger",
            {task: (sum(applied[s] for s in shifts), sum(held[s] for s in shifts)) for task, shifts in SHIFTS.items()},
            {row["task_id"]: (row["applied"], row["confirmed"]) for row in posted},
        )

    def _counts(self) -> Iterator[str]:
        """What every owner counts by itself, and what the ledger counts after it."""
        acknowledged = self.record.counts(LINES)
        rows = ((row, *owned) for service, owned in OWNED.items() for row in self.client.read_all(service, "/balances"))
        owned = {(kind, row[id_], measure): row[measure] for row, kind, id_, measures in rows for measure in measures}
        yield from differences("count of the owner", acknowledged, without_zeros(owned))
        posted = self.client.read_all("ledger", "/counts")
        counted = {(row["kind"], row["id"], row["measure"]): row["amount"] for row in posted}
        yield from differences("count of the ledger", acknowledged, without_zeros(counted))

    def _ledger(self) -> Iterator[str]:
        """What the ledger finds by itself: events it could not take in, unknown ids, altered rows and much more."""
        for command, names in (("reconcile", ("findings", "counts", "sources")), ("verify", ("findings",))):
            finished = self._dure(command)
            if finished.returncode:
                said = json.loads(finished.stdout) if finished.stdout else {}
                reasons = {name: said.get(name) for name in names} if said else finished.stderr[-LONGEST_REASON:]
                yield f"dure {command} ends with {finished.returncode}: {str(reasons)[:LONGEST_REASON]}"

    def wait_until_posted(self) -> None:
        """Return once the ledger has taken in what the sources recorded, or never will in time: that is a finding."""
        recorded = sum((self._totals(name) for name in PUBLISHERS), Counter[str]())
        deadline = time.monotonic() + CATCH_UP_TIMEOUT_SECONDS
        while self._totals("ledger") != recorded and time.monotonic() < deadline:
            self.client.stopping.wait(0.2)

    def _totals(self, service: str) -> Counter[str]:
        """How many events of each type the service has."""
        totals = self.client.read(service, "/control-totals")["items"]
        return Counter({total["event_type"]: total["count"] for total in totals})

    def _dure(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [find_program("dure"), command],
            env=self.stack.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_SECONDS,
        )


def without_zeros(counts: Mapping[Any, int]) -> dict[Any, int]:
    """What was never counted and what was counted back to nought are the same."""
    return {key: amount for key, amount in counts.items() if amount}


def differences(what: str, acknowledged: Mapping[Any, Hashable], found: Mapping[Any, Hashable]) -> Iterator[str]:
    """A sentence for each key whose value is not the acknowledged one, for each that is lost and each too many."""
    wrong = [key for key in acknowledged.keys() | found.keys() if acknowledged.get(key) != found.get(key)]
    for key in sorted(wrong)[:MOST_NAMED]:
        yield f"{what} {key}: acknowledged {acknowledged.get(key, 'nothing')}, found {found.get(key, 'nothing')}"
    if len(wrong) > MOST_NAMED:
        yield f"{what}: {len(wrong) - MOST_NAMED} more differ"
