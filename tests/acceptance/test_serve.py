"""`dure serve` as a newcomer meets it: it fills the demo, says where to go, and stops cleanly."""

import json
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from deploy.local.process import free_port
from services.portal import demo
from shared.auth import Role
from tests.acceptance.conftest import Home

AS_OF = "2025-04-11"
LARGEST_MEMORY_BYTES = 300_000_000


@contextmanager
def serving(folder: Path, *, seconds: float = 90) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server that is ready, and its URL."""
    port = free_port()
    process = Home({"DURE_HOME": str(folder), "PORT": str(port)}).start("serve")
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + seconds
        while not is_ready(url):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, url
    finally:
        process.kill()
        process.communicate()


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def ask(url: str, path: str, body: Any = None) -> Any:
    headers = {"Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers), timeout=10) as answer:
        return json.load(answer)


def test_an_empty_home_is_filled_and_every_demo_account_signs_in(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, url):
        for account in demo.ACCOUNTS:
            answer = ask(url, "/api/situation/v1/tokens", {"account": account.id, "password": demo.PASSWORD})
            held = {(grant["role"], grant["body_id"]) for grant in answer["grants"]}
            assert held == {(account.role.value, account.body_id)}
        assert {account.role for account in demo.ACCOUNTS} == set(Role) - {Role.IMPORTER}
        report = ask(url, f"/api/ledger/v1/execution?as_of={AS_OF}")
        assert report["rows"][0]["commitment_rate"] == "83.3"
        assert psutil.Process(process.pid).memory_info().rss < LARGEST_MEMORY_BYTES
        assert psutil.Process(process.pid).children() == []
        assert report == json.loads(Home({"DURE_HOME": str(tmp_path)}).report(AS_OF))
        process.send_signal(signal.SIGINT)
        said, complaints = process.communicate(timeout=30)
        assert process.returncode == 0
        assert url in said.decode()
        assert all(account.id in said.decode() for account in demo.ACCOUNTS)
        assert "Traceback" not in complaints.decode()


def test_a_server_killed_while_filling_completes_on_the_next_start(tmp_path: Path, embedded: Home) -> None:
    port = free_port()
    first = Home({"DURE_HOME": str(tmp_path), "PORT": str(port)}).start("serve")
    deadline = time.monotonic() + 60
    while not (tmp_path / "dure_dispatch.db").exists() or is_empty(tmp_path / "dure_dispatch.db"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    first.kill()
    first.communicate()
    with serving(tmp_path):
        assert Home({"DURE_HOME": str(tmp_path)}).report(AS_OF) == embedded.report(AS_OF)


def is_empty(database: Path) -> bool:
    """Whether loading has not come to the volunteers yet."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return not connection.execute("SELECT 1 FROM sign_ups LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()


def test_a_taken_port_is_named_and_another_suggested(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = Home({"DURE_HOME": str(tmp_path), "PORT": str(port)}).run("serve")
    assert finished.returncode == 2
    assert str(port) in finished.stderr.decode()


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, _):
        before = Home({"DURE_HOME": str(tmp_path)}).report(AS_OF)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    with serving(tmp_path):
        assert Home({"DURE_HOME": str(tmp_path)}).report(AS_OF) == before != b""
