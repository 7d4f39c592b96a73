"""A row that somebody else changed is found by its seal, in every table of every service that owns facts."""

import importlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest
import sqlalchemy as sa

from services import standalone
from shared import seals
from shared.auth import Role
from shared.config import load_settings
from shared.http import EXTENSION
from tests.contract.test_permissions import RECORDS, SPENDING, TASK
from tests.support import Caller, FixedClock

OWNERS: Final = tuple(module.NAME for module in standalone.PUBLISHERS)
# Working memory of the mechanisms: answers kept for repeats, and whose tokens are void.
MECHANISM: Final = {"idempotency", "access"}
# Counters and sets without a row of facts of their own; why each is not sealed.
UNSEALED_TABLES: Final = {
    "line_days": "sums of appropriations and commitments by day, raised by conditional writes",
    "volunteers": "how many sign-ups a person has, under a keyed hash that is forgotten with the last",
    "task_nationalities": "nationalities without persons, kept after the purge",
}
MORE: Final[dict[str, list[tuple[str, dict[str, Any], Role]]]] = {
    "situation": [
        (
            "/regions",
            {"id": "group-yeongnam", "name": "피해지역", "kind": "group", "member_ids": ["4700000000"]},
            Role.IMPORTER,
        ),
        ("/sites", {"region_id": "4700000000", "name": "창고", "kind": "depot"}, Role.IMPORTER),
        (
            "/contacts",
            {"body_id": "city", "duty": "head", "section": "대외협력과", "name": "과장", "phone": "000-0000-0001"},
            Role.IMPORTER,
        ),
        ("/log-entries", {"disaster_id": "2025-yeongnam-wildfires", "text": "상황"}, Role.COORDINATOR),
        (
            "/accounts",
            {
                "id": "drafter-1",
                "display_name": "기안자",
                "password": "a-long-password",
                "grants": [{"role": "drafter", "body_id": "city"}],
            },
            Role.ADMINISTRATOR,
        ),
        ("/accounts/drafter-1/disable", {"reason": "퇴직"}, Role.ADMINISTRATOR),
        ("/disasters/2025-yeongnam-wildfires/bodies", {"body_id": "city"}, Role.IMPORTER),
    ],
    "inventory": [("/shipments/trip/dispatch", {}, Role.IMPORTER)],
    "disbursement": [
        ("/budget-lines/relief/forecasts", {"year_end_forecast_won": 5}, Role.IMPORTER),
        ("/payments/payment/reversals", {"amount_won": 1, "reason": "반납"}, Role.PAYMENT_OFFICER),
        ("/spending-proposals", {"id": "another", **SPENDING}, Role.DRAFTER),
    ],
    "dispatch": [
        ("/sign-ups/sign-up/reveal", {"reason": "확인"}, Role.VOLUNTEER_MANAGER),
        ("/purges", {}, Role.ADMINISTRATOR),
        ("/tasks", {"id": "another", **TASK}, Role.VOLUNTEER_MANAGER),
    ],
}


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Caller]]:
    """Every owner with a row in each of its tables."""
    settings = load_settings({"DURE_HOME": str(tmp_path_factory.mktemp("sealed")), "DURE_LOG_LEVEL": "error"})
    clock = FixedClock()
    apps = {module.NAME: module.create_app(settings, clock) for module in standalone.PUBLISHERS}
    found = {name: Caller(app, name, settings, clock) for name, app in apps.items()}
    for name, caller in found.items():
        versions: dict[str, int] = {}
        records = [(path, body, Role.IMPORTER) for path, body in RECORDS[name]] + MORE[name]
        for number, (path, body, role) in enumerate(records):
            record = path.split("/")[2] if path.count("/") > 1 else ""
            answer = caller.post(path, body, role, account=f"account-{number}", version=versions.get(record))
            assert answer.status_code in (200, 201), f"{path}: {answer.text}"
            versions[body.get("id") or record] = answer.json.get("version", 1)
    yield found
    for app in apps.values():
        app.extensions[EXTENSION].database.close()


