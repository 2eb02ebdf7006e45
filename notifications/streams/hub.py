"""The thread that wakes a process's open streams, keeps their readers alive and notices ended ones."""

import logging
import select
import threading
import time

from django.db import Error, connection

from notifications.database import pooling
from notifications.database.clock import db_now
from notifications.streams import readers, waking

_BEAT = 3.0  # seconds between signs
_STUCK = 90.0  # seconds after which a stream whose client takes nothing more gets none
_POLL = 0.05  # seconds, on SQLite, between looks whether anything was written at all
_BLIND = 0.5  # seconds, where sessions are shared and nothing can be listened to
_AGAIN = 1.0  # seconds after an error of the database

logger = logging.getLogger(__name__)


class Watch:
    """The state of one stream that waits to be woken."""

    def __init__(self, reader_id: int) -> None:
        self.reader_id = reader_id
        self.words = {waking.of_reader(reader_id)}
        self.woken = threading.Event()
        self.ended = False
        self.touched = time.monotonic()

    def end(self) -> None:
        """Tell the stream to end."""
        self.ended = True
        self.woken.set()


_watches: dict[int, Watch] = {}
_lock = threading.Lock()
_thread: threading.Thread | None = None
_stopping = False


def join(reader_id: int) -> Watch:
    """Return a new watch for a reader of this process."""
    global _thread
    watch = Watch(reader_id)
    with _lock:
        _watches[reader_id] = watch
        if _stopping:
            watch.end()
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_run, name="streams", daemon=True)
            _thread.start()
    return watch


def part(watch: Watch) -> None:
    """Remove a watch."""
    with _lock:
        _watches.pop(watch.reader_id, None)


def count() -> int:
    """Return how many streams this process has open."""
    return len(_watches)


def stop() -> None:
    """End all streams: the process is to stop."""
    global _stopping
    _stopping = True
    for watch in list(_watches.values()):
        watch.end()


def _run() -> None:
    global _thread
    while True:
        try:
            _watch()
        except Error as error:
            logger.warning("open streams are not woken for a moment: %s", error)
            time.sleep(_AGAIN)
        finally:
            connection.close()
        with _lock:
            if not _watches:
                _thread = None
                return


def _watch() -> None:
    connection.ensure_connection()
    look = _looks()
    _wake_all()
    beat_at = 0.0
    while _watches:
        if time.monotonic() >= beat_at:
            beat_at = time.monotonic() + _BEAT
            _beat()
        look()


def _looks():  # type: ignore[no-untyped-def]
    """Return a function that waits briefly for news and wakes the streams concerned."""
    if connection.vendor == "sqlite":
        return _Version().look
    return _blind if pooling.sessions_are_shared() else _Listener().look


def _blind() -> None:
    time.sleep(_BLIND)
    _wake_all()


class _Version:
    """A poll for SQLite: a number that changes when another connection has written."""

    def __init__(self) -> None:
        self._seen = self._now()

    def look(self) -> None:
        time.sleep(_POLL)
        if (now := self._now()) != self._seen:
            self._seen = now
            _wake_all()

    def _now(self) -> int:
        with connection.cursor() as cursor:
            return int(cursor.execute("PRAGMA data_version").fetchone()[0])


class _Listener:
    """A listener for PostgreSQL's notifications."""

    def __init__(self) -> None:
        self._session = connection.connection
        self._session.add_notify_handler(lambda note: _wake(set(note.payload.split())))
        self._session.execute(f"LISTEN {waking.CHANNEL}")

    def look(self) -> None:
        ready, _, _ = select.select([self._session.fileno()], [], [], _BEAT)
        if ready:
            with connection.wrap_database_errors:
                self._session.execute("SELECT 1")  # takes in what has come


def _wake(words: set[str]) -> None:
    for watch in list(_watches.values()):
        if not words.isdisjoint(watch.words):
            watch.woken.set()


def _wake_all() -> None:
    for watch in list(_watches.values()):
        watch.woken.set()


def _beat() -> None:
    """Send a sign of life for every reader whose stream goes on, and end the watches of the others."""
    watches = dict(_watches)
    late = time.monotonic() - _STUCK
    still = readers.beat([pk for pk, watch in watches.items() if watch.touched > late])
    for pk, watch in watches.items():
        if pk not in still:
            watch.end()
    readers.sweep(db_now())
