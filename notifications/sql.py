"""Raw statements for the few places where the ORM costs more than the database: the claim, the permit, the result, the broker's look.

Each statement runs on SQLite and on PostgreSQL. Values are always parameters; only names of tables are written into the text.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from notifications.models import Attempt, Lane, Message

MESSAGE = Message._meta.db_table
ATTEMPT = Attempt._meta.db_table
LANE = Lane._meta.db_table


def moment(value: datetime) -> Any:
    """A time as this database takes it."""
    return connection.ops.adapt_datetimefield_value(value)


def marks(count: int) -> str:
    """Placeholders for an IN list."""
    return ", ".join(["%s"] * count)


def rows_of(values: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """A VALUES list and its parameters; its columns are called column1, column2 … by both databases."""
    row = f"({marks(len(values[0]))})"
    return f"(VALUES {', '.join([row] * len(values))}) AS v", [each for value in values for each in value]


def select(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of a query, or of a statement with RETURNING."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def change(statement: str, parameters: Sequence[Any]) -> int:
    """Run a statement; how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount
