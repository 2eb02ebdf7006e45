"""Rows of an export, read while they are written: memory does not grow with their number or texts."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Count, Func, Max, Q, Sum, TextField
from django.db.models.functions import Length
from django.db.models.sql.compiler import SQLCompiler

from commlog.export import cells
from commlog.export.plans import Part, names_of
from notifications.models import Message
from notifications.models.message import MessageQuerySet

# Fetched at once; one text of a megabyte among a million short ones must not slow them all.
_MOST_ROWS, _FEWEST_ROWS = 2_000, 30
_MOST_LETTERS = 4_000_000
_TEXTS = {field.name for field in Message._meta.get_fields() if isinstance(field, TextField)}


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of an export. `cells`: the cells that each column needs for its longest text."""

    rows: int
    at_once: int
    cells: Sequence[int]


class _Bytes(Func):
    """The size of a text in bytes, which PostgreSQL knows without reading it, unlike the number of
    characters.
    """

    function = "OCTET_LENGTH"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        """Use CAST: SQLite has no such function before 3.43."""
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


def bytes_of(messages: MessageQuerySet, parts: Sequence[Part]) -> int:
    """Return the bytes of text in these columns of the messages, counted by the database."""
    sums = {name: Sum(_Bytes(name)) for name in names_of(parts) if name in _TEXTS}
    return sum(
        size or 0
        for size in messages.order_by()
        .aggregate(**{f"bytes_{name}": each for name, each in sums.items()})
        .values()
    )


def extent_of(messages: MessageQuerySet, parts: Sequence[Part]) -> Extent:
    """Measure in the database; only texts that may exceed a cell are read."""
    texts = [name for name in names_of(parts) if name in _TEXTS]
    found = messages.order_by().aggregate(
        rows=Count("pk"), **{f"longest_{name}": Max(Length(name)) for name in texts}
    )
    longest = {name: found[f"longest_{name}"] or 0 for name in texts}
    at_once = max(_FEWEST_ROWS, min(_MOST_ROWS, _MOST_LETTERS // max(1, sum(longest.values()))))
    needed = _cells_needed(messages, [name for name in texts if longest[name] > cells.LONGEST // 2])
    return Extent(found["rows"], at_once, [needed.get(part.reads[0], 1) for part in parts])


def rows_of(messages: MessageQuerySet, parts: Sequence[Part], *, at_once: int) -> Iterator[Sequence[Any]]:
    """Yield the values of `names_of(parts)` and the id of each message, in order; `at_once` rows are
    fetched together.
    """
    names = [*names_of(parts), "pk"]
    computed = {name: expression for part in parts for name, expression in part.computed.items()}
    if messages.masked:
        yield from _masked_rows(messages.annotate(**computed), names, at_once)
        return
    if connection.vendor == "postgresql":
        # A cursor on the server, held beyond any transaction: one picture of the moment at which it was
        # opened.
        yield from messages.annotate(**computed).values_list(*names).iterator(chunk_size=at_once)
        return
    # SQLite: no statement stays open while others write. Which messages, in which order, is settled at the
    # start.
    ids = array("q", messages.values_list("pk", flat=True).iterator(chunk_size=_MOST_ROWS))
    for start in range(0, len(ids), min(at_once, 500)):
        chunk = ids[start : start + min(at_once, 500)]
        found = Message.objects.filter(pk__in=chunk).annotate(**computed).values_list("pk", *names)
        rows = {pk: row for pk, *row in found}
        yield from (rows[pk] for pk in chunk)


def _masked_rows(messages: MessageQuerySet, names: Sequence[str], at_once: int) -> Iterator[Sequence[Any]]:
    """Yield the same from whole rows, since only those are masked."""
    related = {name.partition("__")[0] for name in names if "__" in name}
    found = messages.select_related(*related) if related else messages
    for row in found.defer("content", "html", "headers").iterator(chunk_size=at_once):
        yield [_value(row, name) for name in names]


def _value(row: Any, name: str) -> Any:
    for part in name.split("__"):
        row = None if row is None else getattr(row, part)
    return row


def _cells_needed(messages: MessageQuerySet, texts: Sequence[str]) -> dict[str, int]:
    needed: dict[str, int] = {}
    for name in texts:
        long = messages.order_by().annotate(_length=Length(name)).filter(Q(_length__gt=cells.LONGEST // 2))
        for text in long.values_list(name, flat=True).iterator(chunk_size=10):
            needed[name] = max(needed.get(name, 1), len(cells.parts(cells.clean(text))))
    return needed
