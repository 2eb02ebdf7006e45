"""Open streams: what is sent to a reader, and when."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models.functions import Coalesce

from notifications.models import StreamCursor, StreamEvent, StreamReader
from notifications.streams import hub, readers, waking

_AT_MOST = 1_000  # events in a batch, whatever is asked for
_CHUNK = 100  # events read at once
_LARGEST = 4_000_000  # characters of a batch, unless one event has more
_KEEP_ALIVE = 25.0  # seconds: clients give up after 30
_LOOK = 10.0  # seconds without a word after which a stream looks by itself
_GONE = 1.0  # seconds between looks whether the client has gone
_HOUR, _GIVE_OR_TAKE = 3_600.0, 600.0


@dataclass(frozen=True)
class Options:
    """The client's options of a stream. Times in seconds; 0 is no limit, or the default time."""

    max_uncommitted_events: int = 10
    batch_limit: int = 1
    stream_limit: int = 0
    batch_flush_timeout: int = 30
    stream_timeout: int = 0
    stream_keep_alive_limit: int = 0
    commit_timeout: int = 60

    def problem(self) -> str:
        """Return what is invalid in the options, or ""."""
        if self.stream_limit and self.stream_limit < self.batch_limit:
            return "stream_limit: must not be lower than batch_limit"
        if self.stream_timeout and self.stream_timeout < self.batch_flush_timeout:
            return "stream_timeout: must not be lower than batch_flush_timeout"
        return ""


class Event(NamedTuple):
    """An event as it is sent: a row without its model, which would cost half as much again."""

    offset: int
    key: UUID
    occurred_at: datetime
    content_type: str
    template_name: str
    body: str

    @classmethod
    def after(cls, partition_id: int, offset: int, most: int) -> "list[Event]":
        """Return up to `most` events of a partition after an offset."""
        found = StreamEvent.objects.filter(partition=partition_id, offset__gt=offset).order_by("offset")
        occurred_at = Coalesce("occurred_at", "appended_at")
        rows = found.values_list("offset", "key", occurred_at, "content_type", "template_name", "body")
        return list(map(cls._make, rows[:most]))


@dataclass(frozen=True)
class Batch:
    """Events of one partition, up to `offset`. Without events it is a keep-alive."""

    topic: str
    number: int
    offset: int
    events: list[Event] = field(default_factory=list)


@dataclass
class _Part:
    """A partition as this stream reads it: sent up to `position`, committed up to `base`."""

    cursor: StreamCursor
    position: int
    base: int
    flushed_at: float
    waits_since: float = 0.0  # for a commit
    keep_alives: int = 0

    @property
    def uncommitted(self) -> int:
        return self.position - self.base

    @property
    def available(self) -> int:
        return self.cursor.partition.next_offset - 1 - self.position


class Stream:
    """One reader's stream. `gone` returns whether the client has left; `turn` gives a database connection."""

    def __init__(
        self,
        reader: StreamReader,
        options: Options,
        *,
        gone: Callable[[], bool] = lambda: False,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.reader, self.options, self._gone, self._turn = reader, options, gone, turn
        self._flush = min(float(options.batch_flush_timeout or _KEEP_ALIVE), _KEEP_ALIVE)
        lasts = options.stream_timeout or _HOUR + random.uniform(-_GIVE_OR_TAKE, _GIVE_OR_TAKE)  # noqa: S311 - so that not all end at once
        self._ends_at = time.monotonic() + lasts
        self._parts: dict[int, _Part] = {}
        self._sent = 0
        self._watch = hub.join(reader.pk)

    def close(self) -> None:
        """Give the partitions to others. Events that were sent may still be committed."""
        hub.part(self._watch)
        with self._turn():
            readers.leave(self.reader)

    def batches(self) -> Iterator[Batch]:
        """Yield what to send next, until the stream ends."""
        while not self._watch.ended and not self._gone():
            self._watch.woken.clear()
            self._watch.touched = time.monotonic()
            with self._turn():
                goes_on = self._look()
            if not goes_on or self._is_over():
                return
            sent = False
            for part in sorted(self._parts.values(), key=lambda each: each.flushed_at):
                with self._turn():
                    batch = self._next(part)
                if batch is not None:
                    sent = True
                    yield batch
            if not sent:
                self._rest()

    def _look(self) -> bool:
        """Update this reader's partitions and their positions. Returns whether it still is a reader."""
        now = time.monotonic()
        cursors = StreamCursor.objects.filter(reader=self.reader.pk).select_related("partition__topic")
        found: dict[int, _Part] = {}
        for cursor in cursors:
            base = max(cursor.committed, cursor.partition.first_offset - 1)
            part = found[cursor.pk] = self._parts.get(cursor.pk) or _Part(cursor, base, base, now)
            if base > part.base:
                part.base, part.waits_since = base, now
            part.cursor, part.position = cursor, max(part.position, base)
            if cursor.next_reader_id is not None and not part.uncommitted:
                readers.hand_over(self.reader, cursor)
                del found[cursor.pk]
        self._parts = found
        self._watch.words = {
            waking.of_reader(self.reader.pk),
            *(waking.of_partition(each.cursor.partition_id) for each in found.values()),
        }
        return bool(found) or StreamReader.objects.filter(pk=self.reader.pk, closed_at=None).exists()

    def _is_over(self) -> bool:
        now, options = time.monotonic(), self.options
        parts = self._parts.values()
        return (
            now >= self._ends_at
            or bool(options.stream_limit and self._sent >= options.stream_limit)
            or any(each.uncommitted and now >= self._must_commit_by(each) for each in parts)
            or bool(
                parts
                and options.stream_keep_alive_limit
                and min(e.keep_alives for e in parts) >= options.stream_keep_alive_limit
            )
        )

    def _must_commit_by(self, part: _Part) -> float:
        return part.waits_since + (self.options.commit_timeout or 60)

    def _next(self, part: _Part) -> Batch | None:
        now, options = time.monotonic(), self.options
        left = [
            options.batch_limit,
            _AT_MOST,
            options.max_uncommitted_events - sum(each.uncommitted for each in self._parts.values()),
        ]
        if options.stream_limit:
            left.append(options.stream_limit - self._sent)
        most = min(left)
        late = now >= part.flushed_at + self._flush
        held = part.cursor.next_reader_id is not None
        events = (
            self._read(part, most)
            if most > 0 and not held and part.available > 0 and (late or part.available >= most)
            else []
        )
        if not events and not late:
            return None
        part.flushed_at = now
        part.keep_alives = 0 if events else part.keep_alives + 1
        if events:
            part.waits_since = part.waits_since if part.uncommitted else now
            part.position = events[-1].offset
            self._sent += len(events)
        return Batch(part.cursor.partition.topic.name, part.cursor.partition.number, part.position, events)

    def _read(self, part: _Part, most: int) -> list[Event]:
        events: list[Event] = []
        size, position = 0, part.position
        while len(events) < most:
            chunk = min(_CHUNK, most - len(events))
            found = Event.after(part.cursor.partition_id, position, chunk)
            for each in found:
                size += len(each.body)
                if events and size > _LARGEST:
                    return events
                events.append(each)
                position = each.offset
            if len(found) < chunk:
                break
        return events

    def _rest(self) -> None:
        """Wait to be woken, or until something is due."""
        due = [self._ends_at, time.monotonic() + _LOOK]
        for part in self._parts.values():
            due.append(part.flushed_at + self._flush)
            if part.uncommitted:
                due.append(self._must_commit_by(part))
        until = min(due)
        while (left := until - time.monotonic()) > 0 and not self._gone():
            if self._watch.woken.wait(min(left, _GONE)):
                return
