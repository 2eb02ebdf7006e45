"""Statements, and parts of them, that are written once a process.

What every page asks is answered in less time than Django takes to write the question, and the question is the
same but for some numbers.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from django.db import connections, router
from django.db.models import Field, Model, QuerySet
from django.db.models.expressions import Combinable, RawSQL

Row = TypeVar("Row", bound=Model)
_GAP = -(2**40)  # and below: in place of the numbers, which are ids


class Written(Generic[Row]):
    """A question about ids. `ask`: makes it of them, and puts each into the statement as it is."""

    def __init__(self, ask: Callable[..., QuerySet[Row, Any]]) -> None:
        self._ask = ask
        self._written: dict[tuple[str, int], tuple[type[Row], str, Sequence[Any]]] = {}

    def rows(self, *ids: int) -> list[Row]:
        """Return the rows; what the question does not load is loaded once it is asked for."""
        model, sql, params = self._about(ids)
        return list(model._base_manager.using(router.db_for_read(model)).raw(sql, params))

    def tuples(self, *ids: int) -> list[tuple[Any, ...]]:
        """Return the values of a `values_list` as the database's driver gives them: texts and numbers."""
        model, sql, params = self._about(ids)
        with connections[router.db_for_read(model)].cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

    def _about(self, ids: Sequence[int]) -> tuple[type[Row], str, tuple[Any, ...]]:
        key = (connections["default"].vendor, len(ids))
        if key not in self._written:
            question = self._ask(*(_GAP - place for place in range(len(ids))))
            self._written[key] = (question.model, *question.query.sql_with_params())
        model, sql, params = self._written[key]
        return (
            model,
            sql,
            tuple(ids[_GAP - each] if type(each) is int and each <= _GAP else each for each in params),
        )


class WrittenPart:
    """An expression about a row that no query joins under another name: `model`'s table is its own."""

    def __init__(self, model: type[Model], expression: Combinable, output_field: "Field[Any, Any]") -> None:
        self._model, self._expression, self._output_field = model, expression, output_field
        self._written: dict[str, tuple[str, Sequence[Any]]] = {}

    def sql(self) -> RawSQL:
        """Return it as SQL, for an annotation."""
        vendor = connections["default"].vendor
        if vendor not in self._written:
            rows = self._model._base_manager.order_by().annotate(part=self._expression).values_list("part")
            text, params = rows.query.sql_with_params()
            name = connections["default"].ops.quote_name
            end = f" AS {name('part')} FROM {name(self._model._meta.db_table)}"
            if not (text.startswith("SELECT ") and text.endswith(end)):
                raise ValueError(text)
            self._written[vendor] = text.removeprefix("SELECT ").removesuffix(end), params
        return RawSQL(*self._written[vendor], output_field=self._output_field)  # noqa: S611  Django's own
