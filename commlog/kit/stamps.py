"""Detection of commits at little cost, and results kept until the next one."""

import sqlite3
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from threading import Lock
from typing import Any, NamedTuple

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest

from commlog.kit.polls import (
    Figure,
    Poll,
    Reading,
    Statement,
    digest_of,
    digest_of_result,
    digest_of_rows,
    poll_of,
)
from notifications.process import this_process

# Seconds for which something is believed unchanged because nothing was committed: some of it goes by the
# clock.
LONGEST = 10.0
_BRIEF = 0.4  # seconds for which many pages share an answer while something is committed all the time
_SHARE = 20  # what took long is asked for that much more seldom: a twentieth of a process's time at the most
_MOST = 2_000


class Kept(NamedTuple):
    """A shared figure."""

    value: Any
    digest: Hashable
    reading: Reading
    stamp: str
    made: float
    at: float  # when it was known to be right last
    took: float  # nothing where it is shared only briefly


_kept: dict[Hashable, Kept] = {}
_watcher: tuple[str, sqlite3.Connection] | None = None
_lock = Lock()


def stamp() -> str:
    """Return a text that changes with every commit; "" within a transaction, which sees uncommitted changes.

    Comparable only within one process (SQLite) or on one server (PostgreSQL).
    """
    return "" if connection.in_atomic_block else stamp_and(())[0]


def stamp_and(statements: Sequence[Statement]) -> tuple[str, int]:
    """Return the stamp, and a digest of the rows of these statements, in one round trip."""
    if connection.vendor == "sqlite":
        return _of_sqlite(statements)
    checked = connection.connection is None or connection.health_check_done  # type: ignore[attr-defined]
    # What is asked here says as well whether a kept connection still lives.
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return _of_postgresql(statements)
    except (OperationalError, InterfaceError):
        if checked or connection.in_atomic_block:
            raise
        connection.close()
        return _of_postgresql(statements)


def _of_postgresql(statements: Sequence[Statement]) -> tuple[str, int]:
    with connection.cursor() as cursor:
        texts = ["SELECT pg_current_snapshot()::text", *(sql for sql, _ in statements)]
        cursor.execute("; ".join(texts), [value for _, params in statements for value in params])
        snapshot = str(cursor.fetchone()[0])
        digests = [digest_of_result(cursor.cursor) for _ in statements if cursor.cursor.nextset()]
    return "" if connection.in_atomic_block else snapshot, hash(tuple(digests))


def _of_sqlite(statements: Sequence[Statement]) -> tuple[str, int]:
    """Use SQLite's data_version, by a connection kept open: those of requests are closed."""
    global _watcher
    if connection.in_atomic_block:
        with connection.cursor() as cursor:
            return "", hash(tuple(digest_of_rows(cursor.execute(*each).fetchall()) for each in statements))
    name = str(connection.settings_dict["NAME"])
    with _lock:
        if _watcher is None or _watcher[0] != name:
            _watcher = (name, sqlite3.connect(name, check_same_thread=False))
        found = str(_watcher[1].execute("PRAGMA data_version").fetchone()[0])
        rows = [_watcher[1].execute(sql.replace("%s", "?"), params).fetchall() for sql, params in statements]
    return found, hash(tuple(map(digest_of_rows, rows)))


def latest(request: HttpRequest, key: Hashable, make: Callable[[], Any], *, brief: bool = False) -> Any:
    """Return what `make` returns, or its result for this key a moment ago, whoever asked.

    Kept while nothing is committed, and while everything it was read from is the same. While commits happen,
    kept without a check for 0.4 s, or for twenty times its duration; `brief`: never longer than 0.4 s.
    """
    poll = poll_of(request)
    if poll is None or not poll.stamp:
        return make()
    found = kept(poll, key, make, brief=brief)
    poll.add(Reading(figures=[Figure(key, make, found.digest, brief)]))
    return found.value


def kept(poll: Poll, key: Hashable, make: Callable[[], Any], *, brief: bool = False) -> Kept:
    """Return the figure with its digest; it is not yet part of the answer."""
    now, found = time.monotonic(), _kept.get(key)
    if found and _fresh(poll, found, now):
        poll.exact = poll.exact and found.stamp == poll.stamp
        return found
    if found and poll.says_the_same(found.reading) and now - found.made < LONGEST:
        _kept[key] = found = found._replace(stamp=poll.stamp, at=now)
        return found
    with poll.unrecorded(), poll.reading() as reading:
        value = make()
    if len(_kept) >= _MOST:
        _kept.clear()
    _kept[key] = found = Kept(
        value, digest_of(value), reading, poll.stamp, now, now, 0.0 if brief else time.monotonic() - now
    )
    return found


def stale(poll: Poll, figures: Iterable[Figure]) -> list[Statement]:
    """Return the statements that show whether these figures have changed."""
    now = time.monotonic()
    found = [_kept[figure.key] for figure in figures if figure.key in _kept]
    return [
        statement
        for each in found
        if each.reading.repeatable and not _fresh(poll, each, now)
        for statement in each.reading.statements
    ]


def _fresh(poll: Poll, found: Kept, now: float) -> bool:
    if found.stamp == poll.stamp:
        return now - found.made < LONGEST
    return now - found.at < max(_BRIEF, _SHARE * found.took)


@this_process.at_forget
def forget() -> None:
    """Forget everything kept in this process; for tests."""
    global _watcher
    _kept.clear()
    if _watcher:
        _watcher[1].close()
        _watcher = None
