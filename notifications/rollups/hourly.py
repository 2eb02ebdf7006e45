"""Folding of tallies older than an hour into hours.

Attempts from before there were tallies are counted there, too.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from notifications.database import sql
from notifications.database.clock import db_now
from notifications.lanes.lane_health import minute_of
from notifications.models import Attempt, Backfill, Lane, LaneHour, LaneTally, newest_id
from notifications.rollups import inserts
from notifications.rollups.inserts import SUMS, Key
from notifications.states import MessageState, Outcome

KEPT = timedelta(days=35)  # for which hours are kept
FILLED_BACK = timedelta(days=30)
EVER = 0  # the minute of the rows that count all hours
_TALLIES_KEPT = timedelta(minutes=65)
_BATCH, _ATTEMPTS = 2_000, 2_000
_PAUSE = 0.02  # seconds between batches, for whoever else writes


def hour_of(minute: int) -> int:
    """Return the first minute of the hour in the organisation's zone."""
    return minute - datetime.fromtimestamp(minute * 60, timezone.get_default_timezone()).minute


def fold(now: datetime) -> int:
    """Move the tallies that are older than an hour to their hours, and delete old hours.

    Returns how many tallies were moved.
    """
    before, folded = minute_of(now - _TALLIES_KEPT), 0
    while count := _fold(before):
        folded += count
        if count < _BATCH:
            break
        time.sleep(_PAUSE)
    oldest = minute_of(now - KEPT)
    LaneHour.objects.filter(minute__gt=EVER, minute__lt=oldest).delete()
    return folded


def _fold(before: int) -> int:
    with transaction.atomic():
        chosen = LaneTally.objects.filter(minute__lt=before).order_by("pk")
        if connection.features.has_select_for_update_skip_locked:
            chosen = chosen.select_for_update(skip_locked=True)
        rows = list(chosen[:_BATCH])
        counts: defaultdict[Key, Counter[str]] = defaultdict(Counter)
        last: dict[int, datetime] = {}
        for row in rows:
            for minute in (hour_of(row.minute), EVER):
                here = counts[Key(row.lane_id, minute, row.outcome, row.reason)]
                here.update({name: getattr(row, name) for name in SUMS})
            if row.accepted_at:
                last[row.lane_id] = max(row.accepted_at, last.get(row.lane_id, row.accepted_at))
        # A row that was only ever taken back from says nothing any more.
        inserts.to_hours({key: count for key, count in counts.items() if any(count.values())})
        for pk, at in sorted(last.items()):
            Lane.objects.filter(Q(accepted_at=None) | Q(accepted_at__lt=at), pk=pk).update(accepted_at=at)
        LaneTally.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def fill_back(seconds: float) -> bool:
    """Count attempts that ended before there were tallies, the newest first, for up to `seconds`.

    Returns whether all of thirty days are counted.
    """
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if not _fill_back(db_now() - FILLED_BACK):
            return True
        time.sleep(_PAUSE)
    return False


@contextmanager
def to_be_counted() -> Iterator[None]:
    """Have the cluster later count the attempts that are written, already ended, inside the block."""
    before = newest_id(Attempt)
    yield
    if (newest := newest_id(Attempt)) > before:
        Backfill.objects.create(before=db_now(), oldest=before + 1, newest=newest)


def _fill_back(since: datetime) -> bool:
    """Count the next batch, once any other process that does so has finished.

    Returns whether there was one.
    """
    with transaction.atomic():
        left = Backfill.objects.select_for_update().first()
        if left is None:
            return False
        rows = _attempts(left.oldest, left.newest)
        inserts.to_hours(_counted(row for row in rows if since <= row["finished_at"] < left.before))
        if rows and max(row["finished_at"] for row in rows) >= since:
            Backfill.objects.filter(pk=left.pk).update(newest=rows[-1]["pk"] - 1)
        else:
            left.delete()
    return True


def _attempts(oldest: int, newest: int) -> list[dict[str, Any]]:
    """Return the newest attempts with ids in this range, with the counted fields of their messages."""
    sql.plan_for_large_tables()
    those = Attempt.objects.filter(pk__gte=oldest, pk__lte=newest).exclude(outcome="").order_by("-pk")
    return list(
        those.values(
            *("pk", "number", "outcome", "failure_reason", "finished_at"),
            *("message__lane", "message__state", "message__attempt_count", "message__created_at"),
            *("message__restored_at", "message__receipt_at"),
        )[:_ATTEMPTS]
    )


def _counted(rows: Iterable[dict[str, Any]]) -> dict[Key, Counter[str]]:
    counts: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for row in rows:
        at, lane = row["finished_at"], row["message__lane"]
        here = counts[Key(lane, hour_of(minute_of(at)), row["outcome"], row["failure_reason"])]
        here["tries"] += 1
        here["retries"] += row["number"] > 1
        if row["outcome"] == Outcome.ACCEPTED:
            inserts.waited(here, row["message__created_at"], at)
        if (
            row["message__state"] != MessageState.FAILED
            or row["number"] != row["message__attempt_count"]
            or row["message__restored_at"]
        ):
            continue
        if row["outcome"] == Outcome.ACCEPTED:  # it was reported later that it had not arrived
            at = row["message__receipt_at"] or at
            here = counts[Key(lane, hour_of(minute_of(at)), "", "")]
        here["final"] += 1
    return dict(counts)
