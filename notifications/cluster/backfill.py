"""Backfill of folds and failure meanings in rows older than their columns, in batches that resume.

The cluster runs it. Only empty columns are filled, so nothing written meanwhile is overwritten. Rows may
still come from a process that was started before the column existed, so a table counts as done only after an
hour.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import timedelta

from django.apps import apps
from django.db import connection, models, transaction
from django.utils import timezone
from django_q.models import Schedule

from notifications.channels import meaning_of
from notifications.database import sql
from notifications.failures.meanings import stored
from notifications.models import Message, newest_id
from notifications.models.folds import Filling, folds_of

_NAME = "fill folds"
MEANINGS = "meanings of failures"
_A_TURN = 20.0  # seconds, every minute: a worker of the cluster does nothing else meanwhile
_BATCH = 2_000
_PAUSE = 0.02  # seconds between batches, for whoever else writes
_OLD_PROCESSES = timedelta(hours=1)


def install_schedule(**_: object) -> None:
    """Schedule the backfill every minute while there is something to fill (post_migrate)."""
    migrated_back = Filling._meta.db_table not in connection.introspection.table_names()
    if not migrated_back and Filling.objects.filter(done=False).exists():
        # A schedule of an older version names the task by a path that may have changed since.
        Schedule.objects.update_or_create(
            name=_NAME,
            defaults={"func": f"{__name__}.{fill.__name__}", "schedule_type": Schedule.MINUTES, "minutes": 1},
        )


def fill(seconds: float = _A_TURN) -> int:
    """Fill for that many seconds (a django-q2 task) and return the number of rows.

    The schedule ends when everything is done.
    """
    ends, seen = time.monotonic() + seconds, 0
    for filling in Filling.objects.filter(done=False).order_by("pk"):
        while time.monotonic() < ends and (looked_at := _step(filling)):
            seen += looked_at
            time.sleep(_PAUSE)
    if not Filling.objects.filter(done=False).exists():
        Schedule.objects.filter(name=_NAME).delete()
    return seen


def _step(filling: Filling) -> int:
    """Fill in the next batch and return how many rows it had."""
    if filling.table == MEANINGS:
        return _step_of_meanings(filling)
    model = apps.get_model(filling.table)
    folds = folds_of(model)
    names = list(dict.fromkeys(name for each in folds for name in each.of))
    rows = list(
        model._default_manager.filter(pk__gt=filling.last_pk).order_by("pk").values("pk", *names)[:_BATCH]
    )
    wanted: dict[int, dict[str, str]] = {}
    for row in rows:
        made = {each.name: each.fold_of(row[name] for name in each.of) for each in folds}
        if any(made.values()):
            wanted[row["pk"]] = made
    _write(model, wanted)
    _went_on(filling, rows[-1]["pk"] if rows else 0)
    return len(rows)


def _went_on(filling: Filling, last_pk: int) -> None:
    """Store the position reached; 0: the whole table was processed."""
    if last_pk:
        filling.last_pk = last_pk
    else:
        filling.done = timezone.now() - filling.began_at > _OLD_PROCESSES
    filling.save(update_fields=["last_pk", "done"])


def _step_of_meanings(filling: Filling) -> int:
    """Store the meanings of the next failed messages. Returns how many rows were looked at."""
    first, newest = filling.last_pk, newest_id(Message)
    last = min(first + _BATCH, newest)
    failed = Message.objects.failed().filter(pk__gt=first, pk__lte=last, failure_meaning="")
    told = defaultdict(list)
    for pk, *why in failed.values_list("pk", "type", "failure_reason", "failure_cause", "outcome"):
        told[meaning_of(*why)].append(pk)
    for meaning, pks in told.items():
        Message.objects.filter(pk__in=pks, failure_meaning="").update(**stored(meaning))
    _went_on(filling, last if last > first else 0)
    return last - first


def _write(model: type[models.Model], wanted: Mapping[int, Mapping[str, str]]) -> None:
    """Write all rows that nobody else has locked, then the others one by one.

    So nothing waits for a lock while it holds another row.
    """
    free: set[int] = set()
    if connection.features.has_select_for_update_skip_locked:
        with transaction.atomic():
            found = model._default_manager.filter(pk__in=list(wanted)).select_for_update(
                skip_locked=True, no_key=True
            )
            free.update(found.values_list("pk", flat=True))
            _fill_in(model, wanted, free)
    else:
        free.update(wanted)
        _fill_in(model, wanted, free)
    for pk in wanted.keys() - free:
        _fill_in(model, wanted, [pk])


def _fill_in(
    model: type[models.Model], wanted: Mapping[int, Mapping[str, str]], pks: Collection[int]
) -> None:
    table, columns = model._meta.db_table, [str(each.column) for each in folds_of(model)]
    values = ", ".join(f"{column} = v.{column}" for column in columns)
    still = " AND ".join(f"{table}.{column} = ''" for column in columns)
    statement = f"UPDATE {table} SET {values} EACH AND {still} RETURNING {table}.id"  # noqa: S608 - names of tables and columns
    sql.update_each(
        table,
        statement,
        [{"id": pk, **wanted[pk]} for pk in pks],
        {"id": "bigint"} | dict.fromkeys(columns, "text"),
    )
