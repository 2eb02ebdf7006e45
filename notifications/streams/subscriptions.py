"""Subscriptions and their cursors: created once, moved forward by commits, moved anywhere by a reset."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from notifications.database.clock import db_now
from notifications.models import StreamCursor, StreamEvent, StreamPartition, StreamReader, StreamSubscription
from notifications.streams import waking
from notifications.streams.publishing import partitions_of

BEGIN, END, CURSORS = "begin", "end", "cursors"
Place = tuple[str, int]  # a topic and the number of a partition
COMMIT_AFTER_END = timedelta(seconds=60)  # how long a reader that has left may commit what it had read
PATIENCE = 5.0  # seconds that a reset waits for streams to end
_LOOK = 0.02


class NoSuchStream(Exception):
    """No reader with this stream id may commit."""


class ResetUnderWay(Exception):
    """The subscription's cursors are being reset."""


class NoSuchCursor(Exception):
    """The subscription has no such partition, or the partition no such event."""


@dataclass(frozen=True)
class Wish:
    """The parameters of a new subscription."""

    owning_application: str
    event_types: tuple[str, ...]
    consumer_group: str = "default"
    read_from: str = END
    # Where to begin, for CURSORS: the last offset that is not wanted.
    cursors: Mapping[Place, int] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The hash that identifies the subscription: the same parameters give the same one."""
        whole = [self.owning_application, sorted(set(self.event_types)), self.consumer_group]
        return sha256(json.dumps(whole).encode()).hexdigest()


def subscribe(wish: Wish, *, owner: int, owner_name: str) -> tuple[StreamSubscription, bool]:
    """Return the subscription, and whether it is new. Raises NoSuchCursor."""
    names = sorted(set(wish.event_types))
    with transaction.atomic():
        subscription, new = StreamSubscription.objects.get_or_create(
            identity=wish.identity,
            defaults={
                "owning_application": wish.owning_application,
                "event_types": names,
                "consumer_group": wish.consumer_group,
                "read_from": wish.read_from,
                "owner": owner,
                "owner_name": owner_name,
                "created_at": db_now(),
            },
        )
        if new:
            partitions = partitions_of(names)
            if wish.read_from == CURSORS and set(wish.cursors) != {_place(each) for each in partitions}:
                raise NoSuchCursor("initial_cursors: name each partition of each event type once")
            StreamCursor.objects.bulk_create(
                [
                    StreamCursor(subscription=subscription, partition=each, committed=_start(wish, each))
                    for each in partitions
                ]
            )
    return subscription, new


def _start(wish: Wish, partition: StreamPartition) -> int:
    if wish.read_from == CURSORS:
        return _known(partition, wish.cursors[_place(partition)])
    return partition.first_offset - 1 if wish.read_from == BEGIN else partition.next_offset - 1


def _place(partition: StreamPartition) -> Place:
    return partition.topic.name, partition.number


def _known(partition: StreamPartition, offset: int) -> int:
    if offset >= partition.next_offset:
        raise NoSuchCursor(f"partition {partition.number} of {partition.topic.name} has no such offset yet")
    return offset


def cursors_of(subscription: StreamSubscription) -> QuerySet[StreamCursor]:
    """Return the subscription's cursors, in order of topic and partition."""
    found = StreamCursor.objects.filter(subscription=subscription).select_related(
        "partition__topic", "reader"
    )
    return found.order_by("partition__topic__name", "partition__number")


def unread(cursor: StreamCursor) -> int:
    """Return how many retained events follow the cursor."""
    return cursor.partition.next_offset - 1 - max(cursor.committed, cursor.partition.first_offset - 1)


def lag(cursor: StreamCursor) -> float:
    """Return for how many seconds the first event after the cursor has waited."""
    since = waits_since(cursor)
    return max(0.0, (db_now() - since).total_seconds()) if since else 0.0


def waits_since(cursor: StreamCursor) -> datetime | None:
    """Return when the first event after the cursor was appended; None if there is none."""
    waiting = StreamEvent.objects.filter(partition=cursor.partition_id, offset__gt=cursor.committed).order_by(
        "offset"
    )
    return waiting.values_list("appended_at", flat=True).first()


