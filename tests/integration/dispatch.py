"""The service of volunteers as its tests use it, with short words for what is done with it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
import sqlalchemy as sa

from services.dispatch import store
from services.dispatch.app import create_app
from shared.auth import Role
from shared.config import Settings
from shared.db import Database
from shared.http import EXTENSION
from tests.support import Answer, Caller, FixedClock

MANAGER: Final = Role.VOLUNTEER_MANAGER
MORNING, NOON, EVENING = (f"2025-04-12T{hour}:00:00Z" for hour in ("00", "03", "09"))
YEONGNAM: Final = "yeongnam-wildfires-2025"
ANDONG: Final = "4717000000"
HONG: Final = {"name": "홍길동", "phone": "010-1234-5678", "consent": True}
TENTS: Final = {
    "id": "tents",
    "disaster_id": YEONGNAM,
    "title": "이재민 텐트 철거",
    "english_title": "Taking down tents",
    "place": "안동체육관",
    "site_id": "andong-gymnasium",
    "region_id": ANDONG,
    "kind": "general",
    "selection": "first_come",
    "host_organisation": "자원봉사센터",
}
CLINIC: Final = {"kind": "medical", "selection": "selected", "required_credential": "medical_licence"}
LICENCE: Final = {"kind": "medical_licence", "number": "의사-12345"}


@dataclass
class Dispatch:
    """The service and short words for what is done with it."""

    call: Caller
    database: Database
    clock: FixedClock

    def caller(self) -> Caller:
        """Another caller, for a thread of its own."""
        return Caller(self.call.client.application, "dispatch", self.call.settings, self.clock)

    def propose(self, id_: str, *roles: Role, account: str = "proposer", body: str = "city", **content: Any) -> Answer:
        return self.call.post(
            "/tasks", TENTS | {"id": id_} | content, *(roles or (MANAGER,)), account=account, body=body
        )

    def task(self, id_: str, *, body: str = "city", **content: Any) -> None:
        """An approved task; one account proposes and another approves."""
        assert self.propose(id_, body=body, **content).status_code == 201
        approved = self.call.post(f"/tasks/{id_}/approve", {}, MANAGER, account="other", body=body, version=1)
        assert approved.status_code == 200

    def shift(
        self, task_id: str, id_: str, seats: int, starts_at: str = MORNING, ends_at: str = EVENING, body: str = "city"
    ) -> None:
        content = {"id": id_, "starts_at": starts_at, "ends_at": ends_at, "seats": seats}
        assert self.call.post(f"/tasks/{task_id}/shifts", content, MANAGER, body=body).status_code == 201

    def sign_up(self, shift_id: str, phone: str = "010-1234-5678", *roles: Role, **content: Any) -> Answer:
        return self.call.post(f"/shifts/{shift_id}/sign-ups", HONG | {"phone": phone} | content, *roles)

    def step(self, sign_up_id: str, step: str, version: int, *roles: Role, **body: Any) -> Answer:
        return self.call.post(f"/sign-ups/{sign_up_id}/{step}", body, *(roles or (MANAGER,)), version=version)

    def seats(self, shift_id: str) -> tuple[int, int]:
        """Seats and how many are taken, as the table has them."""
        with self.database.read() as tx:
            row = tx.execute(sa.select(store.shifts).where(store.shifts.c.id == shift_id)).one()
        return row.seats, row.taken

    def events(self, subject: str | None = None) -> list[dict[str, Any]]:
        with self.database.read() as tx:
            told = [json.loads(body) for body in tx.execute(sa.select(store.outbox.c.body).order_by("id")).scalars()]
        return [event for event in told if subject in (None, event["subject"])]

    def everything_stored(self) -> str:
        """All rows of all tables as one text."""
        with self.database.read() as tx:
            rows = [row for table in store.metadata.sorted_tables for row in tx.execute(sa.select(table))]
        return "\n".join(
            " ".join(cell.decode() if isinstance(cell, bytes) else str(cell) for cell in row) for row in rows
        )


@pytest.fixture(name="dispatch")
def dispatch_service(settings: Settings, clock: FixedClock) -> Iterator[Dispatch]:
    app = create_app(settings, clock)
    database: Database = app.extensions[EXTENSION].database
    yield Dispatch(Caller(app, "dispatch", settings, clock), database, clock)
    database.close()


def slug(answer: Answer) -> str:
    return str(answer.json["type"]).rpartition(":")[2]
