"""Rows of the services' own tables, as many as are wanted, without asking for each through the API."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa

from services.dispatch import store as people
from services.inventory import store as goods
from shared.db import Database, bulk_insert
from shared.personal_data import Vault
from shared.seals import COLUMN, is_sealed, seal
from tests.bench import facts
from tests.bench.bench import SECRETS

DEPOTS: Final = 10
SEATS: Final = 100  # sign-ups of one shift
PURGE_AFTER: Final = facts.FIRST_DAY + timedelta(days=365)
EXPIRES_ON: Final = date(2028, 3, 21)


def fill_inventory(database: Database, lots: int) -> None:
    with database.write() as tx:
        insert_items(tx, [f"item-{n}" for n in range(facts.ITEMS)])
        insert_lots(
            tx,
            "id item_id depot_id received on_hand reserved expires_on",
            (
                (f"lot-{n}", f"item-{n % facts.ITEMS}", f"depot-{n % DEPOTS}", 100, 90, 10, EXPIRES_ON)
                for n in range(lots)
            ),
        )


def insert_items(tx: sa.Connection, ids: Iterable[str]) -> None:
    rows = ((id_, f"구호물품 {id_}", "개", facts.FIRST_DAY, 1) for id_ in ids)
    insert(tx, goods.items, "id name unit named_on version", rows)


def insert_lots(tx: sa.Connection, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """`columns` and `rows` say what lots do not have in common."""
    common = (facts.BODY, "시 비축", facts.FIRST_DAY, facts.FIRST_MOMENT, "bench", False, 1)
    names = f"{columns} body_id source effective_date recorded_at recorded_by late version"
    insert(tx, goods.lots, names, ((*row, *common) for row in rows))


def fill_dispatch(database: Database, sign_ups: int) -> None:
    vault = Vault.of(SECRETS["DURE_PERSONAL_DATA_KEY"])
    name, phone = vault.encrypt("시연 봉사자"), vault.encrypt("01000000000")
    starts_at, day = facts.FIRST_MOMENT, facts.FIRST_DAY
    decided = ("approved", "proposer", "approver", day, 1)
    named = (facts.BODY, facts.DISASTER, "물품 분류", day, "체육관", "general", "selected", "시 자원봉사센터", *decided)
    with database.write() as tx:
        insert(
            tx,
            people.tasks,
            "id body_id disaster_id title named_on place kind selection host_organisation state proposed_by approved_by"
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
                (
                    *(f"sign-up-{n}", f"shift-{n // SEATS}", "applied", f"{n:064}"),
                    *(name, phone, starts_at, PURGE_AFTER, day, 1),
                )
                for n in range(sign_ups)
            ),
        )


def insert(tx: sa.Connection, table: sa.Table, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    names = columns.split()
    if is_sealed(table):
        rows = ((*row, seal(tx, table, dict(zip(names, row, strict=True)))) for row in rows)
        bulk_insert(tx, table, [*names, COLUMN], rows)
    else:
        bulk_insert(tx, table, names, rows)


def analyse(database: Database) -> None:
    """The server does so by itself, but not at once."""
    with database.write() as tx:
        tx.execute(sa.text("ANALYZE"))
