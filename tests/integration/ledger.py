"""disbursement and the ledger with the bus between them, for the tests of the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.disbursement.app import create_app as create_disbursement
from services.ledger import consumers, operations, rebuilding, verification
from services.ledger.app import create_app as create_ledger
from services.ledger.app import create_reader
from shared.auth import Role
from shared.bus import Bus, Record, open_bus
from shared.config import Settings
from shared.db import Database
from shared.events import Event
from shared.http import EXTENSION
from shared.outbox import Relay, topic_of
from tests.support import Caller, FixedClock

MILLION = 1_000_000
STEPS = ("review", "approve", "commit", "payments")


@dataclass
class Money:
    """A fund with one line of 2025, `relief`, that has a thousand million won from the first of January on."""

    disbursement: Caller
    ledger: Caller
    bus: Bus
    clock: FixedClock
    settings: Settings

    def __post_init__(self) -> None:
        source = self.disbursement.client.application.extensions[EXTENSION]
        self.source: Database = source.database
        self.outbox: sa.Table = source.outbox
        self.database: Database = self.ledger.client.application.extensions[EXTENSION].database
        self.relay = Relay(source.database, source.outbox, self.bus, self.clock)
        self.reader = create_reader(self.database, self.bus, self.clock)

    def settle(self) -> None:
        """Publish and post everything."""
        while self.relay.run_once() or not self.reader.is_caught_up():
            self.reader.run_once(timeout_seconds=0.01)

    def imports(self, path: str, body: dict[str, Any], account: str = "importer", **options: Any) -> Any:
        return self.disbursement.post(path, body, Role.IMPORTER, account=account, **options)

    def appropriate(self, amount_won: int, on: str, kind: str = "original_appropriation") -> Any:
        body = {"kind": kind, "amount_won": amount_won, "effective_date": on}
        if kind != "original_appropriation":
            body |= {"authority_reference": "의회 의결", "decided_on": on}
        return self.imports("/budget-lines/relief/appropriations", body)

    def spend(self, id_: str, amount_won: int, on: str, until: str = "payments", **content: Any) -> Any:
        """Take a document through its duties, each by an account of its own; return the last answer."""
        about = {"purpose": "구호", "payee": "대한적십자사", "budget_line_id": "relief"}
        body = {"id": id_, "amount_won": amount_won, "effective_date": on, **about, **content}
        answer = self.imports("/spending-proposals", body, "drafter")
        for action in STEPS:
            step: dict[str, Any] = {"effective_date": on}
            if action == "payments":
                step |= {"amount_won": amount_won, "id": f"{id_}-payment"}
            path = f"/spending-proposals/{id_}/{action}"
            answer = self.imports(path, step, action, version=answer.json["version"])
            if action == until or answer.status_code >= 400:
                return answer
        return answer

    def execution(self, as_of: str, known_at: str | None = None) -> dict[str, Any]:
        query = f"/execution?as_of={as_of}" + (f"&known_at={known_at}" if known_at else "")
        (row,) = self.ledger.get(query).json["rows"]
        return dict(row)

    def send(self, *events: Event | bytes) -> None:
        """Put records onto the topic of disbursement, as no service would."""
        topic = topic_of("disbursement")
        raw = [event if isinstance(event, bytes) else event.to_bytes() for event in events]
        producer = self.bus.producer()
        producer.send([Record(topic, "relief", one) for one in raw])
        producer.close()

    def findings(self, as_of: str = "2025-04-11") -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self.ledger.get(f"/reconciliation?as_of={as_of}", Role.AUDITOR).json["findings"]
        return answer

    def verified(self) -> dict[str, Any]:
        with self.database.read() as tx:
            return verification.verify(tx, self.settings.anchor_key, operations.chains(tx))

    def drift(self) -> list[dict[str, Any]]:
        with self.database.read() as tx:
            drift: list[dict[str, Any]] = rebuilding.check(tx)["drift"]
        return drift


@contextmanager
def opened_money(settings: Settings, clock: FixedClock) -> Iterator[Money]:
    bus = open_bus(settings.bus_url)
    bus.create_topics(consumers.TOPICS)
    apps = create_disbursement(settings, clock), create_ledger(settings, clock)
    callers = [Caller(app, app.name, settings, clock) for app in apps]
    money = Money(callers[0], callers[1], bus, clock, settings)
    begun = {"effective_date": "2025-01-01"}
    money.imports("/funds", begun | {"id": "fund", "name": "지역교류협력기금", "fund_type": "fund"})
    line = {"id": "relief", "fund_id": "fund", "fiscal_year": 2025, "name": "구호지원", "policy_program": "교류"}
    money.imports("/budget-lines", begun | line)
    money.appropriate(1000 * MILLION, "2025-01-01")
    try:
        yield money
    finally:
        money.reader.close()
        money.relay.close()
        for app in apps:
            app.extensions[EXTENSION].database.close()
        bus.close()
