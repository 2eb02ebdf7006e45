"""Readers of a subscription's partitions.

Partitions are shared evenly, and handed over when a reader has committed all it read, or has left.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connection, transaction

from notifications.database.clock import db_now
from notifications.models import StreamCursor, StreamReader, StreamSubscription
from notifications.streams import waking
from notifications.streams.subscriptions import ResetUnderWay, is_being_reset, lock

LOST_AFTER = timedelta(seconds=15)  # without a sign of a reader


class NoFreeSlot(Exception):
    """Every partition already has a reader of its own."""


def enter(subscription: StreamSubscription, *, name: str) -> StreamReader:
    """Return a new reader with its share of the partitions.

    Raises NoFreeSlot, ResetUnderWay, or StreamSubscription.DoesNotExist.
    """
    with transaction.atomic():
        now = db_now()
        if is_being_reset(lock(subscription), now):
            raise ResetUnderWay("the cursors of the subscription are being reset: try again in a moment")
        _end_lost(subscription, now)
        live = StreamReader.objects.filter(subscription=subscription, closed_at=None).count()
        if live >= StreamCursor.objects.filter(subscription=subscription).count():
            raise NoFreeSlot
        reader = StreamReader.objects.create(subscription=subscription, name=name, opened_at=now, seen_at=now)
        _share(subscription)
    return reader


def leave(reader: StreamReader) -> None:
    """Give the reader's partitions to others. Does nothing if it has left already."""
    with transaction.atomic():
        try:
            subscription = lock(reader.subscription)
        except StreamSubscription.DoesNotExist:
            return
        now = db_now()
        if StreamReader.objects.filter(pk=reader.pk, closed_at=None).update(closed_at=now):
            _share(subscription)
        elif is_being_reset(subscription, now):  # which waits for this
            StreamReader.objects.filter(pk=reader.pk).delete()


def hand_over(reader: StreamReader, cursor: StreamCursor) -> None:
    """Give a partition to the reader it is promised to."""
    with transaction.atomic():
        lock(reader.subscription)
        mine = (
            StreamCursor.objects.select_for_update(of=("self",)).filter(pk=cursor.pk, reader=reader).first()
        )
        if mine is not None and mine.next_reader_id is not None:
            waking.wake([waking.of_reader(mine.next_reader_id)])
            mine.reader_id, mine.next_reader_id = mine.next_reader_id, None
            mine.save(update_fields=["reader", "next_reader"])


def beat(pks: Collection[int]) -> set[int]:
    """Record a sign of life of these readers. Returns which of them are still readers."""
    mine = StreamReader.objects.filter(pk__in=pks, closed_at=None)
    with transaction.atomic():
        # Not those that somebody is changing: whoever does holds other readers, too.
        free = mine.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
        StreamReader.objects.filter(pk__in=list(free.values_list("pk", flat=True))).update(seen_at=db_now())
    return set(mine.values_list("pk", flat=True))


def sweep(now: datetime) -> None:
    """End readers that are lost, and delete those that may no longer commit."""
    lost = StreamReader.objects.filter(closed_at=None, seen_at__lt=now - LOST_AFTER)
    for subscription in StreamSubscription.objects.filter(pk__in=lost.values("subscription")):
        with transaction.atomic():
            if StreamSubscription.objects.select_for_update(no_key=True).filter(pk=subscription.pk).exists():
                _end_lost(subscription, now)
    StreamReader.objects.filter(closed_at__lt=now - timedelta(hours=1)).delete()


def _end_lost(subscription: StreamSubscription, now: datetime) -> None:
    lost = StreamReader.objects.filter(
        subscription=subscription, closed_at=None, seen_at__lt=now - LOST_AFTER
    )
    if lost.update(closed_at=now):
        _share(subscription)


def _share(subscription: StreamSubscription) -> None:
    """Give free partitions to the readers with the fewest, then even out.

    A partition that is being read is handed over by its reader.
    """
    live = list(
        StreamReader.objects.filter(subscription=subscription, closed_at=None)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    cursors = list(StreamCursor.objects.filter(subscription=subscription).order_by("pk"))
    before = {each.pk: (each.reader_id, each.next_reader_id) for each in cursors}
    share: dict[int, list[StreamCursor]] = {pk: [] for pk in live}
    free: list[StreamCursor] = []
    for each in cursors:
        promised = each.next_reader_id if each.next_reader_id in share else None
        if each.reader_id not in share:
            each.reader_id, promised = promised, None
        each.next_reader_id = promised
        holder = promised or each.reader_id
        (share[holder] if holder else free).append(each)
    while free and share:
        least = min(live, key=lambda pk: len(share[pk]))
        free[-1].reader_id = least
        share[least].append(free.pop())
    while share:
        least, most = min(live, key=lambda pk: len(share[pk])), max(live, key=lambda pk: len(share[pk]))
        if len(share[most]) - len(share[least]) < 2:
            break
        moved = share[most].pop()
        moved.next_reader_id = least if moved.reader_id != least else None
        share[least].append(moved)
    changed = [each for each in cursors if before[each.pk] != (each.reader_id, each.next_reader_id)]
    StreamCursor.objects.bulk_update(changed, ["reader", "next_reader"])
    waking.wake(map(waking.of_reader, live))
