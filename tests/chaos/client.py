"""Calls through the front door, each repeated under its own Idempotency-Key until the answer is definite."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, Self

import httpx

from shared.auth import Role, issue_token
from shared.problems import TYPE_PREFIX
from tests.support import actor

TIMEOUT_SECONDS: Final = 5
PAUSE_SECONDS: Final = 0.3
# Far above the worst time to recover: a call without an answer by then is a finding.
PATIENCE_SECONDS: Final = 180
PAGE_SIZE: Final = 1000


class Abandoned(Exception):
    """The run was stopped before the answer came."""


class Unanswered(Exception):
    """No definite answer in `PATIENCE_SECONDS`; the message names the call."""


class Refused(Exception):
    """A definite no of the service."""

    def __init__(self, call: str, problem: dict[str, Any]) -> None:
        super().__init__(f"{call}: {problem.get('status')} {problem.get('detail')}")
        self.kind = str(problem.get("type", "")).removeprefix(TYPE_PREFIX)


class Client:
    """One thread's way to the services. Every account holds one role for the city, so that no duty meets another."""

    def __init__(self, url: str, signing_key: str, stopping: threading.Event) -> None:
        self.signing_key = signing_key
        self.stopping = stopping
        self.acknowledged = 0
        self.repeats = 0
        # No proxy of the environment may come between, and a dead server's connection is not used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False, limits=limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def change(
        self, role: Role | None, service: str, path: str, body: dict[str, Any], *, key: str, version: int | None = None
    ) -> dict[str, Any]:
        """POST until answered. Without a role the call is anonymous. Raises Refused, Unanswered and Abandoned."""
        headers = {"Idempotency-Key": key} | ({} if version is None else {"If-Match": f'"{version}"'})
        answer = self._ask("POST", role, service, path, headers, json=body)
        self.acknowledged += 1
        return answer

    def read(self, service: str, path: str, **query: Any) -> dict[str, Any]:
        """GET until answered, as an auditor. Raises as `change`."""
        return self._ask("GET", Role.AUDITOR, service, path, {}, params=query)

    def read_all(self, service: str, path: str, role: Role = Role.AUDITOR) -> Iterator[dict[str, Any]]:
        """The items of every page."""
        after: int | None = 0
        while after is not None:
            page = self._ask("GET", role, service, path, {}, params={"limit": PAGE_SIZE, "after": after})
            yield from page["items"]
            after = page["next"]

    def is_answered(self, path: str) -> bool:
        """Whether this path of the front door answers with a success, asked once."""
        answer = self._definite("GET", path, {}, {})
        return answer is not None and answer.is_success

    def _ask(
        self, method: str, role: Role | None, service: str, path: str, headers: dict[str, str], **content: Any
    ) -> dict[str, Any]:
        call = f"{method} {service}{path}"
        if role is not None:
            headers["Authorization"] = f"Bearer {self._token(role)}"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._definite(method, f"/api/{service}/v1{path}", headers, content)
            if answer is not None:
                break
            self.repeats += 1
            if time.monotonic() > deadline:
                raise Unanswered(f"{call} has no answer after {PATIENCE_SECONDS} s")
            if self.stopping.wait(PAUSE_SECONDS):
                raise Abandoned
        if not answer.is_success:
            raise Refused(call, answer.json())
        body: dict[str, Any] = answer.json()
        return body

    def _definite(
        self, method: str, path: str, headers: dict[str, str], content: dict[str, Any]
    ) -> httpx.Response | None:
        """The answer, or None where it does not say whether the change was made or will be."""
        try:
            response = self.http.request(method, path, headers=headers, **content)
        except httpx.TransportError:
            return None
        is_told_to_wait = response.status_code == httpx.codes.TOO_MANY_REQUESTS
        return None if response.is_server_error or is_told_to_wait else response

    def _token(self, role: Role) -> str:
        account = actor(role, account=f"chaos-{role.value}")
        return issue_token(account, signing_key=self.signing_key, now=datetime.now(UTC))
