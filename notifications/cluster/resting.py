"""Rest while nothing can have come up: nothing was committed, and nothing becomes due.

A look for work takes several statements, twenty times a second. Whether anything was committed is one that
reads no table. It needs no session that listens, so it goes through a pooler; and whoever writes pays nothing
for it.
"""

import time

from django.db import connection

from notifications.database.clock import db_now
from notifications.lanes import openings

LONGEST = 2.0  # seconds: receipts become overdue, circuits close and long work comes up by the clock, too


class Rest:
    """Of one process."""

    def __init__(self) -> None:
        self._committed: tuple[int, str] | None = None
        self._until = 0.0

    def goes_on(self) -> bool:
        """Whether a look would find nothing, like the last one."""
        return time.monotonic() < self._until and committed() == self._committed

    def begin(self, seen: tuple[int, str] | None) -> None:
        """After a look that found nothing. `seen`: what was committed before it."""
        due = openings.next_due() if seen else None
        left = LONGEST if due is None else min(LONGEST, (due - db_now()).total_seconds())
        self._committed, self._until = seen, time.monotonic() + left if seen else 0.0


def committed() -> tuple[int, str] | None:
    """What tells from before and after a commit; None within a transaction, which sees its own besides."""
    if connection.in_atomic_block:
        return None
    with connection.cursor() as cursor:
        postgresql = connection.vendor == "postgresql"
        cursor.execute("SELECT pg_current_snapshot()::text" if postgresql else "PRAGMA data_version")
        return id(connection.connection), str(cursor.fetchone()[0])
