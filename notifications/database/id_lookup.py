"""A condition on many ids, passed as one parameter."""

from collections.abc import Collection
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func
from django.db.models.sql.compiler import SQLCompiler

from notifications.database import sql


class Among(Func):
    """The condition that a column holds one of these ids.

    Django writes each id of an `__in` separately, which takes longer than the database needs to find its row.
    """

    arity = 1
    output_field = BooleanField()

    def __init__(self, column: str, ids: Collection[int]) -> None:
        super().__init__(F(column))
        self.ids = tuple(ids)

    @property
    def identity(self) -> Any:
        return type(self), tuple(self.get_source_expressions()), self.ids

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, list[Any]]:
        """Return the condition in the form of raw statements."""
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        condition, ids = sql.these(column, self.ids)
        return condition, [*parameters, ids]
