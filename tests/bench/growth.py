"""d. Whether pages stay as fast while the system grows: execution report, stock, roster and trace.

The execution report is also asked what was known when half of the ledger was posted.
"""

import contextlib
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from flask import Flask

from services.dispatch.app import create_app as create_dispatch
from services.inventory.app import create_app as create_inventory
from services.ledger import operations
from services.ledger.app import create_app as create_ledger
from shared.auth import Role
from shared.clock import SystemClock, format_utc
from shared.config import load_settings
from shared.db import Database
from shared.http import EXTENSION
from tests.bench import facts
from tests.bench.bench import SECRETS, Bench
from tests.bench.calls import signed
from tests.bench.filling import analyse, fill_dispatch, fill_inventory
from tests.bench.ledgers import batches
from tests.bench.results import Wanted

AS_OF: Final = facts.FIRST_DAY + timedelta(days=facts.DAYS)
# As in the mix of facts: of ten events nine are entries, one is a lot, and one in ten signs a volunteer up.
EVENTS_PER_NINE_ENTRIES: Final = 10
KNOWN_AT: Final = "execution_known_at"

Pages = dict[str, Callable[[], float]]


def measure(bench: Bench) -> None:
    sizes, repeats = bench.options.sizes, bench.options.repeats
    milliseconds: dict[tuple[str, int], list[float]] = {}
    with contextlib.ExitStack() as opened:
        systems = {size: opened.enter_context(filled(bench, size)) for size in sizes}
        with bench.progress("d. growth", repeats * len(sizes)) as progress:
            # Every size in turn in every repeat: what else the machine does then meets all of them alike.
            for _, (size, pages) in itertools.product(range(repeats), systems.items()):
                for page, view in pages.items():
                    views = [view() for _ in range(bench.options.amounts.views)]
                    milliseconds.setdefault((page, size), []).append(statistics.median(views) * 1000)
                progress.update()
    for (page, size), values in sorted(milliseconds.items()):
        bound = 3 if page == KNOWN_AT else 1.5
        reference = ("execution", size) if page == KNOWN_AT else (page, sizes[0])
        beside = None if reference == (page, size) else milliseconds[reference]
        wanted = Wanted("<=", bound) if beside else None
        bench.results.add(f"growth.{page}.{size}", values, "ms", beside=beside, wanted=wanted)


@contextlib.contextmanager
def filled(bench: Bench, entries: int) -> Iterator[Pages]:
    """The pages of a system with this many entries in its ledger, and lots and sign-ups to match."""
    environment = {"DURE_DATABASE_URL": bench.new_database_url(), "DURE_HOME": str(bench.new_folder("home"))}
    settings = load_settings({**SECRETS, **environment})
    with contextlib.ExitStack() as opened:
        apps: dict[str, Flask] = {}
        databases: dict[str, Database] = {}
        for create_app in (create_ledger, create_inventory, create_dispatch):
            app = create_app(settings)
            apps[app.name], databases[app.name] = app, app.extensions[EXTENSION].database
            opened.callback(databases[app.name].close)
        half_way = fill_ledger(bench, databases["ledger"], entries)
        fill_inventory(databases["inventory"], entries // 9)
        fill_dispatch(databases["dispatch"], entries // 9)
        for database in databases.values():
            analyse(database)
        execution = f"execution?as_of={AS_OF}"
        paths = {
            "execution": ("ledger", execution, Role.AUDITOR),
            KNOWN_AT: ("ledger", f"{execution}&known_at={format_utc(half_way)}", Role.AUDITOR),
            "stock": ("inventory", "stock?depot_id=depot-7", Role.COORDINATOR),
            "roster": ("dispatch", "shifts/shift-0/sign-ups", Role.VOLUNTEER_MANAGER),
            "trace": ("ledger", "trace/spending-00000007-payment", Role.AUDITOR),
        }
        yield {page: view_of(apps[name], f"/api/{name}/v1/{path}", role) for page, (name, path, role) in paths.items()}


def view_of(app: Flask, path: str, role: Role) -> Callable[[], float]:
    """Seconds of one look at a page."""
    client, headers = app.test_client(), signed(path, {}, role).headers

    def view() -> float:
        began = time.perf_counter()
        answer = client.get(path, headers=headers)
        seconds = time.perf_counter() - began
        assert answer.status_code == 200, answer.text
        return seconds

    return view


def fill_ledger(bench: Bench, database: Database, entries: int) -> datetime:
    """Post the mix as the reader would: journal, chain and balances are those of a ledger that grew by itself.

    Returns the moment at which half of it was posted.
    """
    events = entries * EVENTS_PER_NINE_ENTRIES // 9
    clock, posted = SystemClock(), 0
    inbox, half_way = operations.inbox_of(database, clock), clock.now()
    with bench.progress(f"d. filling {entries:,} entries", events) as progress:
        for batch in batches(facts.deliveries(events, itertools.chain(facts.names(), facts.mix()))):
            inbox.take(batch)
            progress.update(len(batch))
            posted += len(batch)
            if posted <= events // 2:
                half_way = clock.now()
    return half_way
