"""The command `dure`. JSON on stdout, progress and logs on stderr; exit 0, 1 with findings, 2 for bad usage."""

import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from services import loader, standalone
from services.ledger import app as ledger
from services.ledger import consumers
from services.ledger.audit import AuditInputError, audit_file
from services.ledger.exports import FORMATS, render
from services.ledger.reconciliation import compare_totals
from services.ledger.verification import check_rebuild, rebuild
from services.server import run, run_workers
from shared.auth import Actor, Role, issue_token
from shared.config import ConfigurationError, Settings, load_settings
from shared.gateway import Gateway
from shared.outbox import ControlTotal, Relay
from shared.telemetry import configure_logging
from shared.worker import Workers, reader_task, relay_task

FINDINGS, USAGE = 1, 2
SCENARIO = Path(__file__).parents[1] / "deploy" / "demo" / "2025-yeongnam"

day_option = click.DateTime(formats=["%Y-%m-%d"])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(context: click.Context) -> None:
    """Dure (두레): disaster-relief coordination and accounting."""
    try:
        settings = load_settings()
    except ConfigurationError as error:
        fail(f"The configuration is not usable:\n{error}", USAGE)
    configure_logging(settings.log_level)
    context.obj = settings


def fail(message: str, code: int = FINDINGS) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


@contextlib.contextmanager
def system(settings: Settings) -> Iterator[standalone.Standalone]:
    """All services in this process, with everything recorded so far posted in the ledger."""
    opened = standalone.create_app(settings)
    try:
        opened.drain()
        yield opened
    finally:
        opened.close()


@contextlib.contextmanager
def gateway_of(settings: Settings) -> Iterator[Gateway]:
    """The services where DURE_SERVICE_URL says, or all of them in this process."""
    if settings.service_url:
        yield Gateway.remote(settings.service_url)
        return
    with system(settings) as opened:
        yield opened.gateway


def ask(gateway: Gateway, settings: Settings, service: str, path: str, method: str = "GET", **options: Any) -> Any:
    """The JSON a service answers to the operator of this command; its problem ends the command."""
    token = operator_token(settings, Role.AUDITOR, Role.ADMINISTRATOR)
    reply = gateway.call(service, method, path, token=token, **options)
    if not reply.ok:
        fail(reply.body.get("detail", str(reply.status)) if isinstance(reply.body, dict) else str(reply.status))
    return reply.body


def operator_token(settings: Settings, *roles: Role) -> str:
    return issue_token(Actor("operator", frozenset(roles)), secret=settings.secret, now=datetime.now(UTC), hours=1)


@main.command()
@click.pass_obj
def serve(settings: Settings) -> None:
    """Run everything in one process; an empty home is filled with the demo scenario."""
    run(settings, SCENARIO)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.pass_obj
def load(settings: Settings, folder: Path) -> None:
    """Record the scenario in FOLDER through the public APIs; loading again changes nothing."""
    with gateway_of(settings) as gateway:
        try:
            print_json(loader.load(gateway, settings, folder))
        except loader.ScenarioError as error:
            fail(str(error), USAGE)
    if not settings.service_url:
        with system(settings):
            pass  # opening it posts what was just recorded


@main.command("demo")
@click.pass_obj
def fill_demo(settings: Settings) -> None:
    """Fill an empty system with the demo scenario and one account per role (demo profile only)."""
    if not settings.is_demo:
        fail("The demo belongs to DURE_PROFILE=demo; nothing was changed.", USAGE)
    with gateway_of(settings) as gateway:
        try:
            loader.fill_demo(gateway, settings, SCENARIO)
        except loader.ScenarioError as error:
            fail(str(error))


@main.group()
def report() -> None:
    """Reports of the ledger."""


@report.command()
@click.option("--as-of", type=day_option, required=True, help="facts in effect by this day (YYYY-MM-DD)")
@click.option("--known-at", metavar="MOMENT", help="only what was recorded by this moment (RFC 3339)")
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), default="json", show_default=True)
@click.pass_obj
def execution(settings: Settings, as_of: datetime, known_at: str | None, format_: str) -> None:
    """Budget execution (기금집행 현황) as of a day."""
    query = {"as_of": as_of.date().isoformat(), "known_at": known_at}
    with gateway_of(settings) as gateway:
        body = ask(gateway, settings, "ledger", "/execution", query=query)
    sys.stdout.buffer.write(render(body, format_))


