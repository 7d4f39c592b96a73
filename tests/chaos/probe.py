"""The probe that tells when the system works again: new calls, followed until their figures are reported."""

import time
from datetime import UTC, datetime
from typing import Final

from deploy.local.stack import PUBLISHERS, SERVICES
from shared.auth import Role
from shared.clock import seoul_date
from tests.chaos.client import Abandoned, Client, Unanswered
from tests.chaos.load import DEPOT
from tests.chaos.record import PROBE, Record, SignUp

LOOK_SECONDS: Final = 0.1
READY: Final = ("/readyz", *(f"/api/{name}/readyz" for name in SERVICES))


class Probe:
    """One new fact about money, goods and people each, from its acknowledgement to the ledger's reports."""

    def __init__(self, client: Client, record: Record) -> None:
        self.client = client
        self.record = record

    def pass_through(self, *, timeout_seconds: float) -> None:
        """Record one more of each, wait until the ledger reports them and every service is ready.

        Raises Unanswered, Refused and Abandoned.
        """
        deadline = time.monotonic() + timeout_seconds
        self._record_one_more()
        while self.reported() != (self.record.probes,) * 3 or not all(map(self.client.is_answered, READY)):
            if time.monotonic() > deadline:
                raise Unanswered(f"probe {self.record.probes} is not reported after {timeout_seconds:g} s")
            if self.client.stopping.wait(LOOK_SECONDS):
                raise Abandoned

    def _record_one_more(self) -> None:
        number = self.record.probes + 1
        id_ = f"{PROBE}-{number}"
        decision = {"authority_reference": "의회 의결", "decided_on": seoul_date(datetime.now(UTC)).isoformat()}
        grant = {"kind": "supplementary_appropriation", "amount_won": 1, **decision}
        path = f"/budget-lines/{PROBE}/appropriations"
        self.client.change(Role.BUDGET_OFFICER, "disbursement", path, grant, key=id_)
        lot = {"id": id_, "item_id": PROBE, "depot_id": DEPOT, "quantity": 1, "source": "시 비축"}
        self.client.change(Role.COORDINATOR, "inventory", "/receipts", lot, key=id_)
        self.record.lots[id_] = PROBE, 1
        who = {"id": id_, "name": f"시연 봉사자 {number}", "phone": f"010-0000-{number:04}", "consent": True}
        answer = self.client.change(Role.VOLUNTEER_MANAGER, "dispatch", f"/shifts/{PROBE}/sign-ups", who, key=id_)
        self.record.sign_ups[id_] = SignUp(PROBE, answer["state"])
        self.record.probes = number

    def reported(self) -> tuple[int, int, int]:
        """Won appropriated, goods received and people applied, as the ledger reports them of all probes."""
        read = self.client.read
        return (
            sum(
                row["current_appropriation"] for row in read("ledger", "/execution")["rows"] if row["line_id"] == PROBE
            ),
            sum(row["received"] for row in read("ledger", "/goods")["items"] if row["item_id"] == PROBE),
            sum(row["applied"] for row in read("ledger", "/people")["items"] if row["task_id"] == PROBE),
        )

    def events(self) -> int:
        """How many events the sources have recorded so far."""
        totals = [self.client.read(name, "/control-totals")["items"] for name in PUBLISHERS]
        return sum(row["count"] for rows in totals for row in rows)
