"""The command `dure`. JSON on stdout, progress and logs on stderr; exit 0, 1 with findings, 2 for bad usage."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from services import loader, standalone
from services.ledger import app as ledger
from services.ledger import consumers, rebuilding
from services.ledger.audit import AuditInputError, audit_file
from services.ledger.domain import Kind
from services.ledger.exports import FORMATS, render
from services.ledger.reconciliation import compare_counts, compare_totals
from services.server import run, run_workers
from services.situation.domain.regions_file import RegionsFileUnreadable
from shared.auth import Actor, Grant, Role, issue_token
from shared.config import ConfigurationError, Settings, load_settings
from shared.gateway import Gateway
from shared.outbox import ControlTotal
from shared.telemetry import configure_logging
from shared.worker import Workers

FINDINGS, USAGE = 1, 2
SCENARIO: Final = Path(__file__).parents[1] / "deploy" / "demo" / "2025-yeongnam"
# Every grant names a body. What an operator does with this one publishes nothing, so no fact ever names it.
OPERATORS_BODY: Final = "operator"
# What each service counts by itself, as it answers GET /balances: the kind of thing, its id, and the measures.
COUNTED_BY_OWNERS: Final = {
    "disbursement": (Kind.LINE, "budget_line_id", ("current_appropriation", "committed", "paid")),
    "inventory": (Kind.RECEIPT, "lot_id", ("on_hand", "reserved", "delivered")),
    "dispatch": (Kind.SHIFT, "shift_id", ("taken",)),
}

day_option = click.DateTime(formats=["%Y-%m-%d"])
an_existing_file = click.Path(path_type=Path, exists=True, dir_okay=False)


class Commands(click.Group):
    def invoke(self, context: click.Context) -> Any:
        """A key may be found missing only by the command that needs it."""
        try:
            return super().invoke(context)
        except ConfigurationError as error:
            fail(f"The configuration is not usable:\n{error}", USAGE)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(context: click.Context) -> None:
    """Dure (두레): disaster-relief coordination and accounting."""
    settings = load_settings()
    configure_logging(settings.log_level)
    context.obj = settings


def fail(message: str, code: int = FINDINGS) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


@contextlib.contextmanager
def reach(settings: Settings) -> Iterator[tuple[Gateway, Callable[[], None]]]:
    """The services, and how to have posted what was recorded by now.

    Where DURE_SERVICE_URL says; there it is posted without our doing. Else all of them in this process, which posts
    everything before the command and after it.
    """
    if settings.service_url:
        yield Gateway.remote(settings.service_url), lambda: None
        return
    opened = standalone.create_app(settings)
    try:
        opened.post()
        yield opened.gateway, opened.post
        opened.post()
    finally:
        opened.close()


def ask(gateway: Gateway, token: str | None, service: str, path: str, method: str = "GET", **options: Any) -> Any:
    """The JSON a service answers; its problem ends the command."""
    if method != "GET":
        options["key"] = f"operator-{datetime.now(UTC).isoformat()}"
    reply = gateway.call(service, method, path, token=token, **options)
    if not reply.ok:
        fail(reply.body.get("detail", str(reply.status)) if isinstance(reply.body, dict) else str(reply.status))
    return reply.body


def ask_as_operator(settings: Settings, service: str, path: str, method: str = "GET", **options: Any) -> Any:
    with reach(settings) as (gateway, _):
        return ask(gateway, operator_token(settings), service, path, method, **options)


def operator_token(settings: Settings) -> str:
    """For whoever may run commands on the machine: reads everything, and keeps the system itself."""
    grants = (Grant(role, OPERATORS_BODY) for role in (Role.AUDITOR, Role.ADMINISTRATOR))
    return sign(settings, Actor("operator", frozenset(grants)), hours=1)


def sign(settings: Settings, actor: Actor, *, hours: int) -> str:
    settings.check_given("signing_key")
    return issue_token(actor, signing_key=settings.signing_key, now=datetime.now(UTC), hours=hours)


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
    with reach(settings) as (gateway, post):
        try:
            print_json(loader.load(gateway, settings, folder, post))
        except loader.ScenarioError as error:
            fail(str(error), USAGE)


@main.command("demo")
@click.pass_obj
def fill_demo(settings: Settings) -> None:
    """Fill an empty system with the demo scenario and one account per role (demo profile only)."""
    if not settings.is_demo:
        fail("The demo belongs to DURE_PROFILE=demo; nothing was changed.", USAGE)
    with reach(settings) as (gateway, post):
        try:
            loader.fill_demo(gateway, settings, SCENARIO, post)
        except loader.ScenarioError as error:
            fail(str(error))


@main.command()
@click.argument("file", type=an_existing_file, default=loader.REGIONS)
@click.option("--body", "body_id", required=True, help="the body that keeps this system, for example city")
@click.pass_obj
def regions(settings: Settings, file: Path, body_id: str) -> None:
    """Register the regions in FILE (CSV; the shipped ones if left out) that are not there yet."""
    token = sign(settings, Actor("operator", frozenset({Grant(Role.ADMINISTRATOR, body_id)})), hours=1)
    result: dict[str, Any] = {"registered": [], "unchanged": 0}
    with reach(settings) as (gateway, _):
        known = {row["id"]: row["kind"] for row in every(gateway, token, "situation", "/regions")}
        try:
            batches = loader.region_batches(file, known)
        except RegionsFileUnreadable as error:
            fail(f"{file}: {error}", USAGE)
        for rows in batches:
            answer = ask(gateway, token, "situation", "/region-imports", "POST", json={"rows": rows})
            result["registered"] += answer["registered"]
            result["unchanged"] += answer["unchanged"]
    print_json(result)


@main.group()
def report() -> None:
    """Reports of the ledger."""


@report.command()
@click.option("--as-of", type=day_option, required=True, help="facts in effect by this day (YYYY-MM-DD)")
@click.option("--known-at", metavar="MOMENT", help="only what was posted by this moment (RFC 3339)")
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), default="json", show_default=True)
@click.pass_obj
def execution(settings: Settings, as_of: datetime, known_at: str | None, format_: str) -> None:
    """Budget execution (기금집행 현황) as of a day."""
    query = {"as_of": as_of.date().isoformat(), "known_at": known_at}
    with reach(settings) as (gateway, _):
        body = ask(gateway, None, "ledger", "/execution", query=query)  # which anybody may ask for
    sys.stdout.buffer.write(render(body, format_))


@main.command()
@click.argument("file", type=an_existing_file)
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
    """Compare sources and ledger, figures and disasters; name every difference. Exit 0 if each is explained."""
    query = {"as_of": as_of.date().isoformat() if as_of else None}
    token = operator_token(settings)
    with reach(settings) as (gateway, _):
        result = ask(gateway, token, "ledger", "/reconciliation", query=query)
        services = [topic.split(".")[1] for topic in consumers.TOPICS]
        source = [total for service in services for total in totals_of(gateway, token, service)]
        result["sources"] = compare_totals(source, totals_of(gateway, token, "ledger"))
        owned = [count for service in COUNTED_BY_OWNERS for count in counts_of(gateway, token, service)]
        result["counts"] = compare_counts(owned, every(gateway, token, "ledger", "/counts"))
    print_json(result)
    is_open = any(found["is_open"] for found in result["findings"])
    agrees = not result["counts"] and all(row["agrees"] for row in result["sources"])
    sys.exit(0 if agrees and not is_open else FINDINGS)


def totals_of(gateway: Gateway, token: str, service: str) -> list[ControlTotal]:
    return [ControlTotal(**row) for row in ask(gateway, token, service, "/control-totals")["items"]]


def counts_of(gateway: Gateway, token: str, service: str) -> Iterator[dict[str, Any]]:
    """What a service counts by itself, as the ledger names it."""
    kind, id_field, measures = COUNTED_BY_OWNERS[service]
    for row in every(gateway, token, service, "/balances"):
        for measure in measures:
            yield {"kind": kind.value, "id": row[id_field], "measure": measure, "amount": row[measure]}


def every(gateway: Gateway, token: str, service: str, path: str) -> Iterator[dict[str, Any]]:
    """The items of a list, page after page."""
    after: int | None = 0
    while after is not None:
        page = ask(gateway, token, service, path, query={"limit": 1000, "after": after})
        yield from page["items"]
        after = page["next"]


@main.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="keep it in this file")
@click.pass_obj
def anchor(settings: Settings, output: Path | None) -> None:
    """Sign where every chain of the ledger stands now; keep the answer where nobody who keeps the ledger can write."""
    made = ask_as_operator(settings, "ledger", "/anchors", "POST", json={})
    if output is not None:
        output.write_text(json.dumps(made, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print_json(made)


@main.command()
@click.option("--anchor", "file", type=an_existing_file, help="an anchor that was kept elsewhere")
@click.pass_obj
def verify(settings: Settings, file: Path | None) -> None:
    """Recompute everything in the ledger that can be recomputed, and the seals of every other service's rows."""
    kept = read_anchor(file) if file else None
    token = operator_token(settings)
    with reach(settings) as (gateway, _):
        if kept is None:
            result = ask(gateway, token, "ledger", "/verification")
        else:
            result = ask(gateway, token, "ledger", "/anchor-checks", "POST", json=kept)
        result["broken_seals"] = [
            {"service": service, **row}
            for service in standalone.NAMES
            for row in ask(gateway, token, service, "/broken-seals")["items"]
        ]
    print_json(result)
    sys.exit(0 if result["valid"] and not result["broken_seals"] else FINDINGS)


