"""Whether anything was committed since, asked of the database for next to nothing; and answers that are kept for as long as nothing was."""

import sqlite3
import time
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, NamedTuple

from django.db import connection
from django.http import HttpRequest

LONGEST = 10.0  # seconds for which something is believed unchanged because nothing was committed: some of it goes by the clock
_BRIEF = 0.4  # seconds for which many pages share an answer while something is committed all the time
_SHARE = 20  # what took long is asked for that much more seldom: a twentieth of a process's time at the most
_MOST = 2_000


class _Kept(NamedTuple):
    value: Any
    stamp: str
    at: float
    took: float


_kept: dict[Hashable, _Kept] = {}
_watcher: tuple[str, sqlite3.Connection] | None = None
_lock = Lock()


def stamp() -> str:
    """A text that is another one once anything has been committed; "" within a transaction, which sees more than what is committed.

    It says the same only within one process (SQLite), or on one server (PostgreSQL).
    """
    if connection.in_atomic_block:
        return ""
    if connection.vendor == "sqlite":
        return _of_sqlite()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text")
        return str(cursor.fetchone()[0])


def _of_sqlite() -> str:
    """SQLite tells a connection whether others have committed. Ours are closed after each request, so one is kept that only asks this."""
    global _watcher
    name = str(connection.settings_dict["NAME"])
    with _lock:
        if _watcher is None or _watcher[0] != name:
            _watcher = (name, sqlite3.connect(name, check_same_thread=False))
        return str(_watcher[1].execute("PRAGMA data_version").fetchone()[0])


def stamp_of(request: HttpRequest) -> str:
    """The stamp of a page that asks by itself, taken once for each request and before anything else is read; "" for other requests."""
    return getattr(request, "live_stamp", "")


def is_exact(request: HttpRequest) -> bool:
    """Whether all that was answered is as it was at the request's stamp: nothing was shared that is older."""
    return bool(stamp_of(request)) and not getattr(request, "live_shared", False)


def latest(request: HttpRequest, key: Hashable, make: Callable[[], Any]) -> Any:
    """What `make` returns, or what it returned for this key a moment ago, whoever asked.

    Kept while nothing is committed; while something is, for 0.4 s, or for twenty times as long as it took.
    """
    now, present = time.monotonic(), stamp_of(request)
    if not present:
        return make()
    found = _kept.get(key)
    if found and found.stamp == present and now - found.at < LONGEST:
        return found.value
    if found and now - found.at < max(_BRIEF, _SHARE * found.took):
        request.live_shared = True  # type: ignore[attr-defined]
        return found.value
    value = make()
    if len(_kept) >= _MOST:
        _kept.clear()
    _kept[key] = _Kept(value, present, now, time.monotonic() - now)
    return value


def forget() -> None:
    """Give up what this process holds; for tests."""
    global _watcher
    _kept.clear()
    if _watcher:
        _watcher[1].close()
        _watcher = None
