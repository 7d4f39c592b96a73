"""The database itself refuses what must not be: unbalanced entries, lines added later, and any change."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from services.ledger import guards, store
from tests.integration.ledger import Money

LINE: dict[str, Any] = {
    "number": 9,
    "position": 0,
    "account": "B110",
    "commodity": "KRW",
    "object_id": "relief",
    "disaster_id": "",
    "fund_id": "fund",
    "fiscal_year": 2025,
    "region_id": "",
    "party_id": "",
    "relief_stage": "",
    "amount": 5,
}
ENTRY: dict[str, Any] = {
    "number": 9,
    "topic": "t",
    "partition": 0,
    "offset": 1,
    "event_id": "made-up",
    "event_type": "t",
    "subject": "s",
    "account": "a",
    "body_id": "b",
    "effective_date": date(2025, 1, 1),
    "recorded_at": datetime(2025, 1, 1, tzinfo=UTC),
    "content_hash": "h",
    "control_amount": 5,
    "line_count": 2,
    "hash_version": 1,
    "hash": "h",
    "body": b"",
}


def test_the_database_refuses_to_change_what_was_written(money: Money) -> None:
    money.send(b"not json at all")
    money.settle()
    for name in guards.PROTECTED:
        table = store.metadata.tables[name]
        for statement in (sa.delete(table), sa.update(table).values({list(table.c)[-1]: list(table.c)[-1]})):
            with money.database.read() as tx:
                empty = tx.execute(sa.select(table).limit(1)).first() is None
            if empty and money.database.is_sqlite:
                continue  # a trigger for each row has no row to refuse
            with pytest.raises(sa.exc.DBAPIError, match="append-only"), money.database.write() as tx:
                tx.execute(statement)


@pytest.mark.parametrize(
    "lines",
    [
        [LINE, LINE | {"position": 1, "amount": -4}],
        [LINE, LINE | {"position": 1, "commodity": "goods:동", "amount": -5}],
        [],
        [LINE, LINE | {"position": 1, "amount": -5}, LINE | {"position": 2, "amount": 0}],
    ],
    ids=["sum", "unlike units", "without its lines", "one line too many"],
)
def test_the_database_refuses_an_entry_that_does_not_balance(money: Money, lines: list[dict[str, Any]]) -> None:
    def write() -> None:
        with money.database.write() as tx:
            if lines:
                tx.execute(sa.insert(store.journal_lines), lines)
            tx.execute(sa.insert(store.inbox.events), [ENTRY])

    with pytest.raises(sa.exc.DBAPIError, match="balance"):
        write()


def test_the_database_refuses_lines_without_their_entry(money: Money) -> None:
    with pytest.raises(sa.exc.IntegrityError), money.database.write() as tx:
        tx.execute(sa.insert(store.journal_lines), [LINE, LINE | {"position": 1, "amount": -5}])


def test_the_database_refuses_lines_added_to_an_existing_entry(money: Money) -> None:
    money.settle()
    with money.database.read() as tx:
        number = tx.execute(sa.select(store.inbox.events.c.number).limit(1)).scalar_one()
    more = [LINE | {"number": number, "position": 8}, LINE | {"number": number, "position": 9, "amount": -5}]
    with pytest.raises(sa.exc.DBAPIError, match="cannot be added"), money.database.write() as tx:
        tx.execute(sa.insert(store.journal_lines), more)


@pytest.mark.parametrize("table", guards.PROTECTED)
def test_a_guard_that_was_dropped_is_found(money: Money, table: str) -> None:
    with money.database.write() as tx:
        if money.database.is_sqlite:
            tx.execute(sa.text(f"DROP TRIGGER {table}_no_delete"))
        else:
            tx.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only"))
    found = money.verified()["findings"]
    assert [finding["table"] for finding in found] == ["guards"]
    assert found[0]["row"].startswith(table)


def test_a_guard_that_was_weakened_is_found(money: Money) -> None:
    with money.database.write() as tx:
        if money.database.is_sqlite:
            tx.execute(sa.text("DROP TRIGGER journal_entry_is_balanced"))
            tx.exec_driver_sql(guards.SQLITE["journal_entry_is_balanced"].replace("<> 0", "> 100"))
        else:
            body = guards.CHECK_LINES.replace("<> 0", "> 100")
            tx.exec_driver_sql(
                f"CREATE OR REPLACE FUNCTION check_new_lines() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
            )
    found = money.verified()["findings"]
    assert [finding["row"] for finding in found] in (["journal_entry_is_balanced"], ["check_new_lines"])
