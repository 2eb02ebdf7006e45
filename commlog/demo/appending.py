"""Appends rows to a table in bulk: by COPY on PostgreSQL, by one prepared INSERT on SQLite. A hundred thousand rows take seconds."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, models

Row = dict[str, Any]


def append(model: type[models.Model], rows: Sequence[Row]) -> None:
    """Write the rows, all of the same columns; whatever other columns there are get the model's defaults. Must run inside a transaction."""
    if not rows:
        return
    given = [field for field in model._meta.concrete_fields if field.attname in rows[0]]
    others = [
        field
        for field in model._meta.concrete_fields
        if field not in given and not isinstance(field, models.AutoField) and field.db_default is models.NOT_PROVIDED
    ]
    rest = [make(field.get_default()) if (make := _prepare(field)) else field.get_default() for field in others]
    makes = [(field.attname, _prepare(field)) for field in given]
    written = ([make(row[name]) if make else row[name] for name, make in makes] + rest for row in rows)
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in [*given, *others])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy:
                for row in written:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * (len(makes) + len(rest)))
            cursor.executemany(f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({marks})", list(written))  # noqa: S608


def new_ids(model: type[models.Model], count: int) -> list[int]:
    """The ids of the next rows. Must run inside the transaction that appends them."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count])
            return [number for (number,) in cursor.fetchall()]
        # An IMMEDIATE transaction: nobody else writes until it is over.
        cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        (last,) = cursor.fetchone()
        return list(range(last + 1, last + 1 + count))


def _prepare(field: Any) -> Callable[[Any], Any] | None:
    """How this database takes the field's values; None: as they are."""
    if type(field).__module__ != models.Field.__module__ and not field.is_relation:  # a field of our own may refuse what it is given
        return lambda value: field.get_db_prep_save(value, connection)
    if connection.vendor != "postgresql" and isinstance(field, models.DateTimeField):
        return connection.ops.adapt_datetimefield_value
    if connection.vendor != "postgresql" and isinstance(field, models.UUIDField):
        return lambda value: value and value.hex
    return None
