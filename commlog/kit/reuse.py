"""Results reused while everything that they were read from is unchanged.

Django takes longer to compile a statement and to build objects than the database to answer. So for a polling
page the statements are kept, each with a digest of its rows, and executed again as they are: permissions,
rows and figures alike. If nothing was committed, not even that.
"""

import time
from collections.abc import Callable, Hashable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from commlog.kit.limits import A_COUNT, TookTooLong, time_limit
from commlog.kit.polls import Poll, Reading, poll_of
from commlog.kit.stamps import LONGEST, kept, stale
from notifications.process import this_process

A_MINUTE = 60.0  # for what does not go by the clock
_MOST = 4_000  # about ten kilobytes each


@dataclass(slots=True)
class _Made:
    value: Any
    reading: Reading
    reader: int
    stamp: str  # at which it was known to be right; "" where something in it was older
    end: float


_made: dict[Hashable, _Made] = this_process.keep({})
_texts: dict[str, str] = this_process.keep({})  # each statement's text once


def again(request: HttpRequest, key: Hashable, make: Callable[[], Any], *, seconds: float = LONGEST) -> Any:
    """Return what `make` returns, or its earlier result for this user and key if it would be the same.

    `seconds`: the longest reuse, for values that depend on the clock. Without a poll, `make` is called.
    """
    poll = poll_of(request)
    if poll is None:
        return make()
    key = (request.user.pk, poll.rights, key)
    if found := _standing(poll, key):
        poll.add(found.reading)
        return found.value
    with poll.reading() as reading:
        value = make()
    _keep(poll, key, value, reading, seconds)
    return value


def stands(poll: Poll, question: Hashable) -> bool:
    """Return whether the question was answered with nothing, and would be again."""
    return _standing(poll, question) is not None


def remember(poll: Poll, question: Hashable, reading: Reading) -> None:
    """Remember that the question was answered with nothing."""
    _keep(poll, question, None, reading, LONGEST)


def _standing(poll: Poll, key: Hashable) -> _Made | None:
    found = _made.pop(key, None)
    if found is None or time.monotonic() > found.end:
        return None
    if not poll.stamp or found.stamp != poll.stamp:
        if found.reader != poll.reader or not _same(poll, found.reading):
            return None
        found.stamp = poll.stamp if poll.exact else ""
    _made[key] = found  # what is used last goes last
    return found


def _same(poll: Poll, reading: Reading) -> bool:
    counts = stale(poll, reading.figures)
    try:
        with time_limit(A_COUNT) if counts else nullcontext():
            poll.ask([*reading.statements, *counts])
    except TookTooLong:
        return False
    return poll.says_the_same(reading) and all(
        kept(poll, one.key, one.make, brief=one.brief).digest == one.digest for one in reading.figures
    )


def _keep(poll: Poll, key: Hashable, value: Any, reading: Reading, seconds: float) -> None:
    if not reading.repeatable:
        return
    if len(_texts) >= _MOST:
        _texts.clear()
    reading.statements = {
        (_texts.setdefault(sql, sql), params): digest for (sql, params), digest in reading.statements.items()
    }
    while len(_made) >= _MOST:
        _made.pop(next(iter(_made)), None)
    _made[key] = _Made(
        value, reading, poll.reader, poll.stamp if poll.exact else "", time.monotonic() + seconds
    )
