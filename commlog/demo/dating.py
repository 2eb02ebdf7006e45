"""Dates the demo's past back: the rows were made and sent a moment ago, and are to look as if that had been over the last weeks.

States, outcomes and reasons stay as they came about. The retries of the past, over within a second, get the pauses of the real policy.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from random import Random
from typing import Any

from django.db import connection, transaction

from notifications.models import Attempt, Installation, Lane, LaneRefusal, LaneTally, Message, StreamEvent
from notifications.retry import RetryPolicy
from notifications.states import MessageState, MessageType, Outcome

_POLICY = RetryPolicy()
# Seconds that a call takes, from and to.
_TAKES = {
    MessageType.EMAIL: (0.06, 0.45),
    MessageType.SMS: (0.15, 0.7),
    MessageType.WEB_HOOK: (0.03, 0.9),
    MessageType.EVENT_STREAM: (0.001, 0.004),
}
_AT_ONCE = 500
_MESSAGE = f"UPDATE {Message._meta.db_table} SET created_at = %s, sent_at = %s WHERE id = %s"  # noqa: S608  a table's name
_ATTEMPT = f"""UPDATE {Attempt._meta.db_table}
SET due_at = %s, opened_at = %s, permitted_at = %s, started_at = %s, finished_at = %s WHERE id = %s"""  # noqa: S608
_EVENT = f"UPDATE {StreamEvent._meta.db_table} SET appended_at = %s WHERE key = %s"  # noqa: S608


def date_back(past: Mapping[int, datetime], *, rng: Random) -> None:
    """Give every message of the `past` its moment, and its attempts theirs. All must be final."""
    keys = list(past)
    with transaction.atomic():
        for start in range(0, len(keys), _AT_ONCE):
            _date_back({pk: past[pk] for pk in keys[start : start + _AT_ONCE]}, rng)
        Installation.objects.all().delete()  # by the times that senders have noted, it would be another, older database
        # How the lanes did in the last minutes was the past, too.
        LaneTally.objects.all().delete()
        LaneRefusal.objects.all().delete()
        Lane.objects.update(failing_since=None, failing_with="", told_at=None)


def _date_back(past: Mapping[int, datetime], rng: Random) -> None:
    attempts = Attempt.objects.filter(message__in=past).order_by("message_id", "number")
    by_message = {pk: list(group) for pk, group in groupby(attempts, key=lambda each: each.message_id)}
    messages, tries, events = [], [], []
    for message in Message.objects.filter(pk__in=past).only("pk", "key", "type", "state"):
        created = ended = past[message.pk]
        for attempt, moments in _dated(by_message.get(message.pk, []), created, MessageType(message.type), rng):
            ended = moments[-1]
            tries.append((*map(_stored, _only_what_was(attempt, moments)), attempt.pk))
        sent = _stored(ended) if message.state == MessageState.SENT else None
        messages.append((_stored(created), sent, message.pk))
        if message.type == MessageType.EVENT_STREAM:
            events.append((_stored(ended), message.key.hex))
    with connection.cursor() as cursor:  # the demo's database is always SQLite: a UUID is its 32 characters
        cursor.executemany(_MESSAGE, messages)
        cursor.executemany(_ATTEMPT, tries)
        cursor.executemany(_EVENT, events)


def _dated(
    attempts: list[Attempt], created: datetime, channel: MessageType, rng: Random
) -> Iterator[tuple[Attempt, tuple[datetime, datetime, datetime, datetime, datetime]]]:
    """Each attempt with its due, opened, permitted, started and finished time."""
    due = created
    for number, attempt in enumerate(attempts):
        opened = due + timedelta(seconds=rng.uniform(0.02, 0.2))
        permitted = opened + timedelta(seconds=rng.uniform(0.001, 0.006))
        started = permitted + timedelta(seconds=rng.uniform(0.0004, 0.003))
        finished = started + timedelta(seconds=_duration(attempt, channel, rng))
        yield attempt, (due, opened, permitted, started, finished)
        due = finished + timedelta(seconds=_POLICY.wait(min(number, _POLICY.max_retries)))


def _duration(attempt: Attempt, channel: MessageType, rng: Random) -> float:
    if attempt.outcome == Outcome.ABANDONED:
        return 21.0  # a lease, and a moment
    return rng.uniform(*_TAKES[channel])


def _only_what_was(attempt: Attempt, moments: tuple[datetime, ...]) -> tuple[datetime | None, ...]:
    """A moment that the real attempt has not reached stays empty."""
    due, opened, permitted, started, finished = moments
    return due, opened, permitted if attempt.permitted_at else None, started if attempt.started_at else None, finished


def _stored(moment: datetime | None) -> Any:
    return None if moment is None else connection.ops.adapt_datetimefield_value(moment)
