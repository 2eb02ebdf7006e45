"""System checks: what must hold of the database before anything may be sent."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from notifications import guards


@register(Tags.database)
def guarded(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The final-state trigger exists, and SQLite runs in the mode that does not lose writes."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        if "notifications_message" in connection.introspection.table_names() and not guards.installed(connection):
            found.append(Error("The trigger that keeps final states is missing.", hint="Run manage.py migrate.", id="notifications.E001"))
        if connection.vendor == "sqlite":
            found += _sqlite_mode(connection.settings_dict.get("OPTIONS", {}))
    return found


def _sqlite_mode(options: dict[str, Any]) -> list[CheckMessage]:
    wal = "journal_mode=wal" in str(options.get("init_command", "")).lower().replace(" ", "")
    if options.get("transaction_mode") == "IMMEDIATE" and wal:
        return []
    return [
        Error(
            "SQLite must run with transaction_mode IMMEDIATE and journal_mode WAL.",
            hint="See DATABASES in commlog/settings.py.",
            id="notifications.E002",
        )
    ]
