"""Triggers by which the database refuses what must never happen, on SQLite and PostgreSQL.

The final state of a message never changes, and on PostgreSQL no role of the application empties the tables of
messages and attempts. Installed after every migration: Django rebuilds tables on SQLite, and a rebuild drops
triggers without a word.
"""

from dataclasses import dataclass
from typing import Any, Self

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

HINT = "Run manage.py migrate --skip-checks."
# A test empties its database that way. A setting of the session can only make it as strict as any other.
_IN_A_TEST = (
    r"current_database() LIKE 'test\_%' AND current_setting('commlog.guarded', true) IS DISTINCT FROM 'on'"
)


def expected(table: str, connection: BaseDatabaseWrapper) -> bool:
    """Return whether `migrate` has installed a table's guards: its own system checks run before that."""
    if table not in connection.introspection.table_names():
        return False
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


@dataclass(frozen=True)
class Guard:
    """A trigger of a table that refuses some statements, with the text `refusal`.

    `sqlite` and `postgresql` are the part between the trigger's name and its action; SQLite may have none.
    `unless` is the condition under which PostgreSQL lets a statement through, and `through` what the trigger
    returns then: NULL for whole statements, else the row.
    """

    trigger: str
    table: str
    refusal: str
    sqlite: str
    postgresql: str
    unless: str = ""
    through: str = "NULL"

    @classmethod
    def against_truncate(cls, table: str) -> Self:
        """Return the guard of a table that is never emptied. SQLite has no TRUNCATE."""
        words = f"{table} is never emptied"
        statement = f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"
        return cls(
            f"{table}_kept", table=table, refusal=words, sqlite="", postgresql=statement, unless=_IN_A_TEST
        )

    def install(self, using: str = "default") -> None:
        connection = connections[using]
        if self.table not in connection.introspection.table_names():
            return  # migrated back to nothing
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(self._postgresql())
            elif self.sqlite:
                cursor.execute(f"DROP TRIGGER IF EXISTS {self.trigger}")
                cursor.execute(
                    f"CREATE TRIGGER {self.trigger} {self.sqlite} BEGIN SELECT RAISE(ABORT, "
                    f"'{self.refusal}'); END"
                )

    def _postgresql(self) -> str:
        through = f"IF {self.unless} THEN RETURN {self.through}; END IF;" if self.unless else ""
        return f"""
CREATE OR REPLACE FUNCTION {self.trigger}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN {through} RAISE EXCEPTION '{self.refusal}' USING ERRCODE = 'integrity_constraint_violation'; END $$;
DROP TRIGGER IF EXISTS {self.trigger} ON {self.table};
CREATE TRIGGER {self.trigger} {self.postgresql} EXECUTE FUNCTION {self.trigger}();
"""

    def installed(self, connection: BaseDatabaseWrapper) -> bool:
        if connection.vendor == "sqlite" and not self.sqlite:
            return True
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
GUARDS = (FINAL_STATE, *map(Guard.against_truncate, ("notifications_message", "notifications_attempt")))


def install(using: str = "default", **_: Any) -> None:
    """Create the triggers anew (signal receiver of post_migrate)."""
    for guard in GUARDS:
        guard.install(using)


def installed(connection: BaseDatabaseWrapper) -> bool:
    """Return whether all triggers exist."""
    return all(guard.installed(connection) for guard in GUARDS)
