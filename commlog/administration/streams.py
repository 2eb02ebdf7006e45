"""The page of streams, and its two reset actions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, Sum

from notifications.models import StreamCursor, StreamSubscription, StreamTopic
from notifications.streams import offsets, subscriptions

MOST = 200  # rows of a list, the newest
RESETS = {
    "begin": "Position reset. All available events will be read again.",
    "end": "Position reset. Events published until now are skipped.",
}


@dataclass
class Read:
    """A subscription's status."""

    subscription: StreamSubscription
    unread: int = 0
    committed_at: datetime | None = None
    readers: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Partition:
    """How far a subscription has read one partition."""

    topic: str
    number: int
    committed: str
    unread: int
    oldest_at: datetime | None  # since when the first that is unread has been there
    committed_at: datetime | None
    reader: str


def subscriptions_read() -> Sequence[Read]:
    """Return the newest subscriptions."""
    found = {each.pk: Read(each) for each in StreamSubscription.objects.order_by("-pk")[:MOST]}
    for cursor in StreamCursor.objects.filter(subscription__in=list(found)).select_related("partition"):
        read = found[cursor.subscription_id]
        read.unread += subscriptions.unread(cursor)
        read.committed_at = max(filter(None, (read.committed_at, cursor.committed_at)), default=None)
        read.readers |= {cursor.reader_id} if cursor.reader_id else set()
    return list(found.values())


def topics() -> Sequence[StreamTopic]:
    """Return the newest topics, with the number of events published (`published`) and retained (`kept`)."""
    found = StreamTopic.objects.annotate(
        published=Sum("partitions__next_offset"),
        kept=Sum(F("partitions__next_offset") - F("partitions__first_offset")),
    )
    return list(found.order_by("-pk")[:MOST])


def partitions(subscription: StreamSubscription) -> Sequence[Partition]:
    """Return its partitions in order."""
    return [
        Partition(
            topic=cursor.partition.topic.name,
            number=cursor.partition.number,
            committed=offsets.written(cursor.committed) if cursor.committed >= 0 else "",
            unread=(unread := subscriptions.unread(cursor)),
            oldest_at=subscriptions.waits_since(cursor) if unread else None,
            committed_at=cursor.committed_at,
            reader=cursor.reader.name if cursor.reader else "",
        )
        for cursor in subscriptions.cursors_of(subscription)
    ]


def reset(subscription: StreamSubscription, action: str) -> None:
    """Move all cursors to the beginning or the end of what is retained; readers are disconnected."""
    wanted = {}
    for cursor in subscriptions.cursors_of(subscription):
        place, partition = (cursor.partition.topic.name, cursor.partition.number), cursor.partition
        wanted[place] = (partition.first_offset if action == "begin" else partition.next_offset) - 1
    subscriptions.reset(subscription, wanted)
