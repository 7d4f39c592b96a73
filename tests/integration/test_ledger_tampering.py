"""Any altered byte is found: whoever changes a row of the ledger, with every guard out of the way, is found by name."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from services.ledger import anchors, guards, operations, rebuilding, store
from services.ledger.anchors import BadAnchor
from shared.auth import Role
from shared.config import Settings, load_settings
from shared.events import canonical_json, content_hash
from tests.integration.ledger import MILLION, Money, opened_money
from tests.support import FixedClock, fact

# Working memory, not evidence: keys of repeats, and whose tokens are void (owned by situation).
NOT_EVIDENCE: Final = {"idempotency", "access"}
EVIDENCE: Final = [table for table in store.metadata.sorted_tables if table.name not in NOT_EVIDENCE]
COLUMNS: Final = [(table.name, column.name) for table in EVIDENCE for column in table.c]
# Where a change of a row shows, when it is not in its own table.
SHOWS: Final = {
    "balances": {"balances", "balance_history"},
    "inbox_events": {"inbox_events", "inbox_positions", "journal_lines"},
    "inbox_breaks": {"inbox_breaks", "inbox_events", "inbox_positions"},
    "inbox_positions": {"inbox_positions", "inbox_events"},
    "journal_lines": {"journal_lines", "inbox_events"},
    "postings": {"postings", "posting_clock", "inbox_positions", "balance_history"},
    "posting_clock": {"posting_clock"},
}


def filled(money: Money) -> Money:
    """A ledger with a row in every table."""
    money.appropriate(5000 * MILLION, "2025-04-03", "emergency_appropriation")
    money.spend("first", 600 * MILLION, "2025-03-25", disaster_id="fire", region_id="4700000000", party_id="red-cross")
    money.settle()
    forecast = {"year_end_forecast_won": 6000 * MILLION, "effective_date": "2025-04-11"}
    money.imports("/budget-lines/relief/forecasts", forecast)
    money.send(b"not json at all", fact("disbursement.unheard_of.v1", {}))
    money.settle()
    found = money.ledger.get("/breaks", Role.AUDITOR).json["items"][0]["id"]
    note = {"action": "assign", "owner": "operator-kim", "reason": "확인 중"}
    assert money.ledger.post(f"/differences/{found}/notes", note, Role.ADMINISTRATOR).status_code == 201
    assert money.ledger.post("/anchors", {}, Role.ADMINISTRATOR).status_code == 201
    money.clock.set(money.clock.now() + timedelta(minutes=5))
    money.spend("second", 100 * MILLION, "2025-03-26")
    money.settle()
    return money


@pytest.fixture
def ledger(money: Money) -> Money:
    return filled(money)


@contextmanager
def without_guards(money: Money) -> Iterator[Connection]:
    """As whoever owns the database can: no trigger, no foreign key; the guards stand again afterwards."""
    with money.database.engine.connect() as tx:
        if money.database.is_sqlite:
            tx.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        with tx.begin():
            if money.database.is_sqlite:
                for name in guards.SQLITE:
                    tx.exec_driver_sql(f"DROP TRIGGER {name}")
            else:
                tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
            yield tx
            if money.database.is_sqlite:
                for sql in guards.SQLITE.values():
                    tx.exec_driver_sql(sql)
        if money.database.is_sqlite:
            tx.connection.driver_connection.execute("PRAGMA foreign_keys=ON")  # type: ignore[union-attr]


def another(value: Any) -> Any:
    """A value of the same type that is not this one."""
    others: dict[type, Any] = {
        bool: lambda: not value,
        int: lambda: value + 1,
        str: lambda: value[:-1] + ("x" if value[-1:] != "x" else "y"),
        bytes: lambda: value[:-1] + bytes([value[-1] ^ 1]),
        datetime: lambda: value - timedelta(hours=1),
        date: lambda: value + timedelta(days=1),
        dict: lambda: {**value, "unit": "made up", "fiscal_year": 1999},
        type(None): lambda: "made-up",
    }
    return others[type(value)]()


def key_of(table: sa.Table, row: Any) -> list[sa.ColumnElement[bool]]:
    return [column == row[column.name] for column in table.primary_key.columns]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Money]:
    """One filled ledger for all columns: each change is put back."""
    settings = load_settings({"DURE_HOME": str(tmp_path_factory.mktemp("ledger")), "DURE_LOG_LEVEL": "error"})
    with opened_money(settings, FixedClock()) as money:
        yield filled(money)


def test_an_untouched_ledger_verifies(ledger: Money) -> None:
    verified = ledger.verified()
    assert verified["valid"], verified["findings"]
    assert verified["links"] == sum(chain["links"] for chain in verified["chains"])
    assert ledger.drift() == []
    for table in EVIDENCE:
        with ledger.database.read() as tx:
            assert tx.execute(sa.select(table).limit(1)).first() is not None, f"nothing to change in {table.name}"


@pytest.mark.parametrize(("name", "column"), COLUMNS)
def test_a_changed_column_is_found_by_name(embedded: Money, name: str, column: str) -> None:
    table = store.metadata.tables[name]
    with embedded.database.read() as tx:
        newest_first = [one.desc() for one in table.primary_key.columns]
        row = tx.execute(sa.select(table).order_by(*newest_first).limit(1)).mappings().one()
    changed = {**row, column: another(row[column])}
    write(embedded, table, row, changed)
    try:
        found = embedded.verified()["findings"]
        assert {finding["table"] for finding in found} & SHOWS.get(name, {name}), found
    finally:
        write(embedded, table, changed, row)
    assert embedded.verified()["valid"]


def write(money: Money, table: sa.Table, before: Any, after: Any) -> None:
    with without_guards(money) as tx:
        changed = sa.update(table).where(*key_of(table, before)).values(dict(after))
        assert tx.execute(changed).rowcount == 1


@pytest.mark.parametrize("name", [table.name for table in EVIDENCE if table.name not in ("posting_clock", "anchors")])
def test_a_removed_row_is_found(ledger: Money, name: str) -> None:
    table = store.metadata.tables[name]
    with ledger.database.read() as tx:
        row = tx.execute(sa.select(table).order_by(*table.primary_key.columns).limit(1)).mappings().one()
    with without_guards(ledger) as tx:
        assert tx.execute(sa.delete(table).where(*key_of(table, row))).rowcount == 1
    assert not ledger.verified()["valid"]


def test_an_approval_that_was_removed_with_its_bytes_is_found(ledger: Money) -> None:
    events = store.inbox.events
    with without_guards(ledger) as tx:
        approval = sa.select(events.c.number).where(events.c.event_type == "disbursement.spending_decided.v1").limit(1)
        number = tx.execute(approval).scalar_one()
        tx.execute(sa.delete(events).where(events.c.number == number))
    assert any("is missing" in finding["reason"] for finding in ledger.verified()["findings"])


def test_who_approved_cannot_be_rewritten_with_the_hash_of_the_event(ledger: Money) -> None:
    events = store.inbox.events
    with without_guards(ledger) as tx:
        row = tx.execute(
            sa.select(events).where(events.c.event_type == "disbursement.spending_decided.v1").limit(1)
        ).one()
        body = bytes(row.body).replace(b'"account":"review"', b'"account":"nobody"')
        new = {"body": body, "account": "nobody", "content_hash": content_hash(body)}
        tx.execute(sa.update(events).where(events.c.number == row.number).values(new))
    assert "inbox_events" in {finding["table"] for finding in ledger.verified()["findings"]}


class Forger:
    """Cuts the newest posting off and makes everything fit again, as only an anchor kept elsewhere can tell."""

    def __init__(self, money: Money) -> None:
        self.money = money

    def cut_newest_posting(self) -> None:
        with without_guards(self.money) as tx:
            newest = tx.execute(sa.select(sa.func.max(store.postings.c.number))).scalar_one()
            cut = tx.execute(sa.select(store.postings).where(store.postings.c.number == newest)).all()
            for row in cut:
                self._cut_chain(tx, row)
            tx.execute(sa.delete(store.postings).where(store.postings.c.number == newest))
            last = tx.execute(
                sa.select(store.postings).order_by(store.postings.c.number.desc(), store.postings.c.chain.desc())
            ).first()
            assert last is not None
            tx.execute(sa.update(store.posting_clock).values(number=last.number, hash=last.hash))
            tx.execute(sa.delete(store.anchors))
        with self.money.database.write() as tx:
            rebuilding.rebuild(tx)

    def _cut_chain(self, tx: Connection, row: Any) -> None:
        postings = store.postings
        before = tx.execute(
            sa.select(postings)
            .where(postings.c.chain == row.chain, postings.c.number < row.number)
            .order_by(postings.c.number.desc())
            .limit(1)
        ).first()
        positions = store.inbox.positions
        source = dict(operations.chains(tx))[row.chain]
        here = (positions.c.topic == source.topic) & (positions.c.partition == source.partition)
        after = before.through_sequence if before else 0
        gone = [row.chain << 40 | sequence for sequence in range(after + 1, row.through_sequence + 1)]
        tx.execute(sa.delete(store.journal_lines).where(store.journal_lines.c.number.in_(gone)))
        tx.execute(sa.delete(store.inbox.events).where(store.inbox.events.c.number.in_(gone)))
        tx.execute(sa.delete(store.inbox.breaks).where(store.inbox.breaks.c.number.in_(gone)))
        if before is None:
            tx.execute(sa.delete(positions).where(here))
        else:
            stands = {"next_offset": before.next_offset, "sequence": after, "hash": before.chain_hash}
            tx.execute(sa.update(positions).where(here).values(stands))


def test_a_chain_cut_together_with_everything_else_is_found_by_an_anchor_kept_elsewhere(ledger: Money) -> None:
    answer = ledger.ledger.post("/anchors", {}, Role.ADMINISTRATOR)
    kept = answer.get_data()
    assert verify_with(ledger, kept)["valid"]
    Forger(ledger).cut_newest_posting()
    assert ledger.verified()["valid"]  # nothing inside the house can tell any more
    found = verify_with(ledger, kept)
    assert not found["valid"]
    assert "anchor" in {finding["table"] for finding in found["findings"]}


def verify_with(money: Money, kept: bytes) -> Any:
    headers = {"Authorization": f"Bearer {money.ledger.token(Role.AUDITOR)}"}
    return money.ledger.client.post("/api/ledger/v1/anchor-checks", data=kept, headers=headers).json


@pytest.mark.parametrize(
    ("old", "new"), [(b'"sequence":', b'"sequence":1'), (b'"signature":"', b'"signature":"A'), (b"{", b"[")]
)
def test_an_anchor_that_was_changed_is_no_anchor(ledger: Money, old: bytes, new: bytes) -> None:
    kept = ledger.ledger.post("/anchors", {}, Role.ADMINISTRATOR).get_data()
    answer = verify_with(ledger, kept.replace(old, new, 1))
    assert answer["type"] == "urn:dure:problem:bad-anchor"


def test_one_anchor_is_made_a_day(ledger: Money, settings: Settings) -> None:
    with ledger.database.write() as tx:
        chains, key = operations.chains(tx), settings.anchor_key
        assert anchors.make_daily(tx, key, ledger.clock.now(), chains) is None  # there is one of today
        tomorrow = ledger.clock.now() + timedelta(days=1)
        made = anchors.make_daily(tx, key, tomorrow, chains)
        assert made is not None
        assert anchors.make_daily(tx, key, tomorrow, chains) is None
    raw = canonical_json(made)
    assert anchors.read(raw, key) == made.anchor
    with pytest.raises(BadAnchor, match="not signed by this ledger"):
        anchors.read(raw, "another key that is long enough to be one")
