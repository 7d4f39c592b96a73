"""Small tools of the tests: a clock that is set by hand, and a caller with roles."""

from datetime import UTC, date, datetime
from itertools import count
from typing import Any, cast

import msgspec
from flask import Flask
from werkzeug.test import TestResponse

from shared.auth import Actor, Grant, Role, issue_token
from shared.config import Settings
from shared.events import Event, canonical_json


class FixedClock:
    """Stands still until it is set."""

    def __init__(self, moment: datetime = datetime(2025, 4, 11, 3, 0, tzinfo=UTC)) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def set(self, moment: datetime) -> None:
        self.moment = moment


class Answer(TestResponse):
    """A response that is taken to be JSON: a test that finds something else fails where it looks."""

    json: Any


BODY = "city"


def actor(*roles: Role, account: str = "x", body: str = BODY, disaster: str | None = None) -> Actor:
    """An account with these roles, all held for one body."""
    return Actor(account, frozenset(Grant(role, body, disaster) for role in roles))


class Caller:
    """Calls one service's API as any account with any roles, by default for the body `city` in every disaster."""

    keys = count(1)

    def __init__(self, app: Flask, service: str, settings: Settings, clock: FixedClock) -> None:
        self.client = app.test_client()
        self.prefix = f"/api/{service}/v1"
        self.settings = settings
        self.clock = clock

    def token(self, *roles: Role, **whom: Any) -> str:
        return issue_token(actor(*roles, **whom), signing_key=self.settings.signing_key, now=self.clock.now())

    def get(self, path: str, *roles: Role, **whom: Any) -> Answer:
        return self._send("GET", path, None, roles, **whom)

    def post(self, path: str, json: Any, *roles: Role, **options: Any) -> Answer:
        return self._send("POST", path, json, roles, **options)

    def patch(self, path: str, json: Any, *roles: Role, **options: Any) -> Answer:
        return self._send("PATCH", path, json, roles, **options)

    def _send(
        self,
        method: str,
        path: str,
        json: Any,
        roles: tuple[Role, ...],
        *,
        key: str | None = None,
        version: int | None = None,
        acting_body: str | None = None,
        **whom: Any,
    ) -> Answer:
        headers = {"Idempotency-Key": key or f"test-{next(self.keys)}"}
        if roles:
            headers["Authorization"] = f"Bearer {self.token(*roles, **whom)}"
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if acting_body is not None:
            headers["Acting-Body"] = acting_body
        return cast(Answer, self.client.open(self.prefix + path, method=method, json=json, headers=headers))


def fact(
    type_: str, data: dict[str, Any], *, id: str = "e1", subject: str = "s1", on: str = "2025-04-01", **more: Any
) -> Event:
    """An event as some service might have published it, whether or not it makes sense."""
    attributes: dict[str, Any] = {
        "id": id,
        "source": f"/dure/{type_.split('.', maxsplit=1)[0]}",
        "type": type_,
        "time": datetime(2025, 4, 1, tzinfo=UTC),
        "subject": subject,
        "effective_date": date.fromisoformat(on),
        "account": "x",
        "body_id": BODY,
        "correlation_id": "c",
        "causation_id": None,
        "aggregate_version": 1,
        "data": msgspec.Raw(canonical_json(data)),
    }
    return Event.of(**attributes | more)
