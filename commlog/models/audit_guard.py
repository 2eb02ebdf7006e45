"""Database triggers that make the audit trail and access records append-only.

They refuse UPDATE, on PostgreSQL also DELETE and TRUNCATE. Rows older than their period are deleted by a
retention run, keys of entries that name a person by an erasure, and nothing else deletes: the transaction
names an open run or erasure, whose row records when that was, and what was deleted. On SQLite DELETE is
refused by the code alone, since emptying a test database is a DELETE. Installed after every migration: Django
rebuilds tables on SQLite, which drops triggers silently.
"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from commlog.models.access_record import AccessRecord
from commlog.models.audit_entry import REFUSAL, AuditEntry, AuditKey
from commlog.models.erasure import Erasure
from commlog.models.retention import RetentionRun
from notifications.database import guards
from notifications.database.guards import Guard

TABLE = AuditEntry._meta.db_table
KEYS, READINGS = AuditKey._meta.db_table, AccessRecord._meta.db_table
# The settings of a transaction that name the run of retention, and the erasure.
RUN, ERASURE = "commlog.retention_run", "commlog.erasure"
KEY_REFUSAL = "a key of the audit trail is deleted by an erasure alone, and never changed"
READING_REFUSAL = "records of who has read messages are never changed or deleted"


def _by_retention(at: str, until: str) -> str:
    return f"""TG_OP = 'DELETE' AND EXISTS (
  SELECT 1 FROM {RetentionRun._meta.db_table} AS run
  WHERE run.id = NULLIF(current_setting('{RUN}', true), '')::bigint AND run.finished_at IS NULL
    AND NOT run.counts_only AND {at} < run.{until})"""  # noqa: S608 - names of ours


_BY_ERASURE = f"""EXISTS (
  SELECT 1 FROM {Erasure._meta.db_table} AS erasure
  WHERE erasure.id = NULLIF(current_setting('{ERASURE}', true), '')::bigint
    AND erasure.finished_at IS NULL)"""  # noqa: S608 - names of ours
_AT_OF_KEY = f"(SELECT entry.at FROM {TABLE} AS entry WHERE entry.id = OLD.entry_id)"  # noqa: S608 - ours


def _append_only(table: str, refusal: str, *, unless: str, columns: str = "") -> Guard:
    """Return the trigger of a table. `columns`: those that SQLite protects; all if empty."""
    return Guard(
        f"{table}_append_only",
        table=table,
        refusal=refusal,
        sqlite=f"BEFORE UPDATE {columns and f'OF {columns} '}ON {table}",
        postgresql=f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
        unless=unless,
        through="(CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END)",
    )


GUARDS = (
    _append_only(TABLE, REFUSAL, unless=_by_retention("OLD.at", "audit_until")),
    _append_only(
        KEYS,
        KEY_REFUSAL,
        unless=f"TG_OP = 'DELETE' AND ({_by_retention(_AT_OF_KEY, 'audit_until')} OR {_BY_ERASURE})",
    ),
    # An erasure takes the person out of the reason that was given for a look.
    _append_only(
        READINGS,
        READING_REFUSAL,
        unless=f"""({_by_retention("OLD.at", "readings_until")}) OR (TG_OP = 'UPDATE' AND {_BY_ERASURE})""",
        columns="at, actor_id, address, how, messages, number, search",
    ),
    *map(Guard.against_truncate, (TABLE, KEYS, READINGS)),
)


def name_in_transaction(setting: str, pk: int) -> None:
    """Tell the triggers for which RUN or ERASURE the caller's transaction deletes."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, true)", [setting, str(pk)])


def install(using: str = "default", **_: Any) -> None:
    """Recreate the triggers (signal receiver of post_migrate)."""
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
            f"A trigger that keeps the audit trail or the access records is missing ({alias}).",
            hint=guards.HINT,
            id="commlog.E001",
        )
        for alias in missing
    ]
