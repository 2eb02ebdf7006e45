"""The few database connections that open streams take turns on.

One for each thread would exceed PostgreSQL's limit as soon as an event comes that many wait for, and then
pages would get no connection either.
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
    """Give this thread one of the connections inside the block, and close its own."""
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