@main.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--format", type=click.Choice(["json"]), default="json", show_default=True, expose_value=False)
def audit(file: Path) -> None:
    """Recompute every figure of a published table in FILE (CSV)."""
    try:
        result = audit_file(file)
    except AuditInputError as error:
        fail(str(error), USAGE)
    print_json(result)
    # A rounding difference in the last printed digit is told, but it is no error of the table.
    sys.exit(FINDINGS if any(found["severity"] != "notice" for found in result["findings"]) else 0)


@main.command()
@click.option("--as-of", type=day_option, help="facts in effect by this day; today if left out")
@click.option("--format", type=click.Choice(["json"]), default="json", show_default=True, expose_value=False)
@click.pass_obj
def reconcile(settings: Settings, as_of: datetime | None) -> None:
    """Compare sources and ledger, figures and disasters; name every difference."""
    query = {"as_of": as_of.date().isoformat() if as_of else None}
    with gateway_of(settings) as gateway:
        result = ask(gateway, settings, "ledger", "/reconciliation", query=query)
        services = [topic.split(".")[1] for topic in consumers.TOPICS]
        source = [total for service in services for total in totals_of(gateway, settings, service)]
        result["sources"] = compare_totals(source, totals_of(gateway, settings, "ledger"))
    print_json(result)
    sys.exit(FINDINGS if result["findings"] or not all(row["agrees"] for row in result["sources"]) else 0)


def totals_of(gateway: Gateway, settings: Settings, service: str) -> list[ControlTotal]:
    return [ControlTotal(**row) for row in ask(gateway, settings, service, "/control-totals")["items"]]


@main.command()
@click.pass_obj
def verify(settings: Settings) -> None:
    """Recompute the hash chain of the journal from its first entry."""
    with gateway_of(settings) as gateway:
        result = ask(gateway, settings, "ledger", "/verification")
    print_json(result)
    sys.exit(0 if result["valid"] else FINDINGS)


@main.command("rebuild")
@click.option("--check", is_flag=True, help="only compare: exit 1 if stored and rebuilt figures differ")
@click.pass_obj
def rebuild_command(settings: Settings, check: bool) -> None:
    """Build balances again from the journal, and the journal from the events."""
    with system(settings) as opened:
        database = opened.service("ledger").database
        if not check:
            with database.write() as tx:
                print_json(rebuild(tx))
            return
        with database.read() as tx:
            result = check_rebuild(tx)
    print_json(result)
    sys.exit(0 if result["clean"] else FINDINGS)


@main.command()
@click.argument("id_", metavar="ID")
@click.pass_obj
def trace(settings: Settings, id_: str) -> None:
    """The events and entries behind ID: an event, entry, document, payment, shipment, sign-up or line."""
    with gateway_of(settings) as gateway:
        print_json(ask(gateway, settings, "ledger", f"/trace/{id_}"))


@main.command()
@click.pass_obj
def purge(settings: Settings) -> None:
    """Purge personal data whose retention has ended; the purge is logged."""
    key = f"purge-{datetime.now(UTC).isoformat()}"
    with gateway_of(settings) as gateway:
        print_json(ask(gateway, settings, "dispatch", "/purges", method="POST", json={}, key=key))


@main.command()
@click.argument("account")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in Role]))
@click.option("--hours", type=click.IntRange(1, 24 * 31), default=12, show_default=True)
@click.pass_obj
def token(settings: Settings, account: str, roles: tuple[str, ...], hours: int) -> None:
    """Sign a token for ACCOUNT with this system's secret, for example to create the first account."""
    actor = Actor(account, frozenset(Role(role) for role in roles))
    click.echo(issue_token(actor, secret=settings.secret, now=datetime.now(UTC), hours=hours))


@main.command()
@click.argument("service", type=click.Choice([module.NAME for module in standalone.PUBLISHERS]))
@click.pass_obj
def relay(settings: Settings, service: str) -> None:
    """Publish SERVICE's outbox until stopped."""
    module = next(module for module in standalone.PUBLISHERS if service == module.NAME)
    opened, bus, clock = standalone.open_one(module, settings)
    assert opened.outbox is not None
    run_workers(Workers([relay_task(service, Relay(opened.database, opened.outbox, bus, clock))]))


@main.command()
@click.argument("service", type=click.Choice(["ledger"]))
@click.pass_obj
def consume(settings: Settings, service: str) -> None:
    """Post events in the ledger until stopped."""
    opened, bus, clock = standalone.open_one(ledger, settings)
    run_workers(Workers([reader_task(service, ledger.create_reader(opened.database, bus, clock))]))


if __name__ == "__main__":
    main()
