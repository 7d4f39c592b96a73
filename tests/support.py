"""Small tools of the tests: a clock that is set by hand, and a caller with roles."""

from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

from flask import Flask
from werkzeug.test import TestResponse

from shared.auth import Actor, Role, issue_token
from shared.config import Settings


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


class Caller:
    """Calls one service's API as any account with any roles."""

    keys = count(1)

    def __init__(self, app: Flask, service: str, settings: Settings, clock: FixedClock) -> None:
        self.client = app.test_client()
        self.prefix = f"/api/{service}/v1"
        self.settings = settings
        self.clock = clock

    def token(self, *roles: Role, account: str = "x") -> str:
        actor = Actor(account, frozenset(roles))
        return issue_token(actor, secret=self.settings.secret, now=self.clock.now())

    def get(self, path: str, *roles: Role, account: str = "x") -> Answer:
        return self._send("GET", path, None, roles, account, None, None)

    def post(
        self, path: str, json: Any, *roles: Role, account: str = "x", key: str | None = None, version: int | None = None
    ) -> Answer:
        return self._send("POST", path, json, roles, account, key, version)

    def patch(
        self, path: str, json: Any, *roles: Role, account: str = "x", key: str | None = None, version: int | None = None
    ) -> Answer:
        return self._send("PATCH", path, json, roles, account, key, version)

    def _send(
        self,
        method: str,
        path: str,
        json: Any,
        roles: tuple[Role, ...],
        account: str,
        key: str | None,
        version: int | None,
    ) -> Answer:
        headers = {"Idempotency-Key": key or f"test-{next(self.keys)}"}
        if roles:
            headers["Authorization"] = f"Bearer {self.token(*roles, account=account)}"
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return cast(Answer, self.client.open(self.prefix + path, method=method, json=json, headers=headers))
