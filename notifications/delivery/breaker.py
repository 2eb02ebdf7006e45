"""When a circuit opens. Each worker judges by what it has seen itself lately: no statement, no row, until there is something to say."""

import time
from collections import defaultdict, deque
from collections.abc import Sequence

from notifications.channels.base import DeliveryError
from notifications.delivery.results import NotStarted, Result

WINDOW = 60.0  # seconds
_MOST = 500  # results of a lane that are remembered
LEAST_FAILURES, LEAST_MESSAGES, LEAST_SHARE = 10, 5, 0.5

_seen: dict[int, deque[tuple[float, int, bool | None]]] = defaultdict(lambda: deque(maxlen=_MOST))


def note(results: Sequence[Result]) -> dict[int, str]:
    """Remember what came back. Returns the lanes that are to be left alone, and the last trouble of each."""
    now, faults = time.monotonic(), {}
    for each in results:
        if isinstance(each.answer, NotStarted):
            continue
        fault = isinstance(each.answer, DeliveryError) and each.answer.lane_fault
        throttled = isinstance(each.answer, DeliveryError) and each.answer.throttled
        _seen[each.claim.lane_id].append((now, each.claim.message_id, None if throttled else fault))
        if fault:
            faults[each.claim.lane_id] = str(each.answer)
    return {lane_id: trouble for lane_id, trouble in faults.items() if _is_in_trouble(lane_id, now)}


def _is_in_trouble(lane_id: int, now: float) -> bool:
    """At least ten failures of the lane's own, of at least five messages, that are at least half of what came back.

    Being asked for fewer messages (None) is trouble only where nothing else comes back: else the lane slows down and works.
    """
    seen = _seen[lane_id]
    while seen and seen[0][0] < now - WINDOW:
        seen.popleft()
    works = any(fault is False for _, _, fault in seen)
    failed = [message for _, message, fault in seen if fault or (fault is None and not works)]
    return len(failed) >= LEAST_FAILURES and len(set(failed)) >= LEAST_MESSAGES and len(failed) >= LEAST_SHARE * len(seen)


def forget(lane_id: int | None = None) -> None:
    """Begin anew: with a lane that works again, or with all of them."""
    if lane_id is None:
        _seen.clear()
    else:
        _seen.pop(lane_id, None)
