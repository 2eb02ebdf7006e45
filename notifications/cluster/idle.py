"""Longer pauses between looks for work, while nothing is committed and nothing becomes due.

A look takes several statements; whether anything was committed is one that reads no table.
"""

import time

from django.conf import settings
from django.db.models import Q
from django.utils.module_loading import import_string

from notifications.database.cached_sql import CachedExists
from notifications.database.clock import db_now
from notifications.database.commits import committed, wait_for_another
from notifications.lanes import openings
from notifications.models import IncidentLane, Installation, Lane
from notifications.states import Circuit

BRIEF = 2.0  # seconds: circuits close, incidents end and long work comes up by the clock, too
LONGEST = 15.0  # seconds, where there is nothing of the kind: then only receipts become overdue by it
_A_WAIT = 0.5  # seconds: whoever waits is to stop that late at the most

_BY_THE_CLOCK = CachedExists(
    lambda: [
        *import_string(settings.LONG_WORK["open"])(),
        Lane.objects.filter(~Q(circuit=Circuit.CLOSED) | Q(failing_since__isnull=False)),
        IncidentLane.objects.filter(recovered_at=None),
        Installation.objects.filter(restored_at__isnull=False, marked_at=None),
    ]
)


class Rest:
    """The rest of one process."""

    def __init__(self) -> None:
        self._committed: tuple[int, str] | None = None
        self._until = self._at_the_latest = 0.0

    def goes_on(self) -> bool:
        """Return whether a look would find nothing, like the last one."""
        if self._at_the_latest <= time.monotonic() or committed() != self._committed:
            self._at_the_latest = 0.0
            return False
        if self._until <= time.monotonic():
            if _BY_THE_CLOCK.found():
                self._at_the_latest = 0.0
                return False
            self._until = self._at_the_latest
        return True

    def wait(self, briefly: float) -> None:
        """Sleep for a moment; at rest until something is committed, or the rest ends, or half a second."""
        left = min(_A_WAIT, min(self._until, self._at_the_latest) - time.monotonic())
        seen = self._committed
        if seen is None or left < 2 * briefly or not wait_for_another(seen, seconds=left, every=briefly):
            time.sleep(briefly)

    def begin(self, seen: tuple[int, str] | None) -> None:
        """Begin a rest after a look that found nothing. `seen`: what was committed before that look."""
        self._committed, self._until, self._at_the_latest = seen, 0.0, 0.0
        if seen is not None:
            due = openings.next_due()
            left = LONGEST if due is None else min(LONGEST, (due - db_now()).total_seconds())
            now = time.monotonic()
            self._until, self._at_the_latest = now + min(BRIEF, left), now + left
