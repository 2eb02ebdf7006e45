"""The database's own refusal to change a final state, on SQLite and PostgreSQL.

Installed after every migration: Django rebuilds tables on SQLite, and a rebuild drops triggers without a word.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

TRIGGER = "notifications_message_final_state"
REFUSAL = "the state of a sent or failed message never changes"

_SQLITE = f"""
CREATE TRIGGER {TRIGGER} BEFORE UPDATE OF state ON notifications_message
WHEN OLD.state IN ('SENT', 'FAILED') AND NEW.state IS NOT OLD.state
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
"""
_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION {TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$;
DROP TRIGGER IF EXISTS {TRIGGER} ON notifications_message;
CREATE TRIGGER {TRIGGER} BEFORE UPDATE OF state ON notifications_message FOR EACH ROW
WHEN (OLD.state IN ('SENT', 'FAILED') AND NEW.state IS DISTINCT FROM OLD.state) EXECUTE FUNCTION {TRIGGER}();
"""


def install(using: str = "default", **_: Any) -> None:
    """Create the trigger where it is missing (signal receiver of post_migrate)."""
    connection = connections[using]
    if "notifications_message" not in connection.introspection.table_names():
        return  # migrated back to nothing
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"DROP TRIGGER IF EXISTS {TRIGGER}")
            cursor.execute(_SQLITE)
        else:
            cursor.execute(_POSTGRESQL)


def installed(connection: BaseDatabaseWrapper) -> bool:
    """Whether the trigger is there."""
    query = {
        "sqlite": "SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = %s",
        "postgresql": "SELECT 1 FROM pg_trigger WHERE tgname = %s AND tgenabled <> 'D'",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(query, [TRIGGER])
        return cursor.fetchone() is not None
