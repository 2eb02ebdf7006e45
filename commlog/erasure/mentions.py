"""Mentions of the person elsewhere: every text field of every model is searched.

A new table needs nothing here. Packed values and tables of libraries have functions of their own (`_OWN`).
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.db.models import CharField, JSONField, Model, TextField
from django_q.models import OrmQ, Task

from commlog.erasure.turns import Turn
from commlog.models import AuditEntry, AuditKey, Erasure
from notifications.database.clock import db_now
from notifications.models import LegalHold, Message
from notifications.models.folds import FoldField, folds_of
from notifications.secrets.sealed import SealedTextField
from notifications.states import LIVE
from notifications.words import indexing

_ROWS = 500  # that are read at once
# Without texts of people; sealed or signed, so read another way; or never changed.
_OWN = (AuditEntry, AuditKey, ContentType, Erasure, OrmQ, Permission, Session, Task)


def sessions(turn: Turn) -> None:
    """Remove the person from session data."""
    spellings = turn.spellings
    for session in Session.objects.iterator():
        said = session.get_decoded()
        if spellings.stands_in(said):
            packed = SessionStore().encode(spellings.replaced(said, turn.named))
            with turn.batch():
                rows = Session.objects.filter(pk=session.pk, session_data=session.session_data)
                turn.count({"sessions": rows.update(session_data=packed)})


def tasks(turn: Turn) -> None:
    """Delete django-q2's records of finished tasks. Tasks in its queue hold only ids."""
    for task in Task.objects.iterator():
        if turn.spellings.stands_in(str((task.name, task.args, task.kwargs, task.result))):
            with turn.batch():
                task.delete()
                turn.count({"tasks": 1})


def everywhere(turn: Turn) -> None:
    """Remove the person's names, addresses and numbers from all texts that belong to others."""
    if not turn.spellings:
        return
    for model in (each for each in apps.get_models() if each not in _OWN):
        _through(turn, model)


def texts_of(model: type[Model]) -> list[Any]:
    """Return the fields of a model that hold free text."""
    return [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, CharField | TextField | JSONField)
        and not isinstance(field, FoldField | SealedTextField)
        and not (field.choices or field.primary_key)
    ]


def take_out(turn: Turn, model: type[Model], pks: Sequence[Any]) -> int:
    """Replace mentions of the person in these rows, in the caller's batch. Return the number of rows
    changed.
    """
    spellings, written = turn.spellings, list[Any]()
    stays = _staying(turn, model, pks)
    rows = model._base_manager.select_for_update().filter(pk__in=pks).order_by("pk")
    for row in rows:
        was = {field.attname: getattr(row, field.attname) for field in texts_of(model)}
        changed = {
            name: _fitting(row, name, spellings.replaced(value, turn.named))
            for name, value in was.items()
            if spellings.stands_in(value)
        }
        if changed and row.pk not in stays:
            _write(row, changed)
            written.append(row.pk)
    if written:
        turn.count({f"in {model._meta.verbose_name_plural}": len(written)})
        if model is Message:
            indexing.rewrite(written, for_good=True)
    if stays:
        turn.keep("mentions", turn.erasure.kept.get("mentions", 0) + len(stays))
    return len(written)


def _through(turn: Turn, model: type[Model]) -> None:
    names, table = [field.attname for field in texts_of(model)], model._meta.db_table
    if not names or table in turn.erasure.places.get("tables", []):
        return
    spellings = turn.spellings
    for pks, rows in _batches(turn, model, names):
        hits = [pk for pk, values in zip(pks, rows, strict=True) if any(map(spellings.stands_in, values))]
        if not hits:
            turn.erasure.places["at"] = {table: pks[-1]}
            turn.go_on()
            continue
        with turn.batch():
            take_out(turn, model, _without_live(turn, model, hits))
            turn.erasure.places["at"] = {table: pks[-1]}
    turn.erasure.places["tables"] = [*turn.erasure.places.get("tables", []), table]


def _batches(
    turn: Turn, model: type[Model], names: Sequence[str]
) -> Iterator[tuple[list[Any], list[Sequence[Any]]]]:
    behind = turn.erasure.places.get("at", {}).get(model._meta.db_table)
    while True:
        rows = model._base_manager.order_by("pk")
        if behind is not None:
            rows = rows.filter(pk__gt=behind)
        found = list(rows.values_list("pk", *names)[:_ROWS])
        if not found:
            return
        yield [pk for pk, *_ in found], [values for _, *values in found]
        behind = found[-1][0]


def _without_live(turn: Turn, model: type[Model], pks: Sequence[Any]) -> Sequence[Any]:
    """Exclude messages in progress and note them: what is being sent must not change."""
    if model is not Message:
        return pks
    rows = Message.objects.filter(pk__in=pks, state__in=sorted(LIVE))
    live = set(rows.values_list("pk", flat=True))
    turn.erasure.places["named"] = sorted({*turn.erasure.places.get("named", []), *live})
    return [pk for pk in pks if pk not in live]


def _staying(turn: Turn, model: type[Model], pks: Collection[Any]) -> set[Any]:
    """Return which of these rows are on legal hold: messages, rows that belong to messages, and holds."""
    if model is Message:
        return set(turn.held(pks))
    if model is LegalHold:
        return set(LegalHold.objects.active().filter(pk__in=pks).values_list("pk", flat=True))
    fields = [each for each in model._meta.concrete_fields if each.related_model is Message]
    if not fields or model._meta.pk in fields:
        return set()
    of = dict(model._base_manager.filter(pk__in=pks).values_list("pk", fields[0].attname))
    held = turn.held({message for message in of.values() if message})
    return {pk for pk, message in of.items() if message in held}


def _fitting(row: Model, name: str, value: Any) -> Any:
    longest = getattr(row._meta.get_field(name), "max_length", None)
    return value[:longest] if isinstance(value, str) and longest else value


def _write(row: Model, changed: dict[str, Any]) -> None:
    model = type(row)
    for name, value in changed.items():
        setattr(row, name, value)
    for fold in folds_of(model):
        if set(fold.of) & set(changed):
            changed[fold.name] = fold.fold_of(getattr(row, each) for each in fold.of)
    if model is Message:
        changed["erased_at"] = db_now()
    those = model._base_manager.filter(pk=row.pk)
    try:
        with transaction.atomic():
            those.update(**changed)
    except IntegrityError:  # another row is called so already
        unique = {each: f"{value} {row.pk}" for each, value in changed.items() if isinstance(value, str)}
        those.update(**changed | {each: _fitting(row, each, value) for each, value in unique.items()})
