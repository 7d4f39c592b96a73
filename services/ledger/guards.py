"""What the database itself refuses: entries that do not balance, and any change of what was written.

`verify` compares these texts with what stands in the database, so a guard that was dropped or weakened is found.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

UNBALANCED: Final = "an entry without its lines or with lines that do not balance"
SEALED: Final = "lines cannot be added to an entry that exists"
APPEND_ONLY: Final = "the journal is append-only: post a reversal instead"
PROTECTED: Final = ("inbox_events", "inbox_breaks", "journal_lines", "postings", "notes", "anchors")

# ruff: noqa: S608 - the texts are put together from the constants above
SQLITE: Final[dict[str, str]] = {
    "journal_entry_is_balanced": f"""
    CREATE TRIGGER journal_entry_is_balanced BEFORE INSERT ON inbox_events
    WHEN NEW.line_count <> (SELECT count(*) FROM journal_lines WHERE number = NEW.number)
      OR EXISTS (SELECT 1 FROM journal_lines WHERE number = NEW.number GROUP BY commodity HAVING sum(amount) <> 0)
    BEGIN SELECT RAISE(ABORT, '{UNBALANCED}'); END
    """,
    "journal_entry_is_sealed": f"""
    CREATE TRIGGER journal_entry_is_sealed BEFORE INSERT ON journal_lines
    WHEN EXISTS (SELECT 1 FROM inbox_events WHERE number = NEW.number)
    BEGIN SELECT RAISE(ABORT, '{SEALED}'); END
    """,
    **{
        f"{table}_no_{verb.lower()}": f"""
        CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END
        """
        for table in PROTECTED
        for verb in ("UPDATE", "DELETE")
    },
}

# Once per statement over all its rows: a trigger per row would cost most of the speed of COPY. That the lines of an
# entry balance is checked among the new rows alone, so the lines of one entry have to come in one statement. Other
# rows are looked up by key: a plan made while the journal is small must not read all of it once it is large.
BY_KEY: Final = "SET enable_hashjoin = off SET enable_mergejoin = off"
CHECK_LINES: Final = f"""
    BEGIN
        IF EXISTS (SELECT 1 FROM added JOIN inbox_events USING (number))
        THEN RAISE EXCEPTION '{SEALED}' USING ERRCODE = 'check_violation'; END IF;
        IF EXISTS (SELECT 1 FROM added GROUP BY number, commodity HAVING sum(amount) <> 0)
        THEN RAISE EXCEPTION '{UNBALANCED}' USING ERRCODE = 'check_violation'; END IF;
        RETURN NULL;
    END """
CHECK_ENTRIES: Final = f"""
    BEGIN
        IF EXISTS (
            SELECT 1 FROM added
            WHERE line_count <> (SELECT count(*) FROM journal_lines WHERE journal_lines.number = added.number)
        ) THEN RAISE EXCEPTION '{UNBALANCED}' USING ERRCODE = 'check_violation'; END IF;
        RETURN NULL;
    END """
REFUSE: Final = f"""
    BEGIN RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'check_violation'; END """
FUNCTIONS: Final = {
    "check_new_lines": (CHECK_LINES, BY_KEY),
    "check_new_entries": (CHECK_ENTRIES, BY_KEY),
    "refuse_change": (REFUSE, ""),
}
POSTGRESQL: Final[dict[str, str]] = {
    "journal_lines_balance": """
    CREATE TRIGGER journal_lines_balance AFTER INSERT ON journal_lines
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_new_lines()
    """,
    "journal_entry_has_lines": """
    CREATE TRIGGER journal_entry_has_lines AFTER INSERT ON inbox_events
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_new_entries()
    """,
    **{
        f"{table}_append_only": f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
        for table in PROTECTED
    },
}


def statements(dialect_name: str) -> list[str]:
    """What puts the guards in place."""
    if dialect_name == "sqlite":
        return list(SQLITE.values())
    functions = [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {options} AS $${body}$$"
        for name, (body, options) in FUNCTIONS.items()
    ]
    return functions + list(POSTGRESQL.values())


def missing(tx: Connection) -> list[str]:
    """The guards that do not stand in the database as they should, by name."""
    if tx.dialect.name == "sqlite":
        found = _texts(tx, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return [name for name, sql in SQLITE.items() if _words(found.get(name, "")) != _words(sql)]
    bodies = _texts(tx, "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = current_schema()::regnamespace")
    gone = [name for name, (body, _) in FUNCTIONS.items() if _words(bodies.get(name, "")) != _words(body)]
    standing = _texts(
        tx, "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'"
    )
    return gone + [name for name, sql in POSTGRESQL.items() if _as_listed(sql) != _words(standing.get(name, ""))]


def _texts(tx: Connection, query: str) -> dict[str, str]:
    return {name: text for name, text in tx.execute(sa.text(query))}  # noqa: C416 - rows are no pairs to the types


def _words(sql: str) -> list[str]:
    return sql.lower().replace("public.", "").split()


def _as_listed(sql: str) -> list[str]:
    """PostgreSQL lists the verbs of a trigger in an order of its own."""
    return _words(sql.replace("UPDATE OR DELETE OR TRUNCATE", "DELETE OR UPDATE OR TRUNCATE"))
