"""Triggers by which the database itself refuses what must never be, on SQLite and PostgreSQL: the final state of a message is one.

Installed after every migration: Django rebuilds tables on SQLite, and a rebuild drops triggers without a word.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)  # without slots: signals hold their receivers weakly
class Guard:
    """A trigger of a table that refuses some statements, with the words of `refusal`.

    `sqlite` and `postgresql` say which: what stands between the trigger's name and its action.
    """

    trigger: str
    table: str
    refusal: str
    sqlite: str
    postgresql: str

    def install(self, using: str = "default", **_: Any) -> None:
        """Create the trigger anew (signal receiver of post_migrate)."""
        connection = connections[using]
        if self.table not in connection.introspection.table_names():
            return  # migrated back to nothing
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {self.trigger}")
                cursor.execute(f"CREATE TRIGGER {self.trigger} {self.sqlite} BEGIN SELECT RAISE(ABORT, '{self.refusal}'); END")
            else:
                cursor.execute(f"""
CREATE OR REPLACE FUNCTION {self.trigger}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{self.refusal}' USING ERRCODE = 'integrity_constraint_violation'; END $$;
DROP TRIGGER IF EXISTS {self.trigger} ON {self.table};
CREATE TRIGGER {self.trigger} {self.postgresql} EXECUTE FUNCTION {self.trigger}();
""")

    def installed(self, connection: BaseDatabaseWrapper) -> bool:
        """Whether the trigger is there."""
        query = {
            "sqlite": "SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = %s",
            "postgresql": "SELECT 1 FROM pg_trigger WHERE tgname = %s AND tgenabled <> 'D'",
        }[connection.vendor]
        with connection.cursor() as cursor:
            cursor.execute(query, [self.trigger])
            return cursor.fetchone() is not None


TRIGGER = "notifications_message_final_state"
REFUSAL = "the state of a sent or failed message never changes"
FINAL_STATE = Guard(
    TRIGGER,
    table="notifications_message",
    refusal=REFUSAL,
    sqlite="""BEFORE UPDATE OF state ON notifications_message
WHEN OLD.state IN ('SENT', 'FAILED') AND NEW.state IS NOT OLD.state""",
    postgresql="""BEFORE UPDATE OF state ON notifications_message FOR EACH ROW
WHEN (OLD.state IN ('SENT', 'FAILED') AND NEW.state IS DISTINCT FROM OLD.state)""",
)
install, installed = FINAL_STATE.install, FINAL_STATE.installed
