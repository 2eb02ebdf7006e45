"""New messages since a page was drawn: counted, not inserted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from django.db.models import Q

from notifications.database import replica
from notifications.models import Message, newest_id

_LOOKED_AT = 5_000  # the newest messages, among which numbers may be missing
_WHILE_QUIET = 100  # of them, while no transaction is under way that writes
_MOST_GAPS = 50
_LARGEST = 2**63 - 1
_GAP = re.compile(r"(\d{1,18})-(\d{1,18})")
# Numbers are given out in order, and committed in any: a message of a long transaction appears after later
# ones. So what is missing among the newest is remembered with the newest number. By the window, a statement
# over index entries alone.
_NEWEST = """
SELECT id, before FROM (
  SELECT id, lag(id) OVER (ORDER BY id) AS before, row_number() OVER (ORDER BY id DESC) AS place FROM (
    SELECT id FROM notifications_message ORDER BY id DESC
    LIMIT CASE WHEN pg_snapshot_xmin(pg_current_snapshot()) = pg_snapshot_xmax(pg_current_snapshot()) THEN %s
    ELSE %s END
  ) AS recent
) AS gaps WHERE place = 1 OR before < id - 1 ORDER BY id DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of a page: its newest message, and lower ids that were not yet committed."""

    newest: int
    missing: Sequence[tuple[int, int]] = ()

    @classmethod
    def now(cls) -> Self:
        """Return the mark for a page drawn from now on, from the same database."""
        connection = replica.connection()
        # SQLite has one writer at a time: what has the larger number is committed later
        if connection.vendor != "postgresql":
            return cls(newest_id(Message))
        with connection.cursor() as cursor:
            cursor.execute(_NEWEST, [_WHILE_QUIET, _LOOKED_AT, _MOST_GAPS + 1])
            found = cursor.fetchall()
        gaps = [
            (before + 1, number - 1) for number, before in found if before is not None and before < number - 1
        ]
        return cls(found[0][0] if found else 0, gaps)

    @classmethod
    def read(cls, newest: str, missing: str) -> Self:
        """Read a mark from a URL. If it is invalid, nothing counts as newer."""
        number = int(newest) if newest.isascii() and newest.isdigit() and len(newest) < 19 else _LARGEST
        found = [_GAP.fullmatch(text) for text in missing.split("_")[:_MOST_GAPS]]
        return cls(number, [(int(gap[1]), int(gap[2])) for gap in found if gap])

    @property
    def written(self) -> str:
        """Return the missing ids, as in a URL."""
        return "_".join(f"{first}-{last}" for first, last in self.missing)

    def since(self) -> Q:
        """Return the condition that a message is new."""
        condition = Q(pk__gt=self.newest)
        for gap in self.missing:
            condition |= Q(pk__range=gap)
        return condition

    def nothing_came(self) -> bool:
        """Return whether no message has arrived at all, by one index lookup."""
        return not Message.objects.filter(self.since()).exists()
