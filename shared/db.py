"""Databases: PostgreSQL and SQLite behind one URL, with the same transactions and the same types."""

import contextlib
import functools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, make_url
from sqlalchemy.pool import ConnectionPoolEntry

KEY_OPTION = "dure_seal_key"
BUSY_TIMEOUT_SECONDS = 30
POOL_SIZE = 16

# SQLite numbers rows by itself only in a column declared INTEGER.
RowNumber = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware moment, kept in UTC. SQLite forgets time zones, so they are put back on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} names no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """One service's own database. `write` and `read` are the only two kinds of transaction."""

    def __init__(self, url: str, *, seal_key: bytes = b"") -> None:
        """`seal_key` is for the rows of tables that are sealed: see `shared.seals`."""
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # Errors end up in logs, where what somebody wrote about a person must not.
        options: dict[str, Any] = {"pool_size": POOL_SIZE, "max_overflow": POOL_SIZE, "hide_parameters": True}
        if self.is_sqlite:
            if self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = sa.create_engine(self.url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, **options)
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
        else:
            self.engine = sa.create_engine(self.url, pool_pre_ping=True, **options)
        self.engine = self.engine.execution_options(**{KEY_OPTION: seal_key})

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may change rows: committed when the block ends, undone when it raises."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one consistent state and changes nothing."""
        options: dict[str, Any] = (
            {"dure_read": True}
            if self.is_sqlite
            else {
                "isolation_level": "REPEATABLE READ",
                "postgresql_readonly": True,
            }
        )
        with self.engine.connect() as connection, connection.execution_options(**options).begin():
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver's own BEGIN is off: see _begin_sqlite
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads first cannot wait for the write lock later, so writers take it at once.
    reading = connection.get_execution_options().get("dure_read", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def ensure_database(url: str) -> None:
    """Create the PostgreSQL database of `url` if it is missing; SQLite creates its file by itself."""
    target = make_url(url)
    if target.get_backend_name() == "sqlite" or target.database is None:
        return
    probe = sa.create_engine(target, poolclass=sa.pool.NullPool)
    try:
        with probe.connect():
            return
    except sa.exc.OperationalError as error:
        if "does not exist" not in str(error):
            raise
    server = sa.create_engine(target.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with server.connect() as connection, contextlib.suppress(sa.exc.ProgrammingError, sa.exc.IntegrityError):
        # Another process may create it between the look and this statement; then it is there, which is the aim.
        connection.exec_driver_sql(f'CREATE DATABASE "{target.database}"')


# Building a statement takes longer than running it, so one that requests repeat is built once: those of a `store` at
# import, and those for any table at their first use.
@functools.cache
def insert_if_absent(dialect_name: str, table: sa.Table) -> Any:
    """`INSERT … ON CONFLICT DO NOTHING`."""
    return _insert(dialect_name, table).on_conflict_do_nothing().inline()


@functools.cache
def insert_new(dialect_name: str, table: sa.Table) -> Any:
    """As `insert_if_absent`; it returns the new row, or none."""
    # Asked by RETURNING, because not every driver counts the rows of an INSERT.
    return _insert(dialect_name, table).on_conflict_do_nothing().returning(table)


@functools.cache
def add_to(dialect_name: str, table: sa.Table, *amounts: str) -> Any:
    """`INSERT`, or where the primary key exists, add the new row's `amounts` to the old one's."""
    insert = _insert(dialect_name, table)
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: table.c[name] + insert.excluded[name] for name in amounts},
    )


@functools.cache
def raise_to(dialect_name: str, table: sa.Table, value: str) -> Any:
    """`INSERT`, or where the primary key exists, keep the larger `value`."""
    insert = _insert(dialect_name, table)
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={value: insert.excluded[value]},
        where=table.c[value] < insert.excluded[value],
    )


def _insert(dialect_name: str, table: sa.Table) -> Any:
    return sqlite.insert(table) if dialect_name == "sqlite" else postgresql.insert(table)


def is_among(dialect_name: str, column: sa.Column[Any], values: list[Any]) -> sa.ColumnElement[bool]:
    """`column IN values` for thousands of values: PostgreSQL takes them as one array, for a text of one parameter."""
    if dialect_name == "sqlite":
        return column.in_(values)
    return column == sa.any_(sa.literal(values, postgresql.ARRAY(column.type)))


def bulk_insert(tx: Connection, table: sa.Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert many rows: by COPY on PostgreSQL, many times faster than INSERT, and by executemany on SQLite."""
    if tx.dialect.name == "sqlite":
        if named := _named(columns, rows):
            tx.execute(sa.insert(table), named)
        return
    statement, types = _copy_of(table, tuple(columns))
    driver_connection = tx.connection.driver_connection
    assert driver_connection is not None
    with driver_connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


POSTGRESQL: Final[Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]  # the library is untyped here


@functools.cache
def _copy_of(table: sa.Table, columns: tuple[str, ...]) -> tuple[str, list[str]]:
    """The statement, and the names of the columns' types: the binary form, which takes no escaping, needs them."""
    quoted = ", ".join(f'"{column}"' for column in columns)
    types = [table.c[column].type.compile(POSTGRESQL).lower().partition("(")[0] for column in columns]
    return f'COPY "{table.name}" ({quoted}) FROM STDIN (FORMAT BINARY)', types


def bulk_add(
    tx: Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    key: Sequence[str],
    amounts: Sequence[str],
) -> None:
    """Insert many rows with keys of their own; where the `key` exists, add the `amounts` and replace the rest.

    PostgreSQL takes all of them as one JSON array.
    """
    if not rows:
        return
    statement = _add_or_replace(tx.dialect.name, table, tuple(columns), tuple(key), tuple(amounts))
    if tx.dialect.name == "sqlite":
        tx.execute(statement, _named(columns, rows))
    else:
        tx.execute(statement, {ROWS.key: msgspec.json.encode(rows).decode()})


ROWS: Final[sa.BindParameter[str]] = sa.bindparam("rows", type_=sa.Text)


@functools.cache
def _add_or_replace(
    dialect_name: str, table: sa.Table, columns: tuple[str, ...], key: tuple[str, ...], amounts: tuple[str, ...]
) -> Any:
    insert = _insert(dialect_name, table)
    new = {name: insert.excluded[name] for name in columns if name not in key}
    if dialect_name != "sqlite":
        insert = insert.from_select(columns, _rows_of_json([table.c[name] for name in columns]))
    return insert.on_conflict_do_update(
        index_elements=[table.c[name] for name in key],
        set_={name: table.c[name] + value if name in amounts else value for name, value in new.items()},
    )


def _rows_of_json(columns: Sequence[sa.Column[Any]]) -> sa.Select[Any]:
    """The rows in ROWS, with values for these columns. Text stays as long as it is: a cast would cut it off."""
    array = sa.cast(ROWS, postgresql.JSONB)
    element = sa.func.jsonb_array_elements(array, type_=postgresql.JSONB).column_valued("element")
    texts = [element[position].astext for position in range(len(columns))]
    return sa.select(
        *(
            text if isinstance(column.type, sa.String) else sa.cast(text, column.type)
            for text, column in zip(texts, columns, strict=True)
        )
    )


def _named(columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in rows]
