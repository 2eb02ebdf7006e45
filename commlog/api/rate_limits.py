"""Rate limits of calls and messages, shared by all processes.

The count is in the database, but each process reserves calls (or messages) in lots. What is left of a lot at
the end of the minute is not used, so the limit is never exceeded and may be slightly undershot. The first lot
covers the first call; each later one is twice as large, up to a twentieth of the limit, so that many
processes with few calls reserve little.
"""

import math
import time
from dataclasses import dataclass
from threading import Lock

from django.conf import settings
from django.http import HttpRequest

from commlog import counts
from commlog.api.codes import Code
from commlog.api.errors import ApiError
from notifications.database import availability
from notifications.process import this_process

CALLS, MESSAGES = "calls", "messages"
_LOTS = 20  # a minute's calls, divided: the largest lot
_A_MINUTE = 60
_MOST_HELD = 10_000


@dataclass(slots=True)
class _Held:
    """This process's share of a minute's limit. `used`: the total of all processes when last read."""

    minute: int
    left: int = 0
    size: int = 0
    used: int = 0


_held: dict[str, _Held] = this_process.keep({})
_lock = Lock()


def spend(request: HttpRequest, mark: str) -> None:
    """Count a call and add the remaining limit to its response. Raises ApiError (429)."""
    request._commlog_budget = mark  # type: ignore[attr-defined]
    _spend(CALLS, mark, 1)


def spend_messages(mark: str, count: int) -> None:
    """Count messages about to be stored; none is counted if one is too many. Raises ApiError (429)."""
    if count:
        _spend(MESSAGES, mark, count)


def told(request: HttpRequest) -> dict[str, str]:
    """Return the headers RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers-10.

    The remainder (`r`) is what this process knows; it is omitted if nothing was counted in this minute. The
    total limit is reported if it is nearer than the caller's own.
    """
    mark = getattr(request, "_commlog_budget", None)
    if mark is None:
        return {}
    now = time.time()
    policies, left = [], []
    for what in (CALLS, MESSAGES):
        limits = {name: limit for name, limit, _ in _limits(what, mark)}
        if not limits:
            continue
        policies.append(
            f'"{what}";q={min(limits.values())};w={_A_MINUTE}' + (f';qu="{what}"' if what != CALLS else "")
        )
        known = [_left(name, limit, int(now // _A_MINUTE)) for name, limit in limits.items()]
        if (least := min((each for each in known if each is not None), default=None)) is not None:
            left.append(f'"{what}";r={least};t={_until_next(now)}')
    headers = {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(left)}
    return {name: value for name, value in headers.items() if value}


def _limits(what: str, mark: str) -> list[tuple[str, int, str]]:
    """Return for each applicable limit its name, maximum and owner."""
    if what == CALLS:
        own, in_all, names = settings.API_CALLS_A_MINUTE, settings.API_CALLS_A_MINUTE_IN_ALL, (mark, "all")
    else:
        own, in_all, names = (
            settings.API_MESSAGES_A_MINUTE,
            settings.API_MESSAGES_A_MINUTE_IN_ALL,
            (f"messages:{mark}", "messages:all"),
        )
    both = ((names[0], own, "of this caller"), (names[1], in_all, "in all"))
    return [each for each in both if each[1]]


def _spend(what: str, mark: str, count: int) -> None:
    now = time.time()
    for name, limit, whose in _limits(what, mark):
        if count > limit:
            source = (
                f"the body: has {count:,} {what}, more than the {limit:,} a minute {whose}; send fewer "
                "at once"
            )
            raise ApiError(400, Code.INVALID_PARAMETERS, source)
        if not _take(name, limit, int(now // _A_MINUTE), count):
            wait = _until_next(now)
            source = f"more than {limit:,} {what} a minute {whose}; wait {wait} seconds"
            raise ApiError(429, Code.TOO_MANY_CONCURRENT_REQUESTS, source, headers={"Retry-After": str(wait)})


def _take(name: str, limit: int, minute: int, count: int) -> bool:
    with _lock:  # while a lot is fetched too: fifty threads at once would fetch fifty
        held = _held.get(name)
        if held is None or held.minute != minute:
            held = _Held(minute)
        if held.left < count and held.used < limit:
            held.size = max(min(max(1, held.size * 2), limit // _LOTS), count - held.left)
            held.left += _granted(held, name, limit)
        fits = held.left >= count
        held.left -= count if fits else 0
        if len(_held) >= _MOST_HELD:
            _held.clear()
        _held[name] = held
    return fits


def _granted(held: _Held, name: str, limit: int) -> int:
    used = held.size  # while nothing can be written, each process counts by itself: reading goes on
    with availability.optional_write():
        used = counts.add(name, held.size, minute=held.minute)
    held.used = used
    return max(0, min(held.size, limit - (used - held.size)))


def _left(name: str, limit: int, minute: int) -> int | None:
    held = _held.get(name)
    return max(0, limit - held.used) + held.left if held is not None and held.minute == minute else None


def _until_next(now: float) -> int:
    return math.ceil(_A_MINUTE - now % _A_MINUTE)
