"""What happens to the files of a database while nobody, or the wrong one, has them open."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

HALF_WRITTEN: Final = "half_written"
ROWS, ROW_BYTES = 30, 4000  # more than fits the cache below, so that it goes to the file before it is committed


def copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


def half_written(path: Path, percent: int) -> dict[Path, bytes]:
    """The files of this database as they are when a process dies `percent` into writing a transaction to them."""
    log = path.with_name(f"{path.name}-wal")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN IMMEDIATE")
        before = log.stat().st_size
        writer.execute(f"CREATE TABLE {HALF_WRITTEN} (page BLOB)")
        writer.executemany(f"INSERT INTO {HALF_WRITTEN} VALUES (?)", [(bytes(ROW_BYTES),)] * ROWS)
        main, whole = path.read_bytes(), log.read_bytes()
        writer.execute("ROLLBACK")
    return {path: main, log: whole[: before + (len(whole) - before) * percent // 100]}


def put_back(files: dict[Path, bytes]) -> None:
    """Nobody may have the database open; what its connections shared in memory is lost with them."""
    for path, content in files.items():
        path.write_bytes(content)
        path.with_name(f"{path.name}-shm").unlink(missing_ok=True)


def shows_half(path: Path) -> bool:
    """Whether anything can be seen of the transaction that was not finished."""
    with closing(sqlite3.connect(path)) as reader:
        return reader.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (HALF_WRITTEN,)).fetchone() is not None
