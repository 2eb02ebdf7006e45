"""Reads from a hot standby of PostgreSQL: whether it can serve, and which reads it serves.

`read` runs a whole piece of work whose messages then come from one database: the replica, or the primary if
the replica does not answer, is too far behind, lacks what its reader has written, or gives up. Nothing is
written there, and nothing that decides who may do what is read there (`Router`).
"""

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from notifications.process import this_process

ALIAS = "replica"
LOOKED_EVERY = 1.0  # seconds
_REST = 30.0  # seconds for which a replica that did not answer is left alone
_PATIENCE = 0.1  # seconds that a page waits for what its reader has written
_A_NAP = 0.005
_LOOKED_AT_FOR = 2.0  # seconds
_A_READ = 20.0  # seconds; pages end their own statements much sooner
_PASSING = ("40001", "40P01")  # a query had to make room for what the primary has removed
_SERVED = "notifications"  # the application whose rows are read there

# Positions in the write-ahead log are numbers here. The first statement is for the replica, the second for
# the primary, which compares with its own clock when the last transaction that the replica has was committed.
_REPLAYED = """
SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END,
pg_last_xact_replay_timestamp(), (SELECT system_identifier FROM pg_control_system())
"""
_WRITTEN = """
SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE (pg_current_wal_flush_lsn() - '0/0')::bigint END,
EXTRACT(EPOCH FROM clock_timestamp() - %s::timestamptz)::float8,
(SELECT system_identifier FROM pg_control_system())
"""
# Where the primary takes no writes, nothing tells whether the replica is its own.
_POSITION = """
SELECT CASE WHEN pg_is_in_recovery() THEN 9223372036854775807
ELSE (pg_current_wal_flush_lsn() - '0/0')::bigint END
"""

Made = TypeVar("Made")
logger = logging.getLogger(__name__)
_source: ContextVar[str] = ContextVar("source", default=DEFAULT_DB_ALIAS)


class State(NamedTuple):
    """The replica's state.

    `behind`: its lag in seconds at most; None if it does not answer or is no replica.
    """

    serves: bool
    behind: float | None


@dataclass(slots=True)
class _Look:
    """What this process has seen of the replica."""

    next: float = -math.inf
    behind: float | None = None
    replayed: int = 0
    serves: bool = True  # as it was logged last
    # Where the primary was, and when: a replica that has come so far is behind by that time at most.
    written: int = 0
    at: float = -math.inf


_look = _Look()


@this_process.at_forget
def forget() -> None:
    """Forget what was seen of the replica, as in a new process."""
    global _look
    _look = _Look()


class Router:
    """A database router: rows of messages are read where `read` says, everything else from the primary."""

    def db_for_read(self, model: type[Model], **_: Any) -> str:
        """Return the database to read from.

        Users are served by the replica too, because they are recipients. Permissions are not.
        """
        served = model._meta.app_label == _SERVED or model._meta.label == settings.AUTH_USER_MODEL
        return _source.get() if served else DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[Model], **_: Any) -> str:
        """Return the primary, wherever a row was read."""
        return DEFAULT_DB_ALIAS

    def allow_relation(self, *_: Any, **__: Any) -> bool:
        """Return True: rows of both belong to one database."""
        return True

    def allow_migrate(self, db: str, *_: Any, **__: Any) -> bool:
        """Return whether it is the primary: migrations reach the replica by replication."""
        return db == DEFAULT_DB_ALIAS


def read(
    make: Callable[[], Made], *, after: int = 0, patience: float = _PATIENCE, longest: float = _A_READ
) -> Made:
    """Return the result of `make`, which only reads: it is called again if the replica fails.

    `after`: the position that the replica must have reached, for which it is given `patience` seconds;
    otherwise the primary is read. `longest`: seconds after which a replica counts as frozen.
    """
    if ALIAS not in connections.databases or _source.get() == ALIAS or not _serves(after, patience):
        return make()
    chosen = _source.set(ALIAS)
    try:
        with _cut_off_after(longest):
            return make()
    except Error as error:
        _given_up(error)
    finally:
        _source.reset(chosen)
    return make()


