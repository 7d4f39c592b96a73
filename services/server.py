"""Running processes: the standalone server, and background workers that stop when told."""

import gc
import json
import logging
import signal
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from wsgiref.types import StartResponse, WSGIEnvironment

import click
from waitress.server import create_server

from services import loader, standalone
from services.portal import demo
from shared.app import database_answers
from shared.config import Settings
from shared.worker import Workers

THREADS = 8


@dataclass
class Site:
    """The standalone system behind a readiness that also waits for the demo to be filled in."""

    system: standalone.Standalone
    filled: threading.Event = field(default_factory=threading.Event)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/readyz":
            return self.system.wsgi(environ, start_response)
        checks = {name: database_answers(self.system.service(name).database) for name in standalone.NAMES}
        checks["scenario"] = self.filled.is_set()
        ready = all(checks.values())
        body = json.dumps({"status": "ready" if ready else "not ready", "checks": checks}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK" if ready else "503 Service Unavailable", headers)
        return [body]


def run(settings: Settings, scenario: Path) -> None:
    """Serve until SIGINT or SIGTERM. In the demo profile an empty home is filled with `scenario` first."""
    # More requests than threads is an ordinary moment; they wait their turn.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    system = standalone.create_app(settings)
    site = Site(system)
    try:
        server = create_server(site, host="127.0.0.1", port=settings.port, threads=THREADS)
    except OSError as error:
        click.echo(
            f"Port {settings.port} cannot be used: {error.strerror}. Choose another, for example PORT=8001.", err=True
        )
        system.close()
        sys.exit(2)
    workers = Workers(system.tasks()).start()
    stop_on_signals()
    preparing = threading.Thread(target=prepare, args=(site, settings, scenario), daemon=True)
    preparing.start()
    try:
        server.run()
    finally:
        workers.stop()
        server.close()
        system.close()
        click.echo("Stopped; everything accepted is on disk.", err=True)


def prepare(site: Site, settings: Settings, scenario: Path) -> None:
    """Fill the demo if nothing is there yet, then say where to go."""
    if settings.is_demo:
        try:
            loader.fill_demo(site.system.gateway, settings, scenario, site.system.post)
            site.system.drain()
        except loader.ScenarioError as error:
            click.echo(f"The demo scenario could not be loaded: {error}", err=True)
            return
    site.filled.set()
    click.echo(f"\nDure 두레  http://127.0.0.1:{settings.port}")
    if settings.is_demo:
        click.echo(f"Demo accounts (password {demo.PASSWORD}):")
        for account in demo.ACCOUNTS:
            click.echo(f"  {account.id:<20} {account.display_name}")
    click.echo("Stop with Ctrl-C.")


def run_workers(workers: Workers) -> None:
    """Run background workers until SIGINT or SIGTERM."""
    gc.freeze()  # what is loaded by now stays: no batch of events is to search through it for garbage
    stop_on_signals()
    workers.start()
    try:
        workers.stopping.wait()
    except KeyboardInterrupt:
        pass
    finally:
        workers.stop()


def stop_on_signals() -> None:
    """SIGINT is set as well: a shell that starts us in the background has it ignored."""
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def stop(_signal: int, _frame: Any) -> NoReturn:
    raise KeyboardInterrupt
