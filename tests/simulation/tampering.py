"""Somebody with the files in hand changes one value: a proof of its owner, or of the ledger, finds which."""

import re
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from random import Random
from typing import Any, Final

import sqlalchemy as sa

from shared.seals import COLUMN, broken, is_sealed
from tests.simulation.laws import holds
from tests.simulation.laws_settled import SettledLaws
from tests.simulation.world import MODULES

DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
LETTER_OR_DIGIT: Final = re.compile(r"\w")
# Orders and no facts: what a row is counted by, and how often it changed. Of a seal itself only the length is fixed.
ORDERS: Final = {"number", "version", COLUMN}
# What follows from another row, or tells nothing that anybody is told.
FOLLOWS: Final = {"cancelled_on", "changed_on", "signed_in_at", "published_at", "refused_reason"}
# Of the ledger: what only has to lie in the future, what is heard again at every start, and answers kept for repeats.
LEFT_OUT: Final = {"posting_clock", "access", "idempotency"}


class Tamperer:
    def __init__(self, settled: SettledLaws) -> None:
        self.settled = settled
        self.world = settled.world

    def check(self) -> None:
        """Change one value and look for it. Nothing can be done with this world afterwards."""
        random = Random(self.world.calls)
        for name in random.sample(list(MODULES), 2):
            self.settled.laws.let_go(name)
            if (what := self._change_something(random, name)) is not None:
                holds(f"any altered byte is found ({name}: {what})", True, self._is_found(name))

    def _is_found(self, name: str) -> bool:
        if name == "ledger":
            return not self.world.look(name, "/verification")["valid"]
        service = self.world.service(name)
        with service.database.read() as tx:
            return any(broken(tx, service.tables)) or bool(self.settled.miscounted())

    def _change_something(self, random: Random, name: str) -> str | None:
        """The table and the column that were changed; None where the database itself would not take it."""
        tables = [table for table in self.world.service(name).tables.sorted_tables if self._is_guarded(name, table)]
        table = random.choice(tables)
        columns = [column.name for column in table.c if name == "ledger" or column.name not in ORDERS | FOLLOWS]
        column = random.choice(columns)
        with closing(sqlite3.connect(self.world.home / f"dure_{name}.db", isolation_level=None)) as database:
            telling = " AND amount <> 0" if table.name == "counts" else ""  # a count of nought is the same as none
            query = f'SELECT rowid, "{column}" FROM {table.name} WHERE "{column}" IS NOT NULL{telling} ORDER BY rowid'
            rows = database.execute(query).fetchall()
            if not rows:
                return None
            rowid, value = random.choice(rows)
            changed = 1 - value if isinstance(table.c[column].type, sa.Boolean) else altered(value)
            if changed == value:
                return None
            try:
                self._write(database, table.name, column, rowid, changed)
            except sqlite3.IntegrityError:
                return None
        return f"{table.name}.{column}"

    def _is_guarded(self, name: str, table: sa.Table) -> bool:
        return table.name not in LEFT_OUT if name == "ledger" else is_sealed(table)

    def _write(self, database: sqlite3.Connection, table: str, column: str, rowid: int, value: Any) -> None:
        """Past every guard, which stand again afterwards."""
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
        guards = database.execute(query, (table,)).fetchall()
        database.execute("PRAGMA ignore_check_constraints = ON")
        for guard, _ in guards:
            database.execute(f"DROP TRIGGER {guard}")
        try:
            database.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (value, rowid))
        finally:
            for _, sql in guards:
                database.execute(sql)


def altered(value: Any) -> Any:
    """Another value of the same form."""
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1]) if value else b"0"
    if isinstance(value, int):
        return value + 1
    if DAY.match(value):
        day = date.fromisoformat(value[:10])
        return (day + timedelta(days=1 if day.year < 9000 else -1)).isoformat() + value[10:]
    return LETTER_OR_DIGIT.sub(lambda found: "1" if found[0] == "0" else "0", value, count=1) if value else "0"
