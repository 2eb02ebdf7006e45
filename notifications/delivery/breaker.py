"""The decision to open a circuit.

Each worker judges by what it has seen itself lately, so there is no statement and no row until a lane is in
trouble.
"""

import time
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import NamedTuple

from notifications.delivery.circuits import Trouble
from notifications.delivery.results import NotStarted, Result
from notifications.process import this_process

WINDOW = 60.0  # seconds
_MOST = 500  # results of a lane that are remembered
_LATELY = 5.0  # seconds: a lane that delivered within them works for some of its destinations
LEAST_FAILURES, LEAST_MESSAGES, LEAST_SHARE = 10, 5, 0.5


class _Seen(NamedTuple):
    """One result. `fault` is None if the provider asked for fewer messages."""

    at: float
    message_id: int
    destination: str
    fault: bool | None


_seen: dict[int, deque[_Seen]] = this_process.keep(defaultdict(lambda: deque(maxlen=_MOST)))


def note(results: Sequence[Result]) -> dict[int, Trouble]:
    """Remember the results and return the trouble of each lane that is in trouble."""
    now, faults = time.monotonic(), {}
    for each in results:
        if isinstance(each.answer, NotStarted):
            continue
        fault = None if each.error and each.error.throttled else each.is_lane_fault
        _seen[each.claim.lane_id].append(
            _Seen(now, each.claim.message_id, each.claim.envelope.destination, fault)
        )
        if each.is_lane_fault:
            faults[each.claim.lane_id] = str(each.answer)
    found = {lane_id: _trouble(lane_id, words, now) for lane_id, words in faults.items()}
    return {lane_id: trouble for lane_id, trouble in found.items() if trouble}


def _trouble(lane_id: int, words: str, now: float) -> Trouble | None:
    """Return the lane's trouble, or None.

    Trouble means at least ten failures of the lane itself, of at least five messages, making up at least half
    of the results. Throttling counts as trouble only if nothing was delivered; otherwise the lane slows down
    and works.
    """
    seen = _seen[lane_id]
    while seen and seen[0].at < now - WINDOW:
        seen.popleft()
    delivered = [each.at for each in seen if each.fault is False]
    failed = [each for each in seen if each.fault or (each.fault is None and not delivered)]
    messages = {each.message_id for each in failed}
    if (
        len(failed) < LEAST_FAILURES
        or len(messages) < LEAST_MESSAGES
        or len(failed) < LEAST_SHARE * len(seen)
    ):
        return None
    return Trouble(
        words,
        frozenset(each.destination for each in failed),
        works=max(delivered, default=0.0) > now - _LATELY,
    )


def forget(lane_id: int) -> None:
    """Forget the results of a lane that works again."""
    _seen.pop(lane_id, None)
