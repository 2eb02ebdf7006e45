"""Many rows straight into a table: by COPY on PostgreSQL, by one prepared INSERT on SQLite."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, models


class Rows:
    """The next rows of a table, all of the same columns in the same order; the model's defaults fill others.

    Kept as tuples: the garbage collector does not look into those that hold values alone.
    """

    def __init__(self, model: type[models.Model]) -> None:
        self._model, self._names, self._rows = model, list[str](), list[tuple[Any, ...]]()

    def add(self, row: Mapping[str, Any]) -> None:
        """Write this one, too."""
        self._names = self._names or list(row)
        self._rows.append(tuple(row.values()))

    def write(self) -> None:
        """Write them. Must run inside a transaction."""
        if not self._rows:
            return
        rest = {
            field.attname: field.get_db_prep_save(field.get_default(), connection)
            for field in self._model._meta.concrete_fields
            if field.attname not in self._names and _must_be_given(field)
        }
        names, last, rows = [*self._names, *rest], tuple(rest.values()), self._rows
        table = f"{self._model._meta.db_table} ({', '.join(map(connection.ops.quote_name, names))})"
        self._rows = []
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row + last)
            else:
                insert = f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(names))})"  # noqa: S608
                cursor.executemany(insert, [tuple(map(_for_sqlite, row)) + last for row in rows])


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


def _for_sqlite(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def _must_be_given(field: Any) -> bool:
    return not isinstance(field, models.AutoField) and field.db_default is models.NOT_PROVIDED
