"""A poll of an open page, with everything that its answer is read from, kept for the next poll."""

import pickle
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection
from django.http import HttpRequest

Statement = tuple[str, tuple[Any, ...]]


class Figure(NamedTuple):
    """A figure shared by pages (stamps.latest): key, function, digest, and whether it is kept only
    briefly.
    """

    key: Hashable
    make: Callable[[], Any]
    digest: Hashable
    brief: bool = False


@dataclass(slots=True)
class Reading:
    """Statements that a result was read from, each with a digest of its rows, and shared figures."""

    statements: dict[Statement, int] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    repeatable: bool = True

    def note(self, statement: Statement, digest: int) -> None:
        """Add a statement. One with two different results within an answer cannot be compared."""
        self.repeatable = self.repeatable and self.statements.setdefault(statement, digest) == digest

    def take(self, other: "Reading") -> None:
        """Add everything that another result was read from."""
        for statement, digest in other.statements.items():
            self.note(statement, digest)
        self.figures += other.figures
        self.repeatable = self.repeatable and other.repeatable


class Poll:
    """A poll. `stamp`: stamps.stamp before anything was read. `reader`: a digest of the user's row."""

    def __init__(self, stamp: str, reader: int) -> None:
        self.stamp = stamp
        self.reader = reader
        self.rights = 0  # a digest of what the user may do, once that is known
        # Whether all that was used is as it was at the stamp: nothing was shared that is older.
        self.exact = True
        self.found: dict[Statement, int] = {}  # what was asked for this answer
        self.whole: Reading | None = None  # what the whole answer is read from
        self._open: list[Reading] = []

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Record what is read inside; it is also part of the enclosing reading."""
        opened, outermost = Reading(), not self._open
        self._open.append(opened)
        try:
            if outermost:
                with connection.execute_wrapper(self._record):
                    yield opened
            else:
                yield opened
        finally:
            self._open.pop()
        self.add(opened)

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Exclude what is read inside from the answer."""
        aside, self._open = self._open, []
        with _without(self._record):
            try:
                yield
            finally:
                self._open = aside

    def add(self, reading: Reading) -> None:
        if self._open:
            self._open[-1].take(reading)

    def ask(self, statements: Iterable[Statement]) -> None:
        """Execute statements not yet executed for this answer: on PostgreSQL in one round trip, which
        takes most time.
        """
        new = [statement for statement in statements if statement not in self.found]
        if connection.vendor == "postgresql" and new:
            with self.unrecorded(), connection.cursor() as cursor:
                cursor.execute(
                    "; ".join(sql for sql, _ in new), [value for _, params in new for value in params]
                )
                for statement in new:
                    self.found[statement] = digest_of_result(cursor.cursor)
                    cursor.cursor.nextset()
            return
        for statement in new:
            with self.unrecorded(), connection.cursor() as cursor:
                cursor.execute(*statement)
                self.found[statement] = digest_of_rows(cursor.fetchall())

    def says_the_same(self, reading: Reading) -> bool:
        """Return whether every statement was executed for this answer and gave the same rows as before."""
        return reading.repeatable and all(
            self.found.get(statement) == digest for statement, digest in reading.statements.items()
        )

    def _record(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("SET LOCAL"):  # a limit of time
            return result
        reading, cursor = self._open[-1], context["cursor"]
        if many or not sql.startswith("SELECT") or getattr(cursor.cursor, "name", None):
            reading.repeatable = False
            return result
        if connection.vendor == "postgresql":
            digest = digest_of_result(cursor.cursor)
        else:  # its rows can be read only once
            rows = cursor.cursor.fetchall()
            cursor.cursor, digest = _Fetched(cursor.cursor, rows), digest_of_rows(rows)
        statement = (sql, tuple(params or ()))
        self.found[statement] = digest
        reading.note(statement, digest)
        return result


class _Fetched:
    """A cursor whose rows were fetched for their digest."""

    def __init__(self, cursor: Any, rows: Sequence[Any]) -> None:
        self._cursor = cursor
        self._rows = iter(rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int = 1) -> list[Any]:
        return list(islice(self._rows, size))

    def fetchall(self) -> list[Any]:
        return list(self._rows)


def poll_of(request: HttpRequest) -> Poll | None:
    """Return the poll of an open page; None for other requests."""
    found: Poll | None = getattr(request, "poll", None)
    return found


def digest_of_rows(rows: Sequence[Any]) -> int:
    """Return a digest of these rows, valid within this process."""
    try:
        return hash(tuple(rows))
    except TypeError:
        return hash(repr(rows))


def digest_of_result(cursor: Any) -> int:
    """Return a digest of PostgreSQL's raw result: building objects takes longer than the query."""
    sent = cursor.pgresult
    columns = range(sent.nfields)
    return hash(tuple(sent.get_value(row, column) for row in range(sent.ntuples) for column in columns))


def digest_of(value: Any) -> Hashable:
    """Return a digest of a figure, of rows all fields. What has no digest equals nothing."""
    try:
        return hash(pickle.dumps(value))
    except (pickle.PicklingError, TypeError, AttributeError):
        return object()


@contextmanager
def _without(wrapper: Callable[..., Any]) -> Iterator[None]:
    wrappers = connection.execute_wrappers
    present = wrapper in wrappers
    if present:
        wrappers.remove(wrapper)
    try:
        yield
    finally:
        if present:
            wrappers.append(wrapper)