def connection() -> BaseDatabaseWrapper:
    """Return the connection for raw statements that read messages."""
    return connections[_source.get()]


def position() -> int:
    """Return the primary's position in its log, behind all that is committed; 0 without a replica."""
    if ALIAS not in connections.databases:
        return 0
    (found,) = _ask(DEFAULT_DB_ALIAS, _POSITION)
    return int(found)


def state() -> State | None:
    """Return the replica's state; None if none is configured."""
    return State(_serves(0, 0.0), _look.behind) if ALIAS in connections.databases else None


def _serves(after: int, patience: float) -> bool:
    if time.monotonic() >= _look.next:
        _look_now()
    if not _is_near():
        return False
    return _look.replayed >= after or _reaches(after, patience)


def _look_now() -> None:
    # Meanwhile others go by what was seen before, and nobody else waits for what may not answer.
    _look.next = time.monotonic() + _REST
    try:
        with _cut_off_after(_LOOKED_AT_FOR):
            replayed, last, system = _ask(ALIAS, _REPLAYED)
    except Error as error:
        _given_up(error)
        return
    written, since, own_system = _ask(DEFAULT_DB_ALIAS, _WRITTEN, [last])
    now = time.monotonic()
    _look.replayed, _look.behind = replayed or 0, None
    # It can have nothing that the primary has not: it would follow another one.
    if replayed is not None and written is not None and system == own_system and replayed <= written:
        by_looks = now - _look.at if replayed >= _look.written else math.inf
        by_clock = math.inf if since is None else max(0.0, since)
        _look.behind = 0.0 if replayed == written else min(by_looks, by_clock)
        _look.written, _look.at = written, now
    _look.next = now + LOOKED_EVERY
    if _is_near() == _look.serves:
        return
    _look.serves = _is_near()
    if _look.serves:
        logger.info("The replica is read again.")
    elif _look.behind is None:
        logger.warning("The replica is no standby of this database, so the primary is read.")
    else:
        logger.warning("The replica is %s s behind, so the primary is read.", round(_look.behind, 1))


def _is_near() -> bool:
    return _look.behind is not None and _look.behind <= settings.DATABASE_REPLICA_MOST_BEHIND


def _reaches(after: int, patience: float) -> bool:
    """Return whether the replica has reached the position, or does so within the patience."""
    ends = time.monotonic() + patience
    while True:
        try:
            with _cut_off_after(_LOOKED_AT_FOR):
                _look.replayed = _ask(ALIAS, _REPLAYED)[0] or 0
        except Error as error:
            _given_up(error)
            return False
        if _look.replayed >= after or time.monotonic() >= ends:
            return _look.replayed >= after
        time.sleep(_A_NAP)


def _given_up(error: Error) -> None:
    """Log the error, and leave the replica alone for a while unless it only gave up this query.

    The primary is read instead, which raises the same error if the fault is ours.
    """
    cause = str(error).strip().partition("\n")[0]
    with suppress(Error):
        connections[ALIAS].close()
    if getattr(error.__cause__, "sqlstate", None) in _PASSING:
        logger.warning("The replica gave up a query, so the primary is read: %s", cause)
        return
    _look.behind, _look.serves, _look.next = None, False, time.monotonic() + _REST
    logger.warning("The replica does not answer, so the primary is read for a while: %s", cause)


@contextmanager
def _cut_off_after(seconds: float) -> Iterator[None]:
    """Close this thread's connection to the replica after so many seconds.

    A frozen server obeys no limit of its own.
    """
    timer = threading.Timer(seconds, _cut_off, [connections[ALIAS]])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut_off(there: BaseDatabaseWrapper) -> None:
    session = there.connection
    if session is not None and not session.closed:
        with suppress(OSError), socket.socket(fileno=os.dup(session.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def _ask(alias: str, statement: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, parameters)
        found: tuple[Any, ...] = cursor.fetchone()
    return found
