"""System checks: conditions on the database and the settings for sending."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import connections

from notifications.database import guards


@register(Tags.database)
def guarded(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Check that messages' triggers exist and that SQLite runs in a mode that loses no writes."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        if guards.expected("notifications_message", connection) and not guards.installed(connection):
            found.append(
                Error("A trigger that keeps messages is missing.", hint=guards.HINT, id="notifications.E001")
            )
        if connection.vendor == "sqlite":
            found += _sqlite_mode(connection.settings_dict.get("OPTIONS", {}))
    return found


@register(Tags.security, deploy=True)
def usable_in_production(**_: Any) -> list[CheckMessage]:
    """Check for channels that are not set up, and for e-mail settings unfit for production."""
    found: list[CheckMessage] = []
    if not settings.EMAIL_HOST:
        found.append(Info("EMAIL_URL is not set: every e-mail fails.", id="notifications.I001"))
    elif settings.DEFAULT_FROM_EMAIL.endswith("@localhost.localdomain>"):
        hint = "Set it to an address of yours, such as Bank <no-reply@bank.example>."
        found.append(
            Warning(
                "DEFAULT_FROM_EMAIL is not set: mail servers refuse the sender.",
                hint=hint,
                id="notifications.W001",
            )
        )
    if settings.EMAIL_HOST_PASSWORD and not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL):
        hint = "Write smtp+tls:// or smtps:// in EMAIL_URL."
        found.append(
            Warning(
                "The password for the mail server is sent in the clear.", hint=hint, id="notifications.W002"
            )
        )
    if not settings.TWILIO_FROM:
        found.append(
            Info(
                "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM are not set: every SMS fails.",
                id="notifications.I002",
            )
        )
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
