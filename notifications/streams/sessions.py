"""The few connections to the database at which open streams take turns.

One for each thread would be more than PostgreSQL takes as soon as something comes that many wait for, and
then the pages would get none either.
"""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, Error, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

_MOST = 8  # of a process: more could not do more, as only one thread runs at a time
_turns = threading.BoundedSemaphore(_MOST)
_idle: queue.LifoQueue[BaseDatabaseWrapper] = queue.LifoQueue()
_inside = threading.local()


@contextmanager
def turn() -> Iterator[None]:
    """Inside, this thread has one of the connections, and its own is closed."""
    taken = connection.in_atomic_block or getattr(_inside, "turn", False)
    if connection.vendor != "postgresql" or taken:
        yield
        return
    with _turns:
        own, shared = connections[DEFAULT_DB_ALIAS], _any()
        own.close()
        connections[DEFAULT_DB_ALIAS], _inside.turn = shared, True
        try:
            yield
        except Error:
            shared.close()
            raise
        finally:
            connections[DEFAULT_DB_ALIAS], _inside.turn = own, False
            _idle.put(shared)


def _any() -> BaseDatabaseWrapper:
    try:
        return _idle.get_nowait()
    except queue.Empty:
        made = connections.create_connection(DEFAULT_DB_ALIAS)
        made.inc_thread_sharing()
        return made
