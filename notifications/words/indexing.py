"""Filling of the index of words, after the log: new messages upwards as they come, older ones downwards.

Ids are assigned before their transactions are committed, so a message may appear below others that are there
already. The index may reach only as far as nothing can appear any more: to the newest id seen before all
transactions ended that were writing messages at that time. SQLite lets one write at a time.
"""

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from notifications.database import sql
from notifications.database.commits import committed
from notifications.models import Message, WordsReach, newest_id
from notifications.words import index
from notifications.words.lexemes import VERSION

Row = tuple[Any, ...]  # index.COLUMNS

logger = logging.getLogger(__name__)
_BATCH = {"postgresql": 1_000, "sqlite": 200}
_A_TURN = 20.0  # seconds, every minute, where no supervisor does it all the time
REST = 0.25
REST_OF_A_SUPERVISOR, _REST_IN_TROUBLE = 1.0, 10.0
_WRITERS = """
SELECT virtualtransaction FROM pg_locks WHERE relation = %s::regclass AND mode = 'RowExclusiveLock'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND granted
AND pid IS DISTINCT FROM pg_backend_pid()
"""


@dataclass(slots=True)
class Settled:
    """The id up to which no message can appear any more. It is updated by each look."""

    pk: int = 0
    _next: int = 0
    _writers: set[str] = field(default_factory=set)  # that were at work when `_next` was the newest
    _done: tuple[int, str] | None = None  # what was committed before nothing was left to be filled in

    def is_done(self, seen: tuple[int, str] | None) -> bool:
        """Return whether nothing can be left: nothing was committed since nothing was left."""
        return seen is not None and seen == self._done

    def nothing_left(self, seen: tuple[int, str] | None) -> None:
        """Record that nothing was left to fill in. `seen`: what was committed before that look."""
        self._done = None if self._writers else seen

    def look(self) -> int:
        """Return the id. On PostgreSQL it lags behind by one look, and by the longest transaction."""
        if connection.vendor != "postgresql":
            self.pk = newest_id(Message)
            return self.pk
        newest = newest_id(Message)  # before their locks are read: who ends between is seen later
        writers = {row[0] for row in sql.select(_WRITERS, [Message._meta.db_table])}
        self._writers &= writers
        if not self._writers:
            self.pk = max(self.pk, self._next)
            self._next, self._writers = newest, writers
        if not self._writers:
            self.pk = max(self.pk, newest)
        return self.pk


def fill(seconds: float = _A_TURN) -> int:
    """Fill for up to `seconds` or until nothing is left (a django-q2 task). Returns how many messages."""
    settled, ends, filled, until = Settled(), time.monotonic() + seconds, 0, newest_id(Message)
    while time.monotonic() < ends:
        if count := step(settled.look()):
            filled += count
        elif settled.pk >= until:
            break
        else:
            time.sleep(REST)
    return filled


def turn(settled: Settled) -> float:
    """Fill in one batch. Returns for how long to rest. A database in trouble is left alone for a while."""
    began = time.monotonic()
    try:
        seen = committed()
        if not settled.is_done(seen):
            if step(settled.look()):
                return time.monotonic() - began  # half of one processor at the most
            settled.nothing_left(seen)
        return REST_OF_A_SUPERVISOR
    except DatabaseError as error:
        logger.warning("no words were filled in: %s", error)
        connection.close()
        return _REST_IN_TROUBLE


def step(settled: int) -> int:
    """Fill in the next batch, new messages first, once any other process that does so has finished.

    Returns how many messages were filled in, at least 1 if the index got further; 0 if nothing was left.
    """
    if not _is_left(settled):
        return 0  # so nothing is locked, nor written
    with transaction.atomic():
        if connection.vendor == "postgresql":  # what a crash takes back is filled in again
            sql.select("SELECT set_config('synchronous_commit', 'off', true)", [])
        reach = hold()
        if reach.version > VERSION:
            return 0  # of a newer release, which is at work already
        if reach.version < VERSION:
            _begin(reach, settled)
        rows = [*_upwards(reach, settled)]
        if len(rows) < _BATCH[connection.vendor]:
            rows += _downwards(reach)
        index.put(rows)
        reach.save(update_fields=["floor", "reach"])
    return len(rows) or 1


def _upwards(reach: WordsReach, settled: int) -> list[Row]:
    if reach.reach >= settled:
        return []
    most = _BATCH[connection.vendor]
    rows = list(_those().filter(pk__gt=reach.reach, pk__lte=settled).order_by("pk")[:most])
    reach.reach = rows[-1][0] if len(rows) == most else settled
    return rows


def _downwards(reach: WordsReach) -> list[Row]:
    most = _BATCH[connection.vendor]
    rows = list(_those().filter(pk__lte=reach.floor).order_by("-pk")[:most]) if reach.floor else []
    reach.floor = rows[-1][0] - 1 if len(rows) == most else 0
    return rows


def _those() -> QuerySet[Any, Row]:
    return Message._base_manager.values_list(*index.COLUMNS)


def _is_left(settled: int) -> bool:
    found = WordsReach.objects.filter(pk=index.THE_ROW).values_list("floor", "reach", "version").first()
    return found is None or found[2] < VERSION or found[0] > 0 or found[1] < settled


def begin() -> int:
    """Have the whole index filled in anew. Returns up to which id it has to be filled in downwards.

    Words stay until they are replaced; meanwhile they are not relied on.
    """
    settled, until = Settled(), newest_id(Message)
    while settled.look() < until:
        time.sleep(REST)
    with transaction.atomic():
        _begin(hold(), settled.pk)
    return settled.pk


def _begin(reach: WordsReach, settled: int) -> None:
    reach.floor, reach.reach, reach.version = settled, settled, VERSION
    reach.save(update_fields=["floor", "reach", "version"])


def hold() -> WordsReach:
    """Return the reach, locked until the caller's transaction ends.

    Nobody else writes or removes words meanwhile.
    """
    rows = WordsReach.objects.select_for_update()
    found = rows.filter(pk=index.THE_ROW).first()
    if found is None:
        WordsReach.objects.get_or_create(pk=index.THE_ROW)
        found = rows.get(pk=index.THE_ROW)
    return found


def rewrite(pks: Collection[int], *, for_good: bool = False) -> None:
    """Update the index with the present texts of these messages, from which something was removed.

    `for_good`: also remove words from the pages of SQLite's index, which keep them until they are merged.
    That takes seconds if there are many messages. Runs in the caller's transaction.
    """
    with transaction.atomic():
        reach = hold()
        index.drop(pks)
        index.put(index.of([pk for pk in pks if reach.floor < pk <= reach.reach]))
        if for_good:
            index.merge()


def left() -> tuple[int, int]:
    """Return how many ids are not filled in yet: older than the index, and newer (at most)."""
    found = WordsReach.objects.filter(pk=index.THE_ROW, version=VERSION).first()
    newest = newest_id(Message)
    return (found.floor, newest - found.reach) if found else (0, newest)


def lag(now: datetime) -> float:
    """Return for how many seconds the oldest new message has been waiting to be filled in."""
    reach = WordsReach.objects.filter(pk=index.THE_ROW).values_list("reach", flat=True).first() or 0
    since = (
        Message._base_manager.filter(pk__gt=reach).order_by("pk").values_list("created_at", flat=True).first()
    )
    return max(0.0, (now - since).total_seconds()) if since else 0.0
