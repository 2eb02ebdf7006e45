"""The database's availability: whether it can be written to, and the meaning of its errors."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from django.db import Error, connection, transaction

from notifications.process import this_process

PROVED_FOR = 1.0  # seconds for which a process believes its last write to the disk
RETRY_AFTER = 10  # seconds after which it is worth asking again
_BUSY_WITHIN = 500  # milliseconds; another's write transaction is proof enough that writing works
_ROOM = 16_384  # bytes: some pages more than there are, so that a full disk is noticed
_SAY_EVERY = 60.0  # seconds
_proved = float("-inf")
_said: dict["Trouble", float] = {}

logger = logging.getLogger(__name__)


class Trouble(Enum):
    """The database's problem. The value ends the sentence "The database …"."""

    READ_ONLY = "is read-only at present"
    FULL = "cannot save anything, because its disk is full or broken"
    GONE = "does not answer"
    BUSY = "is too busy to answer"

    @property
    def sentence(self) -> str:
        """The problem in words for everybody: nothing of it is secret."""
        return f"The database {self.value}."

    @property
    def spares_reading(self) -> bool:
        """Whether existing data can still be read."""
        return self in (Trouble.READ_ONLY, Trouble.FULL)


# SQLSTATE, or its first two characters: PostgreSQL's manual, appendix A.
_SQLSTATES = {
    "25006": Trouble.READ_ONLY,
    "53100": Trouble.FULL,
    "58030": Trouble.FULL,
    "53": Trouble.BUSY,
    "55P03": Trouble.BUSY,
    "40": Trouble.BUSY,
    "08": Trouble.GONE,
    "57P": Trouble.GONE,
}
# Primary result codes: sqlite.org/rescode.html
_SQLITE_CODES = {
    5: Trouble.BUSY,
    6: Trouble.BUSY,
    8: Trouble.READ_ONLY,
    10: Trouble.FULL,
    13: Trouble.FULL,
    14: Trouble.GONE,
}


def trouble_of(error: BaseException | None) -> Trouble | None:
    """Return the database's problem by an error or its cause; None if the error is ours."""
    while error is not None:
        found = _by_code(error)
        if found:
            return found
        error = error.__cause__
    return None


def trouble() -> Trouble | None:
    """Return why nothing can be written now; None if writing works.

    It writes and rolls back. What only a commit shows (SQLite reaches the disk no sooner) is tested once a
    second.
    """
    global _proved
    try:
        if connection.vendor == "sqlite":
            _try_sqlite()
        else:
            _try_postgresql()
    except Error as error:
        _proved = float("-inf")
        found = trouble_of(error) or Trouble.GONE
        return None if found == Trouble.BUSY and _by_another(error) else found
    return None


@this_process.at_forget
def forget() -> None:
    """Forget the last proof and what was logged, for tests."""
    global _proved
    _proved = float("-inf")
    _said.clear()


@contextmanager
def optional_write() -> Iterator[None]:
    """Ignore a failed write inside the block while the database takes none.

    It is for notes that no answer depends on. Use it outside transactions, which a failed statement would
    spoil.
    """
    try:
        yield
    except Error as error:
        found = trouble_of(error)
        if found is None or not found.spares_reading:
            raise


def note(error: Error) -> None:
    """Log a recurring error: a known problem in one line a minute, any other with its traceback."""
    found = trouble_of(error)
    if found is None:
        logger.error("a statement failed", exc_info=error)
    else:
        say(found)


def say(found: Trouble) -> None:
    """Log the problem, unless this process did within the last minute."""
    now = time.monotonic()
    if now - _said.get(found, float("-inf")) >= _SAY_EVERY:
        _said[found] = now
        logger.error(found.sentence)


def _by_code(error: BaseException) -> Trouble | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE_CODES.get(code & 0xFF)  # the rest of an extended code says more than is needed
    module = type(error).__module__.partition(".")[0]
    if module != "psycopg":
        return None
    state = getattr(error, "sqlstate", None)
    if state is None:  # the server had no say: there was no connection, or it broke
        return (
            Trouble.GONE
            if type(error).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")
            else None
        )
    return _SQLSTATES.get(state) or _SQLSTATES.get(state[:3]) or _SQLSTATES.get(state[:2])


def _by_another(error: Error) -> bool:
    return getattr(error.__cause__, "sqlite_errorcode", None) is not None


def _try_sqlite() -> None:
    connection.ensure_connection()
    with connection.cursor() as cursor:
        patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_WITHIN}")
        try:
            with transaction.atomic():
                cursor.execute("CREATE TABLE commlog_write_probe (room BLOB)")
                cursor.execute(f"INSERT INTO commlog_write_probe VALUES (zeroblob({_ROOM}))")  # noqa: S608 - a number of ours
                transaction.set_rollback(True)
            if _has_to_prove():
                version = cursor.execute("PRAGMA user_version").fetchone()[0]
                # The smallest commit there is, and it changes nothing.
                cursor.execute(f"PRAGMA user_version = {version}")
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")


def _try_postgresql() -> None:
    """Raise the error of a write to a temporary table, which takes no lock that others wait for."""
    with transaction.atomic(), connection.cursor() as cursor:
        if (
            cursor.execute("SELECT current_setting('transaction_read_only') = 'on'").fetchone()[0]
            or _has_to_prove()
        ):
            cursor.execute("CREATE TEMPORARY TABLE commlog_write_probe (room text)")
            cursor.execute(
                "INSERT INTO commlog_write_probe SELECT md5(n::text) FROM generate_series(1, %s) n",
                [_ROOM // 64],
            )
        transaction.set_rollback(True)


def _has_to_prove() -> bool:
    global _proved
    if time.monotonic() - _proved < PROVED_FOR:
        return False
    _proved = time.monotonic()
    return True
