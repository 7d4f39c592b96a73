"""Calling a server: as several clients at once, or one call after the other."""

import functools
import http.client
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from deploy.local.process import LOOPBACK
from shared.auth import Role, issue_token
from shared.clock import SystemClock
from tests.bench.bench import SECRETS
from tests.support import actor

TIMEOUT_SECONDS = 30


class CallFailed(Exception):
    """The server answered with an error: then its speed means nothing."""


@dataclass(frozen=True)
class Call:
    path: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def signed(path: str, body: dict[str, Any], *roles: Role, account: str = "bench", version: int | None = None) -> Call:
    """A call of an API with a new Idempotency-Key."""
    headers = {"Authorization": f"Bearer {token_of(account, *roles)}", "Idempotency-Key": uuid4().hex}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    return Call(path, body, headers)


@functools.cache
def token_of(account: str, *roles: Role) -> str:
    """One for all calls of an account, which signs in once for a day's work."""
    return issue_token(actor(*roles, account=account), signing_key=SECRETS["DURE_SIGNING_KEY"], now=SystemClock().now())


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_SECONDS)

    def post(self, call: Call) -> Any:
        """Raises CallFailed."""
        headers = {"Content-Type": "application/json", **call.headers}
        self.connection.request("POST", call.path, json.dumps(call.body), headers)
        return self._answer(call.path)

    def get(self, call: Call) -> Any:
        """Raises CallFailed."""
        self.connection.request("GET", call.path, headers=call.headers)
        return self._answer(call.path)

    def _answer(self, path: str) -> Any:
        response = self.connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise CallFailed(f"{path}: {response.status} {content.decode()[:500]}")
        return json.loads(content)

    def close(self) -> None:
        self.connection.close()


def drive(port: int, calls: Sequence[Call], clients: int) -> tuple[float, list[float]]:
    """Post all calls by parallel clients: seconds in all, and of each call. Raises CallFailed."""

    def work(mine: Sequence[Call]) -> list[float]:
        seconds = []
        with closing(Client(port)) as client:
            for call in mine:
                began = time.perf_counter()
                client.post(call)
                seconds.append(time.perf_counter() - began)
        return seconds

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        shares = list(pool.map(work, [calls[start::clients] for start in range(clients)]))
    return time.perf_counter() - started, [one for share in shares for one in share]