def tables_of(service: str) -> list[sa.Table]:
    metadata: sa.MetaData = importlib.import_module(f"services.{service}.store").metadata
    return [table for table in metadata.sorted_tables if table.name not in MECHANISM]


SEALED: Final = [
    (service, table.name, column)
    for service in OWNERS
    for table in tables_of(service)
    if seals.is_sealed(table)
    for column in [*seals.sealed_columns(table), seals.COLUMN]
]


def test_every_table_of_facts_is_sealed_or_says_why_not() -> None:
    unsealed = {table.name for service in OWNERS for table in tables_of(service) if not seals.is_sealed(table)}
    assert unsealed == UNSEALED_TABLES.keys()


def test_every_column_is_sealed_or_says_why_not() -> None:
    for service in OWNERS:
        for table in tables_of(service):
            if seals.is_sealed(table):
                left_out = {column.name for column in table.c} - {*seals.sealed_columns(table), seals.COLUMN}
                orders = {column.name for column in table.c if column.autoincrement is True} | {"version"}
                computed = {column.name for column in table.c if column.computed}
                reasoned = {column.name for column in table.c if column.info.get("unsealed")}
                assert left_out <= orders | computed | reasoned, table.name


def test_no_seal_is_broken_in_what_the_services_wrote(callers: dict[str, Caller]) -> None:
    for service, caller in callers.items():
        assert caller.get("/broken-seals", Role.AUDITOR).json == {"items": []}, service


@pytest.mark.parametrize(("service", "name", "column"), SEALED)
def test_a_changed_column_is_found_by_name(callers: dict[str, Caller], service: str, name: str, column: str) -> None:
    caller = callers[service]
    database = caller.client.application.extensions[EXTENSION].database
    (table,) = [table for table in tables_of(service) if table.name == name]
    with database.read() as tx:
        row = tx.execute(sa.select(table).limit(1)).mappings().first()
    assert row is not None, f"nothing to change in {name}"
    where = [table.c[key.name] == row[key.name] for key in table.primary_key.columns]
    changed = another(table.c[column], row[column])
    change(database, sa.update(table).where(*where).values({column: changed}))
    found = caller.get("/broken-seals", Role.AUDITOR).json["items"]
    as_it_is = {**row, column: changed}
    where = [table.c[key.name] == as_it_is[key.name] for key in table.primary_key.columns]
    change(database, sa.update(table).where(*where).values({column: row[column]}))
    assert [one["table"] for one in found] == [name]
    assert caller.get("/broken-seals", Role.AUDITOR).json["items"] == []


def change(database: Any, statement: sa.Update) -> None:
    """As whoever owns the database can: no trigger, no foreign key."""
    with database.engine.connect() as tx:
        raw = tx.connection.driver_connection
        raw.execute("PRAGMA foreign_keys=OFF")
        raw.execute("PRAGMA ignore_check_constraints=ON")
        triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        with tx.begin():
            for name, _ in triggers:
                tx.exec_driver_sql(f"DROP TRIGGER {name}")
            assert tx.execute(statement).rowcount == 1
            for _, sql in triggers:
                tx.exec_driver_sql(sql)
        raw.execute("PRAGMA ignore_check_constraints=OFF")
        raw.execute("PRAGMA foreign_keys=ON")


def another(column: sa.Column[Any], value: Any) -> Any:
    """A value of the column's type that is not this one."""
    if value is None:
        return EXAMPLES[getattr(column.type, "impl", column.type).python_type]
    others: dict[type, Any] = {
        bool: lambda: not value,
        int: lambda: value + 1,
        str: lambda: value[:-1] + ("x" if value[-1:] != "x" else "y"),
        bytes: lambda: value[:-1] + bytes([value[-1] ^ 1]),
        datetime: lambda: value - timedelta(hours=1),
        date: lambda: value + timedelta(days=1),
    }
    return others[type(value)]()


EXAMPLES: Final[dict[type, Any]] = {
    str: "made-up",
    int: 1,
    bytes: b"made-up",
    date: date(2001, 1, 1),
    datetime: datetime(2001, 1, 1, tzinfo=UTC),
}
