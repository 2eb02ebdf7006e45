"""The database's own refusal to change the audit trail: no UPDATE on either database, and no DELETE and no
TRUNCATE on PostgreSQL.

SQLite has no TRUNCATE: emptying a test database there is a DELETE, so that one is refused by the code alone.
Installed after every migration, because Django rebuilds tables on SQLite and a rebuild drops triggers without
a word.
"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from commlog.models.audit_entry import REFUSAL, AuditEntry
from notifications.database import guards
from notifications.database.guards import Guard

TABLE = AuditEntry._meta.db_table
TRIGGER = f"{TABLE}_append_only"
APPEND_ONLY = Guard(
    TRIGGER,
    table=TABLE,
    refusal=REFUSAL,
    sqlite=f"BEFORE UPDATE ON {TABLE}",
    postgresql=f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW",
)
GUARDS = (APPEND_ONLY, Guard.against_truncate(TABLE))


def install(using: str = "default", **_: Any) -> None:
    """Create the triggers anew (signal receiver of post_migrate)."""
    for guard in GUARDS:
        guard.install(using)


def installed(connection: BaseDatabaseWrapper) -> bool:
    """Whether both are there."""
    return all(guard.installed(connection) for guard in GUARDS)


@register(Tags.database)
def guarded(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """A system check: the triggers exist."""
    wanting = [alias for alias in databases or [] if guards.expected(TABLE, connections[alias])]
    missing = [alias for alias in wanting if not installed(connections[alias])]
    return [
        Error(
            f"A trigger that keeps the audit trail is missing ({alias}).", hint=guards.HINT, id="commlog.E001"
        )
        for alias in missing
    ]
