"""d. Whether pages stay as fast while the system grows: execution report, stock, roster and trace."""

import contextlib
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask

from services.dispatch import store as people
from services.dispatch.app import create_app as create_dispatch
from services.inventory import store as goods
from services.inventory.app import create_app as create_inventory
from services.ledger.app import create_app as create_ledger
from shared.auth import Role
from shared.config import load_settings
from shared.db import Database, bulk_insert
from shared.http import EXTENSION
from shared.personal_data import Vault
from tests.bench import facts
from tests.bench.bench import SECRETS, Bench
from tests.bench.calls import signed
from tests.bench.ledgers import batches, inbox_of
from tests.bench.results import Wanted

AS_OF: Final = facts.FIRST_DAY + timedelta(days=facts.DAYS)
DEPOTS: Final = 10
SEATS: Final = 100  # sign-ups of one shift
# As in the mix of facts: of ten events nine are entries, one is a lot, and one in ten signs a volunteer up.
EVENTS_PER_NINE_ENTRIES: Final = 10

Pages = dict[str, Callable[[], float]]


def measure(bench: Bench) -> None:
    sizes, repeats = bench.options.sizes, bench.options.repeats
    seconds: dict[tuple[str, int], list[float]] = {}
    with contextlib.ExitStack() as opened:
        systems = {size: opened.enter_context(filled(bench, size)) for size in sizes}
        with bench.progress("d. growth", repeats * len(sizes)) as progress:
            # Every size in turn in every repeat: what else the machine does then meets all of them alike.
            for _, (size, pages) in itertools.product(range(repeats), systems.items()):
                for page, view in pages.items():
                    views = [view() for _ in range(bench.options.amounts.views)]
                    seconds.setdefault((page, size), []).append(statistics.median(views))
                progress.update()
    for (page, size), values in sorted(seconds.items()):
        milliseconds = [one * 1000 for one in values]
        beside = None if size == sizes[0] else [one * 1000 for one in seconds[page, sizes[0]]]
        wanted = Wanted("<=", 1.5) if beside else None
        bench.results.add(f"growth.{page}.{size}", milliseconds, "ms", beside=beside, wanted=wanted)


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
        fill_ledger(bench, databases["ledger"], entries)
        fill_inventory(databases["inventory"], entries // 9)
        fill_dispatch(databases["dispatch"], entries // 9)
        for database in databases.values():
            with database.write() as tx:
                tx.execute(sa.text("ANALYZE"))  # the server does so by itself, but not at once
        paths = {
            "execution": ("ledger", f"execution?as_of={AS_OF}", Role.AUDITOR),
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


def fill_ledger(bench: Bench, database: Database, entries: int) -> None:
    """Post the mix as the reader would: journal, chain and balances are those of a ledger that grew by itself."""
    events = entries * EVENTS_PER_NINE_ENTRIES // 9
    inbox = inbox_of(database)
    with bench.progress(f"d. filling {entries:,} entries", events) as progress:
        for batch in batches(facts.deliveries(events, itertools.chain(facts.names(), facts.mix()))):
            inbox.take(batch)
            progress.update(len(batch))


def fill_inventory(database: Database, lots: int) -> None:
    recorded = (facts.FIRST_DAY, facts.FIRST_MOMENT, "bench", 1)
    with database.write() as tx:
        insert(tx, goods.items, "id name unit", ((f"item-{n}", f"구호물품 {n}", "개") for n in range(facts.ITEMS)))
        insert(tx, goods.depots, "id name", ((f"depot-{n}", f"창고 {n}") for n in range(DEPOTS)))
        insert(
            tx,
            goods.lots,
            "id item_id depot_id received on_hand reserved source effective_date recorded_at recorded_by version",
            (
                (f"lot-{n}", f"item-{n % facts.ITEMS}", f"depot-{n % DEPOTS}", 100, 90, 10, "시 비축", *recorded)
                for n in range(lots)
            ),
        )


def fill_dispatch(database: Database, sign_ups: int) -> None:
    vault = Vault.of(SECRETS["DURE_PERSONAL_DATA_KEY"])
    name, phone = vault.encrypt("시연 봉사자"), vault.encrypt("01000000000")
    starts_at, day = facts.FIRST_MOMENT, facts.FIRST_DAY
    decided = ("approved", "proposer", "approver", day, 1)
    named = (facts.DISASTER, "물품 분류", "체육관", "general", "selected", "자원봉사센터", *decided)
    with database.write() as tx:
        insert(
            tx,
            people.tasks,
            "id disaster_id title place kind selection host_organisation state proposed_by approved_by"
            " last_effective_date version",
            ((f"task-{n}", *named) for n in range(facts.TASKS)),
        )
        insert(
            tx,
            people.shifts,
            "id task_id starts_at ends_at seats taken version",
            (
                (f"shift-{n}", f"task-{n % facts.TASKS}", starts_at, starts_at + timedelta(hours=4), SEATS, 0, 1)
                for n in range(sign_ups // SEATS + 1)
            ),
        )
        insert(tx, people.volunteers, "phone_hash sign_ups", ((f"{n:064}", 1) for n in range(sign_ups)))
        insert(
            tx,
            people.sign_ups,
            "id shift_id state phone_hash name phone consented_at purge_after last_effective_date version",
            (
                (f"sign-up-{n}", f"shift-{n // SEATS}", "applied", f"{n:064}", name, phone, starts_at, AS_OF, day, 1)
                for n in range(sign_ups)
            ),
        )


def insert(tx: sa.Connection, table: sa.Table, columns: str, rows: Iterator[tuple[Any, ...]]) -> None:
    bulk_insert(tx, table, columns.split(), rows)
