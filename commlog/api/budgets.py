"""How often the API may be called: of each key or user, and in all. The limits hold over every process and machine.

The count is in the database, but not every call writes it: a process takes calls from it in lots, and what a lot leaves over at the
end of the minute is not used. So no more calls than allowed are answered, and a few less may be. A process's first lot of a minute is
one call and each further one is twice as large, up to a twentieth of the limit: many processes with few calls hold little.
"""

import math
import time
from threading import Lock

from django.conf import settings

from commlog import counts
from commlog.api.codes import Code
from commlog.api.errors import ApiError
from notifications import database

_LOTS = 20  # a minute's calls, divided: the largest lot
_A_MINUTE = 60
_held: dict[str, tuple[int, int, int]] = {}  # name -> minute, calls left of the lot, its size
_lock = Lock()
_MOST_HELD = 10_000


def spend(mark: str) -> None:
    """Count a call of that caller. Raises ApiError (429) where it is one too many."""
    now = time.time()
    for name, limit in ((mark, settings.API_CALLS_A_MINUTE), ("all", settings.API_CALLS_A_MINUTE_IN_ALL)):
        if limit and not _take(name, limit, int(now // _A_MINUTE)):
            wait = math.ceil(_A_MINUTE - now % _A_MINUTE)
            whose = "in all" if name == "all" else "of this caller"
            source = f"more than {limit:,} calls a minute {whose}; wait {wait} seconds"
            raise ApiError(429, Code.TOO_MANY_CONCURRENT_REQUESTS, source, headers={"Retry-After": str(wait)})


def forget() -> None:
    """Give up what this process holds; for tests."""
    with _lock:
        _held.clear()


def _take(name: str, limit: int, minute: int) -> bool:
    with _lock:  # while a lot is fetched too: fifty threads at once would fetch fifty
        held_minute, left, size = _held.get(name, (0, 0, 0))
        if held_minute != minute:
            left = size = 0
        if not left:
            size = min(max(1, size * 2), max(1, limit // _LOTS))
            left = _granted(name, minute, limit, size)
        if len(_held) >= _MOST_HELD:
            _held.clear()
        _held[name] = (minute, max(0, left - 1), size)
    return left > 0


def _granted(name: str, minute: int, limit: int, lot: int) -> int:
    """How many calls of the lot may still be answered in this minute."""
    used = lot  # while nothing can be written, each process counts by itself: reading goes on
    with database.optional_write():
        used = counts.add(name, lot, minute=minute)
    return max(0, min(lot, limit - (used - lot)))
