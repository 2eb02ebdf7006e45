"""Deletion of messages in whole chains, with everything that refers to them."""

from collections.abc import Collection, Iterator, Sequence

from django.db import connection
from django.db.models import ForeignObjectRel, Model

from notifications.database import sql
from notifications.database.id_lookup import Among
from notifications.models import HeldMessage, Message
from notifications.words import indexing

# As long as such a row is there, its message stays: the database refuses.
_KEEP = (HeldMessage,)


def dependents() -> Iterator[tuple[type[Model], str, bool]]:
    """Yield the references to messages: model, field, and whether the row can stay without the message."""
    for relation in Message._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel):
            continue
        model, field = relation.related_model, relation.field
        if model is not Message and model not in _KEEP:
            yield model, field.name, field.null


def delete(pks: Collection[int]) -> None:
    """Delete these messages with their attempts, receipts and other dependants, in the caller's transaction.

    Pass whole chains: a remaining row that refers to a deleted one makes the transaction fail, and so does a
    legal hold. The commit does not wait for the disk: what a crash takes back has to be deleted again.
    """
    if not pks:
        return
    if connection.vendor == "postgresql":
        sql.select("SELECT set_config('synchronous_commit', 'off', true)", [])
    indexing.hold()  # else somebody may be writing their words
    tables = []
    for model, name, goes_on in dependents():
        if goes_on:
            model._base_manager.filter(Among(f"{name}_id", pks)).update(**{name: None})
        else:
            tables.append((model._meta.db_table, f"{name}_id"))
    _delete([*tables, (sql.MESSAGE, "id")], list(pks))


def _delete(tables: Sequence[tuple[str, str]], ids: Sequence[int]) -> None:
    """Delete the rows whose column has one of these ids: by one statement, where the database can do so."""
    each = [(table, *sql.these(column, ids)) for table, column in tables]
    deletes = [f"DELETE FROM {table} WHERE {those}" for table, those, _ in each]  # noqa: S608 - names of tables
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            *others, last = deletes
            parts = ", ".join(f"gone_{number} AS ({delete})" for number, delete in enumerate(others))
            cursor.execute(f"WITH {parts} {last}", [value for *_, value in each])
            return
        for delete, (*_, value) in zip(deletes, each, strict=True):
            cursor.execute(delete, [value])
