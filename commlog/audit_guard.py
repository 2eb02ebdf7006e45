"""The database's own refusal to change the audit trail: no UPDATE on either database, and no DELETE on PostgreSQL.

SQLite has no TRUNCATE: emptying a test database there is a DELETE, so that one is refused by the code alone. Installed after every
migration, because Django rebuilds tables on SQLite and a rebuild drops triggers without a word.
"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from commlog.models.audit_entry import REFUSAL, AuditEntry

TABLE = AuditEntry._meta.db_table
TRIGGER = f"{TABLE}_append_only"

_SQLITE = f"CREATE TRIGGER {TRIGGER} BEFORE UPDATE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION {TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$;
DROP TRIGGER IF EXISTS {TRIGGER} ON {TABLE};
CREATE TRIGGER {TRIGGER} BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION {TRIGGER}();
"""


def install(using: str = "default", **_: Any) -> None:
    """Create the trigger where it is missing (signal receiver of post_migrate)."""
    connection = connections[using]
    if TABLE not in connection.introspection.table_names():
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


@register(Tags.database)
def guarded(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """A system check: the trigger exists."""
    wanting = [alias for alias in databases or [] if TABLE in connections[alias].introspection.table_names()]
    missing = [alias for alias in wanting if not installed(connections[alias])]
    return [
        Error(f"The trigger that keeps the audit trail is missing ({alias}).", hint="Run manage.py migrate.", id="commlog.E001")
        for alias in missing
    ]
