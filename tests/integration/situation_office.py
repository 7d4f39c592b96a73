"""A situation room to test: its API, what it published, and the places and bodies of the 2025 Yeongnam wildfires."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import sqlalchemy as sa
from flask import Flask

from services.situation import app as situation
from services.situation import store
from services.situation.domain.regions_file import read_regions
from shared.auth import Role
from shared.clock import Clock
from shared.config import Settings
from shared.events import Event
from shared.http import EXTENSION, Service
from tests.support import Answer, Caller, FixedClock

ADMINISTRATOR, IMPORTER = Role.ADMINISTRATOR, Role.IMPORTER
REGIONS: Final = (Path(situation.__file__).parent / "regions.csv").read_text(encoding="utf-8")
GYEONGBUK, GYEONGNAM, ANDONG, UISEONG, SANCHEONG = (
    "4700000000",
    "4800000000",
    "4717000000",
    "4773000000",
    "4886000000",
)
AFFECTED: Final = [ANDONG, UISEONG, "4775000000", "4776000000", "4777000000", "4885000000", SANCHEONG]
GROUP: Final = {
    "id": "group-yeongnam-wildfires-2025",
    "name": "2025 영남 산불 피해 시·군",
    "english_name": "Cities and counties of the 2025 Yeongnam wildfires",
    "kind": "group",
    "member_ids": AFFECTED,
}
WILDFIRE: Final = {"id": "yeongnam", "name": "2025 영남 산불", "kind": "wildfire", "began_on": "2025-03-22"}
BODIES: Final = (
    {"id": "city", "name": "시", "kind": "city"},
    {"id": "districts", "name": "자치구", "kind": "district"},
    {"id": "volunteer-centre", "name": "시 자원봉사센터", "kind": "volunteer_centre"},
    {"id": "red-cross", "name": "대한적십자사 시지사", "english_name": "Korean Red Cross", "kind": "red_cross"},
)
PASSWORD: Final = "산불 없는 봄 2025"


class Office(Caller):
    """Calls the situation service; what is not said otherwise is done by an administrator of the city."""

    def __init__(self, app: Flask, settings: Settings, clock: FixedClock) -> None:
        super().__init__(app, "situation", settings, clock)
        service: Service = app.extensions[EXTENSION]
        self.database = service.database

    def done(self, path: str, json: Any, *roles: Role, **options: Any) -> Any:
        """What was answered to a change that was accepted."""
        answer = self.post(path, json, *(roles or (ADMINISTRATOR,)), **options)
        assert answer.status_code == 201, answer.text
        return answer.json

    def refused(self, path: str, json: Any, *roles: Role, **options: Any) -> tuple[int, str]:
        """The status and the kind of problem of a change that was not accepted."""
        return problem(self.post(path, json, *(roles or (ADMINISTRATOR,)), **options))

    def shown(self, path: str, *roles: Role, **options: Any) -> Any:
        answer = self.get(path, *roles, **options)
        assert answer.status_code == 200, answer.text
        return answer.json

    def sign_in(self, account: str, password: str = PASSWORD) -> Answer:
        credentials = {"account": account, "password": password}
        return cast(Answer, self.client.post(f"{self.prefix}/tokens", json=credentials))

    def token_of(self, account: str, password: str = PASSWORD) -> str:
        answer = self.sign_in(account, password)
        assert answer.status_code == 201, answer.text
        token: str = answer.json["token"]
        return token

    def open_account(self, account: str, *roles: Role, **grant: Any) -> Any:
        """An account with these roles for the city, from today on if nothing else is said."""
        grants = [{"role": role, "body_id": "city", **grant} for role in roles]
        new = {"id": account, "display_name": "홍길동", "password": PASSWORD, "grants": grants}
        return self.done("/accounts", new)

    def as_bearer(self, token: str, path: str, json: Any = None, *, version: int | None = None) -> Answer:
        """A call with a token that was signed in for: a change if there is something to say, else a question."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"bearer-{next(self.keys)}"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        method = "GET" if json is None else "POST"
        return cast(Answer, self.client.open(self.prefix + path, method=method, json=json, headers=headers))

    def published(self) -> list[Event]:
        with self.database.read() as tx:
            rows = tx.execute(sa.select(store.outbox.c.body).order_by(store.outbox.c.id))
            return [Event.from_bytes(bytes(row.body)) for row in rows]

    def facts(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """Effective date and payload of the events with this name, in order."""
        return [
            (event.effective_date.isoformat(), msgspec.json.decode(event.data))
            for event in self.published()
            if event.type == f"situation.{name}.v1"
        ]

    def later(self, **time: float) -> None:
        assert isinstance(self.clock, FixedClock)
        self.clock.set(self.clock.now() + timedelta(**time))

    def with_regions(self) -> "Office":
        began = {"effective_date": WILDFIRE["began_on"]}
        self.done("/region-imports", {"rows": read_regions(REGIONS), **began}, IMPORTER)
        self.done("/regions", GROUP | began, IMPORTER)
        return self

    def with_bodies(self) -> "Office":
        for body in BODIES:
            self.done("/bodies", {**body, "effective_date": WILDFIRE["began_on"]}, IMPORTER)
        return self

    def with_disaster(self) -> "Office":
        self.done("/disasters", {**WILDFIRE, "effective_date": "2025-03-22"}, IMPORTER)
        return self


@contextlib.contextmanager
def open_office(settings: Settings, clock: Clock) -> Iterator[Office]:
    assert isinstance(clock, FixedClock)
    office = Office(situation.create_app(settings, clock), settings, clock)
    yield office
    office.database.close()


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json["type"].removeprefix("urn:dure:problem:")
