"""Detection of silent throttling: one temporary refusal repeated for many recipients.

A single 450, 451 or 452 at RCPT is about its recipient: greylisting, a full mailbox. The same refusal for
five recipients, with nothing accepted in between, is about the lane. Each worker judges by what it has seen
itself.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from notifications.channels.base.contract import Accepted, Receipt
from notifications.delivery.results import Result
from notifications.process import this_process

_RECIPIENTS = 5
_MOST = 50  # refusals of a lane that are remembered
_WINDOW = 60.0  # seconds
_VARIES = re.compile(r"<[^>]*>|\S+@\S+|\S*\d\S*")  # addresses, numbers of queues and sessions, times


@dataclass(slots=True)
class _Refusal:
    recipients: set[str] = field(default_factory=set)
    last: float = 0.0


_refusals: dict[int, dict[str, _Refusal]] = this_process.keep(defaultdict(dict))


def read(results: Iterable[Result]) -> list[Result]:
    """Return the results, with a temporary refusal turned into throttling once five recipients got it."""
    return [_read(each) for each in results]


def _read(result: Result) -> Result:
    error, refusals = result.error, _refusals[result.claim.lane_id]
    if isinstance(result.answer, Receipt | Accepted):
        refusals.clear()
    if error is None or not error.temporary or error.lane_fault:
        return result
    now, words = time.monotonic(), error.detail[:3] + _VARIES.sub("", error.detail)
    if words not in refusals and len(refusals) >= _MOST:
        refusals.clear()
    refusal = refusals.setdefault(words, _Refusal())
    if refusal.last < now - _WINDOW:
        refusal.recipients.clear()
    refusal.last = now
    refusal.recipients.add(result.claim.envelope.destination)
    return replace(result, answer=error.as_throttling()) if len(refusal.recipients) >= _RECIPIENTS else result
