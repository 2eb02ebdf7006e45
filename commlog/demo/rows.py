"""Many rows straight into a table: by COPY on PostgreSQL, by one prepared INSERT on SQLite."""

import csv
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, models

# Some columns of a row: their values by their names, and as they are written.
Part = tuple[Mapping[str, Any], Any]


class _Into(NamedTuple):
    """A file of which only the writing is needed."""

    write: Callable[[str], None]


def parts() -> Callable[[Mapping[str, Any]], Part]:
    """What makes a part. What many rows share is made once; moments are given as `moments` makes them."""
    if connection.vendor != "postgresql":
        return lambda row: (row, tuple(row.values()))
    # The csv module is written in C. What ends a line is quoted where a text has it.
    lines = list[str]()
    writer = csv.writer(_Into(lines.append), lineterminator="\r\n")

    def part(row: Mapping[str, Any]) -> Part:
        writer.writerow(row.values())
        return row, lines.pop()[:-2]

    return part


def moments() -> Callable[[datetime], str | None]:
    """What makes of a moment what is stored."""
    if connection.vendor == "postgresql":
        return str
    return connection.ops.adapt_datetimefield_value


class Rows:
    """The next rows of a table, all put together of the same columns in the same order.

    Columns that they do not have get the model's defaults. Kept as they are written, as few objects as can
    be: the garbage collector looks at all that there are, again and again.
    """

    def __init__(self, model: type[models.Model]) -> None:
        self._model, self._names, self._rows = model, list[str](), list[Any]()
        self._copied = connection.vendor == "postgresql"

    def add(self, *row: Part) -> None:
        """Write this one, too."""
        if not self._rows:
            self._names = [name for names, _ in row for name in names]
        values = [part for _, part in row]
        self._rows.append(",".join(values) if self._copied else sum(values, ()))

    def write(self) -> None:
        """Write them. Must run inside a transaction."""
        if not self._rows:
            return
        fields = {field.attname: field for field in self._model._meta.concrete_fields}
        rest = {
            name: field.get_default()
            for name, field in fields.items()
            if name not in self._names and _must_be_given(field)
        }
        columns, quoted = [*self._names, *rest], connection.ops.quote_name
        table = f"{self._model._meta.db_table} ({', '.join(map(quoted, columns))})"
        with connection.cursor() as cursor:
            if self._copied:
                filled = ", ".join(quoted(name) for name in columns if not fields[name].null)
                ends = f",{parts()(rest)[1]}\n" if rest else "\n"
                with cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv, FORCE_NOT_NULL ({filled}))") as copy:
                    copy.write(ends.join([*self._rows, ""]))
            else:
                marks, values = ", ".join(["%s"] * len(columns)), tuple(rest.values())
                insert = f"INSERT INTO {table} VALUES ({marks})"  # noqa: S608
                cursor.executemany(insert, [row + values for row in self._rows])
        self._rows = []


def new_ids(model: type[models.Model], count: int) -> list[int]:
    """The ids of the next rows. Must run inside the transaction that appends them."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # As an INSERT does before it takes an id: whoever asks which ids may still appear looks for it.
            cursor.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE")
            ids = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
            cursor.execute(ids, [table, count])
            return [number for (number,) in cursor.fetchall()]
        # An IMMEDIATE transaction: nobody else writes until it is over.
        cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        (last,) = cursor.fetchone()
        return list(range(last + 1, last + 1 + count))


def _must_be_given(field: Any) -> bool:
    return not isinstance(field, models.AutoField) and field.db_default is models.NOT_PROVIDED