def commit(
    subscription: StreamSubscription, stream_id: UUID, wanted: Mapping[Place, int]
) -> dict[Place, bool]:
    """Move cursors forward. Returns for each whether it was moved: it is not if it is there already.

    Everything before is committed too. A reader that has lost a partition may still commit what it had read
    of it. Raises NoSuchStream or NoSuchCursor.
    """
    with transaction.atomic():
        lock(subscription)
        now = db_now()
        may = Q(closed_at=None) | Q(closed_at__gt=now - COMMIT_AFTER_END)
        if not StreamReader.objects.filter(may, subscription=subscription, key=stream_id).exists():
            raise NoSuchStream
        done = {}
        for place, cursor in _named(subscription, wanted).items():
            done[place] = cursor.committed < wanted[place]
            if done[place]:
                StreamCursor.objects.filter(pk=cursor.pk).update(committed=wanted[place], committed_at=now)
                waking.wake([waking.of_reader(cursor.reader_id)] if cursor.reader_id else [])
    return done


def reset(
    subscription: StreamSubscription, wanted: Mapping[Place, int], *, patience: float = PATIENCE
) -> None:
    """Move cursors anywhere. All readers are cut off first, and none of them may commit afterwards.

    No reader can begin meanwhile. Raises NoSuchCursor or ResetUnderWay.
    """
    cut_off, until = _cut_off(subscription, wanted), time.monotonic() + patience
    while cut_off.exists() and time.monotonic() < until:
        time.sleep(_LOOK)
    with transaction.atomic():
        lock(subscription)
        cut_off.delete()
        for place, cursor in _named(subscription, wanted).items():
            StreamCursor.objects.filter(pk=cursor.pk).update(committed=wanted[place], committed_at=db_now())
        StreamSubscription.objects.filter(pk=subscription.pk).update(resets_until=None)


def _cut_off(subscription: StreamSubscription, wanted: Mapping[Place, int]) -> QuerySet[StreamReader]:
    """Have all streams end. Returns their readers, whose rows are deleted when the streams have ended."""
    with transaction.atomic():
        now, locked = db_now(), lock(subscription)
        if is_being_reset(locked, now):
            raise ResetUnderWay("the cursors of the subscription are being reset: try again in a moment")
        _named(subscription, wanted)
        StreamCursor.objects.filter(subscription=subscription).update(reader=None, next_reader=None)
        readers = StreamReader.objects.filter(subscription=subscription)
        readers.exclude(closed_at=None).delete()
        live = list(readers.values_list("pk", flat=True))
        readers.update(closed_at=now)
        locked.resets_until = now + timedelta(seconds=2 * PATIENCE)
        locked.save(update_fields=["resets_until"])
        waking.wake(map(waking.of_reader, live))
    return StreamReader.objects.filter(pk__in=live)


def is_being_reset(subscription: StreamSubscription, now: datetime) -> bool:
    """Return whether a reset is cutting off its readers. One whose process died expires."""
    return subscription.resets_until is not None and subscription.resets_until > now


def delete(subscription: StreamSubscription) -> None:
    """Delete the subscription, and cut off its readers."""
    with transaction.atomic():
        lock(subscription)
        StreamCursor.objects.filter(subscription=subscription).delete()
        readers = list(StreamReader.objects.filter(subscription=subscription).values_list("pk", flat=True))
        StreamSubscription.objects.filter(pk=subscription.pk).delete()
        waking.wake(map(waking.of_reader, readers))


def lock(subscription: StreamSubscription) -> StreamSubscription:
    """Return the current subscription, locked until the transaction ends.

    Raises StreamSubscription.DoesNotExist.
    """
    return StreamSubscription.objects.select_for_update(no_key=True).get(pk=subscription.pk)


def _named(subscription: StreamSubscription, wanted: Mapping[Place, int]) -> dict[Place, StreamCursor]:
    cursors: dict[Any, StreamCursor] = {_place(each.partition): each for each in cursors_of(subscription)}
    for topic, number in wanted:
        if (topic, number) not in cursors:
            raise NoSuchCursor(f"the subscription has no partition {number} of {topic}")
        _known(cursors[topic, number].partition, wanted[topic, number])
    return {place: cursors[place] for place in wanted}