def read_anchor(file: Path) -> Any:
    """What the ledger is to judge; what is not even JSON is refused here."""
    try:
        return json.loads(file.read_bytes())
    except ValueError as error:
        fail(f"{file} is no anchor: {error}", USAGE)


@main.command()
@click.pass_obj
def retake(settings: Settings) -> None:
    """Try once more to take in events that the ledger could not take in before."""
    print_json(ask_as_operator(settings, "ledger", "/retakes", "POST", json={}))


@main.command("rebuild")
@click.option("--check", is_flag=True, help="only compare: exit 1 if stored and rebuilt figures differ")
@click.pass_obj
def rebuild_command(settings: Settings, check: bool) -> None:
    """Build the ledger's figures again from the events it has."""
    service, bus = standalone.open_one(ledger, settings)
    with contextlib.closing(bus), contextlib.closing(service.database) as database:
        if not check:
            with database.write() as tx:
                print_json(rebuilding.rebuild(tx))
            return
        with database.read() as tx:
            result = rebuilding.check(tx)
    print_json(result)
    sys.exit(0 if result["clean"] else FINDINGS)


@main.command()
@click.argument("id_", metavar="ID")
@click.option("--kind", type=click.Choice(["event", "entry", *Kind]), help="needed where an id names several things")
@click.pass_obj
def trace(settings: Settings, id_: str, kind: str | None) -> None:
    """The events and entries behind ID: an event, entry, document, payment, shipment, sign-up or line."""
    print_json(ask_as_operator(settings, "ledger", f"/trace/{id_}", query={"kind": kind}))


