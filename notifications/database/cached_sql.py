"""Queries and expressions whose SQL is compiled once per process.

The queries of every page and of a resting cluster differ at most in ids, and Django takes longer to compile
one than PostgreSQL to answer it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from django.db import connections, router
from django.db.models import Field, Model, QuerySet
from django.db.models.expressions import Combinable, RawSQL

from notifications.database import sql

Row = TypeVar("Row", bound=Model)
_GAP = -(2**40)  # and below: placeholders for ids


class CachedQuery(Generic[Row]):
    """A query that differs only in ids. `ask` builds it from them and passes each on unchanged."""

    def __init__(self, ask: Callable[..., QuerySet[Row, Any]]) -> None:
        self._ask = ask
        self._compiled: dict[tuple[str, int], tuple[type[Row], str, Sequence[Any]]] = {}

    def rows(self, *ids: int) -> list[Row]:
        """Return the rows. Fields that the query does not load are deferred."""
        model, text, params = self._of(ids)
        return list(model._base_manager.using(router.db_for_read(model)).raw(text, params))

    def tuples(self, *ids: int) -> list[tuple[Any, ...]]:
        """Return the values of a `values_list` as the driver returns them: texts and numbers."""
        model, text, params = self._of(ids)
        with connections[router.db_for_read(model)].cursor() as cursor:
            cursor.execute(text, params)
            return list(cursor.fetchall())

    def statement(self, *ids: int) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL and its parameters."""
        return self._of(ids)[1:]

    def _of(self, ids: Sequence[int]) -> tuple[type[Row], str, tuple[Any, ...]]:
        key = (connections["default"].vendor, len(ids))
        if key not in self._compiled:
            query = self._ask(*(_GAP - place for place in range(len(ids))))
            self._compiled[key] = (query.model, *query.query.sql_with_params())
        model, text, params = self._compiled[key]
        return (
            model,
            text,
            tuple(ids[_GAP - each] if type(each) is int and each <= _GAP else each for each in params),
        )


class CachedExists:
    """Whether any of several queries has a row, in one statement. `ask` builds them; they never change."""

    def __init__(self, ask: Callable[[], Iterable[QuerySet[Any]]]) -> None:
        self._ask = ask
        self._compiled: tuple[str, list[Any]] | None = None

    def found(self) -> bool:
        """Return whether any of the queries has a row."""
        if self._compiled is None:
            parts = [each.order_by().values("pk").query.sql_with_params() for each in self._ask()]
            text = " OR ".join(f"EXISTS ({text})" for text, _ in parts)
            self._compiled = f"SELECT {text}", [value for _, values in parts for value in values]
        return bool(sql.select(*self._compiled)[0][0])


class CachedExpression:
    """An expression on a model's row, for queries in which the model's table has no alias."""

    def __init__(self, model: type[Model], expression: Combinable, output_field: "Field[Any, Any]") -> None:
        self._model, self._expression, self._output_field = model, expression, output_field
        self._compiled: dict[str, tuple[str, Sequence[Any]]] = {}

    def sql(self) -> RawSQL:
        """Return the expression as SQL, for an annotation."""
        vendor = connections["default"].vendor
        if vendor not in self._compiled:
            rows = self._model._base_manager.order_by().annotate(part=self._expression).values_list("part")
            text, params = rows.query.sql_with_params()
            name = connections["default"].ops.quote_name
            end = f" AS {name('part')} FROM {name(self._model._meta.db_table)}"
            if not (text.startswith("SELECT ") and text.endswith(end)):
                raise ValueError(text)
            self._compiled[vendor] = text.removeprefix("SELECT ").removesuffix(end), params
        return RawSQL(*self._compiled[vendor], output_field=self._output_field)  # noqa: S611  Django's own
