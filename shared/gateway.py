"""Calls of the services' APIs: over the network, or inside one process where all services run in it.

Both ways behave the same. A failure on the way is an answer like any other (503 with a problem), so that a
page can show it.
"""

import json as json_codec
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx
import structlog

from shared.problems import MEDIA_TYPE, TYPE_PREFIX
from shared.telemetry import CORRELATION_HEADER

TIMEOUT_SECONDS: Final = 10
ATTEMPTS: Final = 2
UNAVAILABLE: Final = {
    "ko": "{service} 서비스에 연결할 수 없습니다. 잠시 뒤 다시 시도하십시오. 다시 보내도 한 번만 반영됩니다.",
    "en": "The service {service} cannot be reached. Try again in a moment; a repeat counts once.",
}

log = structlog.get_logger()


@dataclass(frozen=True)
class Reply:
    """An answer of a service. `body` is the decoded JSON, or None where the content is something else."""

    status: int
    body: Any
    headers: Mapping[str, str]
    content: bytes = b""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_problem(self) -> bool:
        return self.headers.get("content-type", "").startswith(MEDIA_TYPE) and isinstance(self.body, dict)


class Gateway:
    """One client per service, shared by all threads."""

    def __init__(self, open_client: Callable[[str], httpx.Client]) -> None:
        self._open_client = open_client
        self._clients: dict[str, httpx.Client] = {}

    @classmethod
    def local(cls, apps: Mapping[str, Any]) -> Self:
        """To WSGI apps in this process, by service name."""

        def open_client(service: str) -> httpx.Client:
            transport = httpx.WSGITransport(apps[service], raise_app_exceptions=False)
            return httpx.Client(transport=transport, base_url=f"http://{service}.local")

        return cls(open_client)

    @classmethod
    def remote(cls, pattern: str) -> Self:
        """Over the network; `pattern` is a URL with `{service}` in it."""

        def open_client(service: str) -> httpx.Client:
            return httpx.Client(base_url=pattern.format(service=service), timeout=TIMEOUT_SECONDS)

        return cls(open_client)

    def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: Any = None,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
        version: int | None = None,
        language: str = "ko",
        correlation_id: str | None = None,
        client_address: str | None = None,
        acting_body: str | None = None,
    ) -> Reply:
        """Ask `service`. `path` is below `/api/<service>/v1`; queries of None are left out."""
        headers = {
            "Accept-Language": language,
            "Authorization": f"Bearer {token}" if token else None,
            "Idempotency-Key": key,
            "If-Match": None if version is None else f'"{version}"',
            "Acting-Body": acting_body,
            CORRELATION_HEADER: correlation_id,
            "X-Forwarded-For": client_address,
        }
        request = self._client(service).build_request(
            method,
            f"/api/{service}/v1{path}",
            json=json,
            params={name: value for name, value in (query or {}).items() if value is not None},
            headers={name: value for name, value in headers.items() if value is not None},
        )
        return self._send(service, request, language)

    def is_reachable(self, service: str) -> bool:
        client = self._client(service)
        return self._send(service, client.build_request("GET", f"/api/{service}/healthz"), "en").ok

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _client(self, service: str) -> httpx.Client:
        # Two threads may both open one at first; the one that is not kept holds no connection yet.
        if service not in self._clients:
            self._clients.setdefault(service, self._open_client(service))
        return self._clients[service]

    def _send(self, service: str, request: httpx.Request, language: str) -> Reply:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._client(service).send(request)
            except httpx.TransportError as error:
                log.warning(
                    "service not reached", service=service, path=request.url.path, attempt=attempt, error=repr(error)
                )
                if isinstance(error, httpx.TimeoutException):
                    break  # the user has waited long enough
                # A server that closed an idle connection is the usual cause. A repeat is safe: a request either
                # only reads or carries a key that makes it count once.
                continue
            return reply_of(response, service, language)
        return unavailable(service, language)


def reply_of(response: httpx.Response, service: str, language: str) -> Reply:
    media_type = response.headers.get("content-type", "").partition(";")[0]
    body = None
    if media_type in ("application/json", MEDIA_TYPE):
        try:
            body = json_codec.loads(response.content)
        except ValueError:
            return unavailable(service, language)
    elif response.status_code >= 500:  # a proxy's own page, not a word of the service
        return unavailable(service, language)
    return Reply(response.status_code, body, response.headers, response.content)


def unavailable(service: str, language: str) -> Reply:
    """The problem shown when no answer came."""
    body = {
        "type": TYPE_PREFIX + "service-unavailable",
        "title": "Service unavailable",
        "status": 503,
        "detail": UNAVAILABLE["en" if language == "en" else "ko"].format(service=service),
        "service": service,
    }
    return Reply(503, body, {"content-type": MEDIA_TYPE}, json_codec.dumps(body, ensure_ascii=False).encode())