@main.command()
@click.pass_obj
def purge(settings: Settings) -> None:
    """Purge personal data whose retention has ended; the purge is logged."""
    print_json(ask_as_operator(settings, "dispatch", "/purges", "POST", json={}))


@main.command()
@click.argument("account")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in Role]))
@click.option("--body", "body_id", required=True, help="the body that the roles are held for")
@click.option("--disaster", "disaster_id", help="the one disaster they are held in; all if left out")
@click.option("--hours", type=click.IntRange(1, 24 * 31), default=12, show_default=True)
@click.pass_obj
def token(
    settings: Settings, account: str, roles: tuple[str, ...], body_id: str, disaster_id: str | None, hours: int
) -> None:
    """Sign a token for ACCOUNT with this system's key, for example to open the first account."""
    grants = frozenset(Grant(Role(role), body_id, disaster_id) for role in roles)
    click.echo(sign(settings, Actor(account, grants), hours=hours))


@main.command("verifying-key")
@click.pass_obj
def verifying_key(settings: Settings) -> None:
    """Print what every process may know of DURE_SIGNING_KEY: the value of DURE_VERIFYING_KEY."""
    click.echo(settings.verifying_key)


@main.command()
@click.argument("service", type=click.Choice([module.NAME for module in standalone.PUBLISHERS]))
@click.pass_obj
def relay(settings: Settings, service: str) -> None:
    """Publish SERVICE's outbox, and follow whose tokens are void, until stopped."""
    module = next(module for module in standalone.PUBLISHERS if service == module.NAME)
    run_workers(Workers(standalone.tasks_of(*standalone.open_one(module, settings))))


@main.command()
@click.argument("service", type=click.Choice([ledger.NAME]), expose_value=False)
@click.pass_obj
def consume(settings: Settings) -> None:
    """Post events in the ledger, make its daily anchor, and follow whose tokens are void, until stopped."""
    run_workers(Workers(standalone.tasks_of(*standalone.open_one(ledger, settings))))


if __name__ == "__main__":
    main()
