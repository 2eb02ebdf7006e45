"""Maintenance of streams every minute: numbering of older events, and deletion of expired ones."""

import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from notifications.database.clock import db_now
from notifications.models import StreamEvent, StreamPartition
from notifications.streams import publishing, readers

_A_TURN = 20.0  # seconds: a worker of the cluster does nothing else meanwhile
_BATCH = 500
_PAUSE = 0.02  # seconds between batches, for whoever else writes


def keep(seconds: float = _A_TURN) -> int:
    """Maintain streams for up to `seconds` (a django-q2 task). Returns how many events were deleted."""
    ends, deleted = time.monotonic() + seconds, 0
    while time.monotonic() < ends and publishing.has_unnumbered():
        publishing.number()
        time.sleep(_PAUSE)
    for partition in StreamPartition.objects.filter(next_offset__gt=F("first_offset")):
        while time.monotonic() < ends and (count := _expire(partition)):
            deleted += count
            time.sleep(_PAUSE)
    readers.sweep(db_now())
    return deleted


def _expire(partition: StreamPartition) -> int:
    """Delete the next batch of expired events. Returns how many."""
    until = db_now() - timedelta(hours=settings.STREAM_RETENTION_HOURS)
    oldest = (
        StreamEvent.objects.filter(partition=partition)
        .order_by("offset")
        .values_list("offset", "appended_at")[:_BATCH]
    )
    last = None
    for offset, appended_at in oldest:
        if appended_at >= until:
            break
        last = offset
    if last is None:
        return 0
    with transaction.atomic():
        StreamPartition.objects.filter(pk=partition.pk).update(first_offset=last + 1)
        return StreamEvent.objects.filter(partition=partition, offset__lte=last).delete()[0]
