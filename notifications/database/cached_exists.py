"""Whether there is any row of several queries: by one statement, whose text is made once a process.

Making the text takes Django ten times the processor that asking takes.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import QuerySet

from notifications.database import sql


class AnyOf:
    """Queries that are the same each time: `make` is called once, and says nothing that changes."""

    def __init__(self, make: Callable[[], Iterable[QuerySet[Any]]]) -> None:
        self._make = make
        self._statement: tuple[str, list[Any]] | None = None

    def exist(self) -> bool:
        """Whether any of the queries has a row."""
        if self._statement is None:
            made = [each.order_by().values("pk").query.sql_with_params() for each in self._make()]
            text = " OR ".join(f"EXISTS ({text})" for text, _ in made)
            self._statement = f"SELECT {text}", [value for _, values in made for value in values]
        return bool(sql.select(*self._statement)[0][0])
