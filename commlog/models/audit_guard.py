"""The database's own refusal to change the audit trail: no UPDATE, on PostgreSQL no DELETE or TRUNCATE.

What is older than its period is deleted by a run of retention and by nothing else: whoever deletes names an
open run, whose row goes on saying when that was, and what went.

Emptying a test database is a DELETE on SQLite, so that is refused by the code alone. Installed after every
migration: Django rebuilds tables on SQLite, and a rebuild drops triggers without a word.
"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from commlog.models.audit_entry import REFUSAL, AuditEntry
from commlog.models.retention import RetentionRun
from notifications.database import guards
from notifications.database.guards import Guard

TABLE = AuditEntry._meta.db_table
TRIGGER = f"{TABLE}_append_only"
RUN = "commlog.retention_run"  # the setting of a transaction that names the run
_BY_RETENTION = f"""TG_OP = 'DELETE' AND EXISTS (
  SELECT 1 FROM {RetentionRun._meta.db_table} AS run
  WHERE run.id = NULLIF(current_setting('{RUN}', true), '')::bigint AND run.finished_at IS NULL
    AND NOT run.counts_only AND OLD.at < run.audit_until)"""  # noqa: S608 - names of ours
APPEND_ONLY = Guard(
    TRIGGER,
    table=TABLE,
    refusal=REFUSAL,
    sqlite=f"BEFORE UPDATE ON {TABLE}",
    postgresql=f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW",
    unless=_BY_RETENTION,
    through="OLD",
)
GUARDS = (APPEND_ONLY, Guard.against_truncate(TABLE))


def install(using: str = "default", **_: Any) -> None:
    """Create the triggers anew (signal receiver of post_migrate)."""
    for guard in GUARDS:
        guard.install(using)


def installed(connection: BaseDatabaseWrapper) -> bool:
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
