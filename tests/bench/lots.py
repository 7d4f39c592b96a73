"""b. Shipping from very many lots of an item beside shipping from two, through the API on PostgreSQL."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from flask import Flask

from services.inventory.app import create_app
from shared.auth import Role
from shared.clock import SystemClock, seoul_date
from shared.config import load_settings
from shared.http import EXTENSION
from tests.bench import facts
from tests.bench.bench import SECRETS, Bench
from tests.bench.calls import signed
from tests.bench.filling import analyse, insert_items, insert_lots
from tests.bench.results import Wanted

FEW: Final = 2
PLENTY: Final = 1_000_000
OF_MANY: Final = 10  # units in each of the many lots: now and then one is used up
PATH: Final = "/api/inventory/v1/shipments"


def measure(bench: Bench) -> None:
    amounts = bench.options.amounts
    seconds: dict[str, list[float]] = {"few": [], "many": []}
    with opened(bench, amounts.lots) as app, bench.progress("b. lots", bench.options.repeats) as progress:
        shipping = {item: ship_of(app, item) for item in seconds}
        for _ in range(bench.options.repeats):
            # In turn, so that what else the machine does meets both alike.
            taken = [(ship["few"](), ship["many"]()) for ship in [shipping] * amounts.requests]
            for item, each in zip(seconds, zip(*taken, strict=True), strict=True):
                seconds[item].append(statistics.median(each))
            progress.update()
    milliseconds = {item: [one * 1000 for one in values] for item, values in seconds.items()}
    bench.results.add(f"lots.{FEW}", milliseconds["few"], "ms")
    bench.results.add(
        f"lots.{amounts.lots}", milliseconds["many"], "ms", beside=milliseconds["few"], wanted=Wanted("<=", 1.5)
    )


@contextlib.contextmanager
def opened(bench: Bench, many: int) -> Iterator[Flask]:
    """An inventory with an item in a few lots and an item in many, the later ones of which expire later."""
    environment = {"DURE_DATABASE_URL": bench.new_database_url(), "DURE_HOME": str(bench.new_folder("home"))}
    app = create_app(load_settings({**SECRETS, **environment}))
    database, today = app.extensions[EXTENSION].database, seoul_date(SystemClock().now())
    try:
        with database.write() as tx:
            insert_items(tx, ["few", "many"])
            for item, count, quantity in (("few", FEW, PLENTY), ("many", many, OF_MANY)):
                lots = (
                    (f"{item}-{n}", item, facts.DEPOT, quantity, quantity, 0, today + timedelta(days=1 + n % 1000))
                    for n in range(count)
                )
                insert_lots(tx, "id item_id depot_id received on_hand reserved expires_on", lots)
        analyse(database)
        yield app
    finally:
        database.close()


def ship_of(app: Flask, item: str) -> Callable[[], float]:
    """Seconds of one shipment of one unit of the item."""
    client = app.test_client()
    where = {"depot_id": facts.DEPOT, "disaster_id": facts.DISASTER, "region_id": facts.CODES[0]}
    body = {**where, "lines": [{"item_id": item, "quantity": 1}], "dispatch_now": True}

    def ship() -> float:
        headers = signed(PATH, body, Role.COORDINATOR).headers
        began = time.perf_counter()
        answer = client.post(PATH, json=body, headers=headers)
        seconds = time.perf_counter() - began
        assert answer.status_code == 201, answer.text
        return seconds

    return ship
