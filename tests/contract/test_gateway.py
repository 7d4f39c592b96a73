"""One suite for both ways of the gateway: in one process and over the network."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Response, request
from werkzeug.serving import make_server

from deploy.local.process import free_port
from shared.gateway import Gateway, Reply


def echo_app() -> Flask:
    """A service that answers with what it was asked."""
    app = Flask("echo")

    @app.route("/api/echo/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.route("/api/echo/v1/echo", methods=["GET", "POST"])
    def echo() -> tuple[dict[str, Any], int, dict[str, str]]:
        heard = {
            "method": request.method,
            "query": request.args.to_dict(),
            "json": request.get_json(silent=True),
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }
        return heard, 201 if request.method == "POST" else 200, {"ETag": '"7"'}

    @app.route("/api/echo/v1/refusal")
    def refusal() -> Response:
        body = {
            "type": "urn:dure:problem:over-commitment",
            "status": 409,
            "detail": "잔액이 부족합니다.",
            "short_by_won": 1,
        }
        return Response(json.dumps(body), status=409, content_type="application/problem+json")

    @app.route("/api/echo/v1/file")
    def file() -> Response:
        return Response(b"PK\x03\x04", content_type="application/octet-stream")

    @app.route("/api/echo/v1/proxy-page")
    def proxy_page() -> Response:
        return Response("<h1>502 Bad Gateway</h1>", status=502, content_type="text/html")

    @app.route("/api/echo/v1/cut-short")
    def cut_short() -> Response:
        return Response('{"items": [', content_type="application/json")

    return app


@pytest.fixture(params=["local", "remote"])
def gateway(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    if request.param == "local":
        yield Gateway.local({"echo": echo_app()})
        return
    server = make_server("127.0.0.1", free_port(), echo_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    gateway = Gateway.remote(f"http://127.0.0.1:{server.port}")
    try:
        yield gateway
    finally:
        gateway.close()
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_call_carries_everything_it_was_given(gateway: Gateway) -> None:
    reply = gateway.call(
        "echo",
        "POST",
        "/echo",
        token="signed",
        json={"quantity": 549},
        query={"region": "안동시", "after": None},
        key="key-1",
        version=3,
        language="en",
        correlation_id="c-1",
        client_address="192.0.2.7",
        acting_body="city",
    )

    assert (reply.status, reply.ok, reply.headers["etag"]) == (201, True, '"7"')
    assert reply.body["json"] == {"quantity": 549}
    assert reply.body["query"] == {"region": "안동시"}
    headers = reply.body["headers"]
    assert headers["authorization"] == "Bearer signed"
    assert headers["idempotency-key"] == "key-1"
    assert headers["if-match"] == '"3"'
    assert headers["accept-language"] == "en"
    assert headers["x-correlation-id"] == "c-1"
    assert headers["x-forwarded-for"] == "192.0.2.7"
    assert headers["acting-body"] == "city"


def test_a_plain_read_claims_nothing(gateway: Gateway) -> None:
    headers = gateway.call("echo", "GET", "/echo").body["headers"]

    assert headers.keys().isdisjoint({"authorization", "idempotency-key", "if-match", "acting-body", "x-forwarded-for"})
    assert headers["accept-language"] == "ko"


def test_a_refusal_is_an_answer_with_its_numbers(gateway: Gateway) -> None:
    reply = gateway.call("echo", "GET", "/refusal")

    assert (reply.status, reply.ok, reply.is_problem) == (409, False, True)
    assert reply.body["short_by_won"] == 1


def test_a_file_passes_unchanged(gateway: Gateway) -> None:
    reply = gateway.call("echo", "GET", "/file")

    assert (reply.status, reply.body, reply.content) == (200, None, b"PK\x03\x04")


@pytest.mark.parametrize("path", ["/proxy-page", "/cut-short"])
def test_what_is_no_answer_of_the_service_reads_as_unavailable(gateway: Gateway, path: str) -> None:
    assert_unavailable(gateway.call("echo", "GET", path))


def test_a_living_service_is_reachable(gateway: Gateway) -> None:
    assert gateway.is_reachable("echo")


def test_calls_from_many_threads_get_their_own_answers(gateway: Gateway) -> None:
    answers: dict[int, Any] = {}

    def ask(number: int) -> Callable[[], None]:
        def run() -> None:
            answers[number] = gateway.call("echo", "GET", "/echo", query={"number": number}).body["query"]["number"]

        return run

    threads = [threading.Thread(target=ask(number)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {number: str(number) for number in range(20)}


def test_a_service_that_is_away_is_an_answer_too() -> None:
    gateway = Gateway.remote(f"http://127.0.0.1:{free_port()}")

    assert_unavailable(gateway.call("echo", "GET", "/echo"))
    assert not gateway.is_reachable("echo")


def assert_unavailable(reply: Reply) -> None:
    assert (reply.status, reply.is_problem) == (503, True)
    assert reply.body["type"] == "urn:dure:problem:service-unavailable"
    assert "echo" in reply.body["detail"]
