"""Numbering of events: a partition by recipient, and the next offset there.

A recipient's events stay in order that way. Whoever appends locks the rows of the partitions until it
commits. So events become readable in the order of their offsets, and a reader, which asks for what follows
the last event it has seen, misses none that is committed later.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zlib import crc32

from django.db import transaction

from notifications.database import sql
from notifications.database.clock import db_now
from notifications.models import Message, StreamEvent, StreamPartition, StreamTopic
from notifications.models.stream import PARTITIONS
from notifications.streams import waking

_RECIPIENTS = ("client_id", "group_id", "user_id")
_BATCH = 1_000  # of the older ones: they are read without their bodies
_EVENT, _PARTITION = StreamEvent._meta.db_table, StreamPartition._meta.db_table
_TYPES = {
    "topic": "text",
    "key": "uuid",
    "event": "text",
    "content_type": "text",
    "body": "text",
    "template_name": "text",
    "occurred_at": "timestamptz",
    "appended_at": "timestamptz",
    "partition_id": "bigint",
    "position": "bigint",  # its offset, which is a word of SQL
}
_INSERT = f"""
INSERT INTO {_EVENT} ({", ".join(_TYPES).replace("position", '"offset"')})
SELECT {", ".join(_TYPES)} FROM EACH
"""  # noqa: S608 - names of tables and columns
_ADVANCE = f"UPDATE {_PARTITION} SET next_offset = v.next_offset EACH RETURNING 1"  # noqa: S608
_PLACED = {
    name: _TYPES[name] for name in ("template_name", "occurred_at", "appended_at", "partition_id", "position")
}
_NUMBER = f"""
UPDATE {_EVENT} SET {", ".join(f"{name} = v.{name}" for name in _PLACED).replace("position =", '"offset" =')}
EACH RETURNING 1
"""  # noqa: S608 - names of tables and columns
_NEXT_TYPES = {"id": "bigint", "next_offset": "bigint"}


def append(events: Sequence[StreamEvent]) -> list[StreamEvent]:
    """Append events not appended before. Returns the stored events, in the order given."""
    with transaction.atomic():
        stored = {each.key: each for each in _without_body().filter(key__in=[event.key for event in events])}
        new = [each for each in events if each.key not in stored]
        now = db_now()
        for each in new:
            each.appended_at = now
        partitions = _place(new)
        _insert(new, partitions)
        waking.wake(waking.of_partition(each.pk) for each in partitions)
    return [stored.get(each.key, each) for each in events]


def _insert(events: Sequence[StreamEvent], partitions: Sequence[StreamPartition]) -> None:
    """Write events and the next offsets: on PostgreSQL in one statement, whose text is always the same."""
    rows = [_row(each, _TYPES) for each in events]
    also = sql.Insert(_INSERT, rows, _TYPES)
    sql.update_each(_PARTITION, _ADVANCE, _nexts(partitions), _NEXT_TYPES, also=also)


def _nexts(partitions: Sequence[StreamPartition]) -> list[dict[str, int]]:
    return [{"id": each.pk, "next_offset": each.next_offset} for each in partitions]


def _row(event: StreamEvent, names: Iterable[str]) -> dict[str, Any]:
    return {name: _written(getattr(event, "offset" if name == "position" else name)) for name in names}


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return str(sql.moment(value))
    return value.hex if isinstance(value, UUID) else value


def has_unnumbered() -> bool:
    """Return whether there are events without an offset: nothing may be appended before they have one."""
    return StreamEvent.objects.filter(partition=None).exists()


def number() -> int:
    """Number the oldest events without an offset.

    Returns how many there were. Others may do the same at the same time.
    """
    with transaction.atomic():
        old = list(
            _without_body().filter(partition=None).order_by("pk").select_for_update(of=("self",))[:_BATCH]
        )
        now = db_now()
        for each in old:
            each.occurred_at, each.appended_at = each.appended_at, now
        partitions = _place(old)
        sql.update_each(_PARTITION, _ADVANCE, _nexts(partitions), _NEXT_TYPES)
        sql.update_each(
            _EVENT,
            _NUMBER,
            [{"id": each.pk} | _row(each, _PLACED) for each in old],
            {"id": "bigint"} | _PLACED,
        )
        waking.wake(waking.of_partition(each.pk) for each in partitions)
    return len(old)


def partitions_of(names: Collection[str]) -> list[StreamPartition]:
    """Return the partitions of topics, creating those of new topics."""
    names = sorted(set(names))  # in one order: else two could wait for each other
    found = _known(names)
    for name in names:
        if (name, PARTITIONS - 1) not in {(each.topic.name, each.number) for each in found}:
            topic, _ = StreamTopic.objects.get_or_create(name=name)
            for number in range(PARTITIONS):
                StreamPartition.objects.get_or_create(topic=topic, number=number)
    return found if len(found) == PARTITIONS * len(names) else _known(names)


def _known(names: Collection[str]) -> list[StreamPartition]:
    return list(
        StreamPartition.objects.filter(topic__name__in=names)
        .select_related("topic")
        .order_by("topic__name", "number")
    )


def _without_body() -> Any:
    return StreamEvent.objects.select_related("partition").defer("body")


def _place(events: Sequence[StreamEvent]) -> list[StreamPartition]:
    """Set the events' partitions and offsets, in their order, and return those partitions.

    The caller stores their new next offsets: they stay locked until the transaction ends.
    """
    if not events:
        return []
    pks = {
        (each.topic.name, each.number): each.pk for each in partitions_of({event.topic for event in events})
    }
    told = _told(event.key for event in events)
    wanted: dict[int, list[StreamEvent]] = defaultdict(list)
    for event in events:
        message = told.get(event.key, {})
        event.template_name = message.get("template_name", "")
        event.occurred_at = message.get("created_at", event.occurred_at or event.appended_at)
        wanted[pks[event.topic, _number(event.key, message)]].append(event)
    locked = list(StreamPartition.objects.filter(pk__in=wanted).order_by("pk").select_for_update())
    for partition in locked:
        for event in wanted[partition.pk]:
            event.partition, event.offset = partition, partition.next_offset
            partition.next_offset += 1
    return locked


def _told(keys: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    rows = Message.objects.filter(key__in=list(keys)).values(
        "key", "template_name", "created_at", *_RECIPIENTS
    )
    return {row["key"]: row for row in rows}


def _number(key: UUID, message: dict[str, Any]) -> int:
    """Return the number of the partition: the same for all events of a recipient; others are spread."""
    whose = next((f"{name} {message[name]}" for name in _RECIPIENTS if message.get(name)), "")
    return (crc32(whose.encode()) if whose else key.int) % PARTITIONS
