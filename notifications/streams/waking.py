"""Notifications that wake readers, by NOTIFY on PostgreSQL. On SQLite readers poll."""

from collections.abc import Iterable

from django.db import connection

CHANNEL = "commlog_streams"
_MOST = 7_000  # bytes of one notification; PostgreSQL takes 8,000


def of_partition(pk: int) -> str:
    """Return the word that wakes the readers of a partition."""
    return f"p{pk}"


def of_reader(pk: int) -> str:
    """Return the word that wakes one reader."""
    return f"r{pk}"


def wake(words: Iterable[str]) -> None:
    """Wake readers once this transaction is committed."""
    if connection.vendor != "postgresql":
        return
    said = ""
    with connection.cursor() as cursor:
        for word in (*sorted(set(words)), ""):
            if said and (not word or len(said) > _MOST):
                cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, said])
                said = ""
            said = f"{said} {word}".strip()
