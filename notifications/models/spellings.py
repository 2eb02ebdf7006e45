"""Expressions of indexes over texts that people spell in many ways.

They are defined once, since a condition must equal the expression of its index exactly.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, TextField
from django.db.models.sql.compiler import SQLCompiler

LONGEST_SPELLED = 200  # characters: an index cannot hold more than 2,700 octets
SEPARATORS = ("(0)", " ", "(", ")", "-", ".", "/", "\u00a0", "\u2010", "\u2011", "\u2013", "\u202f")


class Spelled(Func):
    """The start of the canonical form of a text, from a column and the fold beside it, in binary order.

    The fold is empty if it differs from the text by the case of A to Z alone.
    """

    arity = 2
    output_field = TextField()

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, list[Any]]:
        """Return the SQL for SQLite, whose LOWER knows A to Z alone and which compares in binary order."""
        text, fold, params = self._columns(compiler)
        whole = f"CASE WHEN {fold} = '' THEN LOWER({text}) ELSE {fold} END"
        return f"SUBSTR({whole}, 1, {LONGEST_SPELLED})", params

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, list[Any]]:
        text, fold, params = self._columns(compiler)
        whole = f"CASE WHEN {fold} = '' THEN LOWER({text} COLLATE \"C\") ELSE {fold} END"
        return f'(SUBSTR({whole}, 1, {LONGEST_SPELLED}) COLLATE "C")', params

    def _columns(self, compiler: SQLCompiler) -> tuple[str, str, list[Any]]:
        (text, first), (fold, second) = (compiler.compile(each) for each in self.get_source_expressions())
        return text, fold, [*first, *second]


class Digits(Func):
    """A number without separators, from a column and the fold beside it."""

    arity = 2
    output_field = TextField()

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, list[Any]]:
        """Return the SQL with the separators written out: an index does not match parameters."""
        (text, first), (fold, second) = (compiler.compile(each) for each in self.get_source_expressions())
        number = f"CASE WHEN {fold} = '' THEN {text} ELSE {fold} END"
        for separator in SEPARATORS:
            number = f"REPLACE({number}, '{separator}', '')"
        return f"SUBSTR({number}, 1, {LONGEST_SPELLED})", [*first, *second]
