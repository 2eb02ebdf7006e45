"""Counters per period, kept in the database: over all processes and hosts."""

import time
from datetime import timedelta
from hashlib import sha256

from django.db import connection
from django.utils import timezone

from commlog.models import Tally, WrongPassword
from notifications.process import this_process

KEPT = timedelta(days=1)  # longer than anything is counted over
_A_MINUTE = 60
_MOST_HELD = 10_000
# What has happened too often -> the stretch in which it has, so that a flood is not written down.
_full: dict[str, int] = this_process.keep({})

_ADD = """
INSERT INTO {table} (name, minute, used) VALUES (%(name)s, %(minute)s, %(more)s)
ON CONFLICT (name) DO UPDATE SET
  used = CASE WHEN {table}.minute < excluded.minute THEN excluded.used ELSE {table}.used + excluded.used END,
  minute = CASE WHEN {table}.minute < excluded.minute THEN excluded.minute ELSE {table}.minute END
RETURNING used
"""


def add(name: str, more: int, *, minute: int) -> int:
    """Add `more` to the period that begins with that minute since 1970; return the sum."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD.format(table=Tally._meta.db_table), {"name": name, "minute": minute, "more": more}
        )
        used: int = cursor.fetchone()[0]
    return used


def at_most(times: int, what: str, *, minutes: int = 1) -> bool:
    """Count once; return whether it happened at most `times` times in this period of minutes."""
    minute = int(time.time() // _A_MINUTE)
    begins = minute - minute % minutes
    if _full.get(what) == begins:
        return False
    # The name is hashed: it may hold what somebody typed, and it may be long.
    fits = add(f"within:{sha256(what.encode()).hexdigest()}", 1, minute=begins) <= times
    if not fits:
        if len(_full) >= _MOST_HELD:
            _full.clear()
        _full[what] = begins
    return fits


def sweep() -> None:
    """Delete counters of past periods (a task of django-q2, every hour)."""
    ended = timezone.now() - KEPT
    Tally.objects.filter(minute__lt=int(ended.timestamp()) // _A_MINUTE).delete()
    WrongPassword.objects.filter(at__lt=ended).delete()
