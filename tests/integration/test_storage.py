"""When the database itself says no: the caller is told to come back, and what comes back counts once."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

import pytest
import sqlalchemy as sa

from services.disbursement.app import create_app
from shared.auth import Role
from shared.config import Settings
from shared.db import Database
from shared.http import EXTENSION
from tests.support import Answer, Caller, FixedClock

FUND = {"id": "fund", "name": "재난관리기금", "fund_type": "fund"}
PATIENCE_SECONDS = 20


@pytest.fixture
def api(settings: Settings, clock: FixedClock) -> Iterator[Caller]:
    caller = Caller(create_app(settings, clock), "disbursement", settings, clock)
    yield caller
    database_of(caller).close()


def database_of(api: Caller) -> Database:
    database: Database = api.client.application.extensions[EXTENSION].database
    return database


def open_fund(api: Caller) -> Answer:
    return api.post("/funds", FUND, Role.BUDGET_OFFICER, key="the-one-key")


def assert_told_to_come_back(answer: Answer) -> None:
    assert (answer.status_code, answer.json["type"]) == (503, "urn:dure:problem:storage-unavailable")
    assert answer.headers["Retry-After"].isdecimal()
    assert "한 번만" in answer.json["detail"]


def assert_counts_once(api: Caller) -> None:
    assert open_fund(api).status_code == 201
    again = open_fund(api)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (201, "true")
    assert ids(api) == ["fund"]


def ids(api: Caller) -> list[str]:
    return [fund["id"] for fund in api.get("/funds?limit=1000", Role.AUDITOR).json["items"]]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk_is_told_and_loses_nothing(api: Caller) -> None:
    most_pages = [1]  # SQLite takes fewer than there are already for "no more than there are"
    limit = "PRAGMA max_page_count = {}"
    engine = database_of(api).engine
    sa.event.listen(engine, "begin", lambda tx: tx.exec_driver_sql(limit.format(most_pages[0])))

    def send(number: int) -> Answer:
        fund = {"id": f"fund-{number}", "name": "기금" * 90, "fund_type": "fund"}
        return api.post("/funds", fund, Role.BUDGET_OFFICER, key=f"key-{number}")

    answers = takewhile(lambda answer: answer.status_code != 503, map(send, range(1000)))
    taken = [answer.json["id"] for answer in answers]
    refused = len(taken)
    assert_told_to_come_back(send(refused))
    assert ids(api) == taken

    most_pages[0] = 1_000_000
    assert [send(refused).status_code for _ in range(2)] == [201, 201]
    assert ids(api) == [*taken, f"fund-{refused}"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_is_cut_in_the_middle_is_told_and_loses_nothing(api: Caller) -> None:
    engine = database_of(api).engine
    waiting = sa.text("SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'funds'::regclass")
    with ThreadPoolExecutor(1) as pool, engine.connect() as other:
        other.execute(sa.text("LOCK TABLE funds"))
        asked = pool.submit(open_fund, api)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (pids := other.execute(waiting).scalars().all()) and time.monotonic() < deadline:
            time.sleep(0.01)
        other.execute(sa.func.pg_terminate_backend(pids[0]).select())
        assert_told_to_come_back(asked.result(PATIENCE_SECONDS))
    assert_counts_once(api)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_connections_that_died_while_nobody_asked_are_replaced_unnoticed(api: Caller) -> None:
    engine = database_of(api).engine
    open_fund(api)
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with engine.connect() as one, engine.connect():  # two, of which the first ends the second and all that rest
        one.execute(sa.text(f"SELECT pg_terminate_backend(pid) {others}")).all()
    assert_counts_once(api)


def test_an_error_does_not_repeat_what_was_to_be_written(api: Caller) -> None:
    with pytest.raises(sa.exc.SQLAlchemyError) as caught, database_of(api).write() as tx:
        tx.execute(sa.text("INSERT INTO no_such_table VALUES (:phone)"), {"phone": "010-0000-0001"})
    assert "no_such_table" in str(caught.value)
    assert "010-0000-0001" not in str(caught.value)
