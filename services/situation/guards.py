"""What the database itself refuses: to change what is only ever added to, and to do more to a grant than end it."""

from collections.abc import Iterator
from typing import Final

APPEND_ONLY: Final = ("log_entries", "account_steps", "disaster_stages", "disaster_regions", "region_members")
GRANT: Final = (
    "number",
    "id",
    "account_id",
    "role",
    "body_id",
    "disaster_id",
    "first_day",
    "last_day",
    "granted_by",
    "recorded_at",
)
OLD, NEW = (", ".join(f"{row}.{column}" for column in GRANT) for row in ("OLD", "NEW"))
ENDS: Final = "OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL"
ONCE: Final = "grants are append-only: they end once"


def statements(dialect_name: str) -> Iterator[str]:
    """What puts the guards in place."""
    yield from SQLITE if dialect_name == "sqlite" else POSTGRESQL


SQLITE: Final = (
    *(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER grants_no_delete BEFORE DELETE ON grants BEGIN SELECT RAISE(ABORT, '{ONCE}'); END",
    (
        f"CREATE TRIGGER grants_no_update BEFORE UPDATE ON grants WHEN NOT ({ENDS} AND ({OLD}) IS ({NEW})) "
        f"BEGIN SELECT RAISE(ABORT, '{ONCE}'); END"
    ),
)
POSTGRESQL: Final = (
    *(
        statement
        for table in APPEND_ONLY
        for statement in (
            (
                f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql "
                f"AS $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
            ),
            (
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                f"EXECUTE FUNCTION {table}_append_only()"
            ),
        )
    ),
    (
        f"CREATE FUNCTION grants_only_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'UPDATE' THEN IF {ENDS} AND ({OLD}) IS NOT DISTINCT FROM ({NEW}) THEN RETURN NEW; END IF; END IF; "
        f"RAISE EXCEPTION '{ONCE}'; END $$"
    ),
    "CREATE TRIGGER grants_only_end BEFORE UPDATE OR DELETE ON grants FOR EACH ROW EXECUTE FUNCTION grants_only_end()",
    "CREATE TRIGGER grants_no_truncate BEFORE TRUNCATE ON grants EXECUTE FUNCTION grants_only_end()",
)
