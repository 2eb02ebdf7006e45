"""Limits on what a page may cost the database: duration of a query, and how far rows are counted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Count, QuerySet

from commlog.kit.paging import first_of_legs
from notifications.database import replica

A_PAGE = 5.0  # seconds
A_COUNT = 1.0
A_CONFIRMATION = 15.0  # somebody waits for it, and it is asked for once
_CANCELLED = "57014"  # PostgreSQL's query_canceled
_STEPS = 10_000  # of SQLite's virtual machine between two looks at the clock


class TookTooLong(Exception):
    """The database stopped the query: it would have taken longer than allowed."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop statements inside after `seconds`. Raises TookTooLong. For reading only."""
    limited = _on_postgres if connection.vendor == "postgresql" else _on_sqlite
    with limited(seconds):
        yield


def counted_in_time(rows: QuerySet[Any], most: int) -> int | None:
    """Return the number of rows; None beyond `most`, or if counting takes over a second."""
    try:
        with time_limit(A_COUNT):
            found = counted(rows, most)
    except TookTooLong:
        return None
    return found if found <= most else None


def counted(rows: QuerySet[Any], most: int) -> int:
    """Return the number of rows, counting up to one more than `most`."""
    if legs := getattr(rows, "legs", ()):  # their OR would be looked for in all rows
        return len(first_of_legs(rows, legs, (), most + 1))
    found: int = rows.order_by().values("pk")[: most + 1].aggregate(found=Count("pk"))["found"]
    return found


def capped(number: int, most: int) -> str:
    """Return a number that was counted up to `most`, for people: `1,000+` beyond it."""
    return f"{most:,}+" if number > most else f"{number:,}"


@contextmanager
def _on_postgres(seconds: float) -> Iterator[None]:
    reading = replica.connection()
    surrounded = reading.in_atomic_block
    try:
        with transaction.atomic(using=reading.alias), reading.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
            yield
            if surrounded:  # that transaction goes on without the limit, which ends with ours by itself
                cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == _CANCELLED:
            raise TookTooLong from error
        raise


@contextmanager
def _on_sqlite(seconds: float) -> Iterator[None]:
    """Limit a query on SQLite, which has no timeout: a handler is called every few thousand steps.

    No transaction: that would block writers.
    """
    connection.ensure_connection()
    end = time.monotonic() + seconds
    connection.connection.set_progress_handler(lambda: int(time.monotonic() > end), _STEPS)
    try:
        yield
    except OperationalError as error:
        if str(error) == "interrupted":
            raise TookTooLong from error
        raise
    finally:
        connection.connection.set_progress_handler(None, 0)
