"""The time of leases and due times: the database's on PostgreSQL, as machines may disagree by seconds."""

import time
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

_TRUST = 5.0  # seconds that an anchor is used before the database is asked again
_kept: "Clock | None" = None


def db_now() -> datetime:
    """Return the present moment by the database's clock, or the machine's on SQLite, which has no clock."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


class Clock:
    """The database's time without a query each time, from an anchor and this process's monotonic clock."""

    def __init__(self) -> None:
        # together, for threads that ask while another one sets it anew
        self._anchored = db_now(), time.monotonic()

    def now(self) -> datetime:
        """Return the present moment; asks the database if the anchor is old."""
        if time.monotonic() - self._anchored[1] > _TRUST:
            self._anchored = db_now(), time.monotonic()
        return self.at(time.monotonic())

    def at(self, mark: float) -> datetime:
        """Return the moment of a `time.monotonic()` reading."""
        anchor, since = self._anchored
        return anchor + timedelta(seconds=mark - since)


def kept_now() -> datetime:
    """Return the present moment by the database's clock, queried at most every five seconds."""
    global _kept
    if connection.vendor != "postgresql":
        return db_now()
    if _kept is None:
        _kept = Clock()
    return _kept.now()
