"""The event stream of a subscription: one line of JSON per batch, until the client disconnects."""

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields
from datetime import UTC
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, StreamingHttpResponse

from commlog.api.callers import caller_of
from commlog.api.codes import Code
from commlog.api.errors import ApiError
from notifications.models import StreamSubscription
from notifications.streams import hub, offsets, readers, sessions
from notifications.streams.readers import NoFreeSlot
from notifications.streams.reading import Batch, Event, Options, Stream

log = logging.getLogger(__name__)
_AFTER_HEAD = 0.25  # seconds
_BOUNDS = {
    "max_uncommitted_events": (1, 100_000),
    "batch_limit": (1, 100_000),
    "stream_limit": (0, 2**31),
    "batch_flush_timeout": (0, 4_200),
    "stream_timeout": (0, 4_200),
    "stream_keep_alive_limit": (0, 2**31),
    "commit_timeout": (0, 60),
}


def opened(request: HttpRequest, subscription: StreamSubscription) -> StreamingHttpResponse:
    """Open a stream.

    Raises ApiError: 400 for parameters, 409 if no slot is free, 503 if this process serves no streams.
    """
    values = {
        each.name: number(request.GET.get(each.name), each.name, each.default, *_BOUNDS[each.name])
        for each in fields(Options)
    }
    options = Options(**values)
    if wrong := options.problem():
        raise ApiError(400, Code.INVALID_PARAMETERS, wrong)
    if not request.META.get("wsgi.multithread"):
        raise ApiError(
            503,
            Code.SERVICE_UNAVAILABLE,
            "streams are served by processes with threads; see “Streams” in docs/operate.md",
        )
    if hub.count() >= settings.STREAM_READERS:
        raise ApiError(
            503,
            Code.SERVICE_UNAVAILABLE,
            "this process has as many streams as it may have",
            headers={"Retry-After": "30"},
        )
    try:
        reader = readers.enter(subscription, name=caller_of(request).name)
    except NoFreeSlot as error:
        raise ApiError(
            409, Code.INVALID_API_OPERATION, "no free slots: each partition has a reader of its own"
        ) from error
    connection = request.META.get("gunicorn.socket")
    stream = Stream(reader, options, gone=_gone(connection), turn=sessions.turn)
    names = dict.fromkeys(("X-Mambu-StreamId", "X-Nakadi-StreamId"), str(reader.key))
    # Neither gzip nor a proxy may keep a batch back.
    ways = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(
        _Lines(stream, connection), content_type="application/x-json-stream", headers=names | ways
    )


class _Lines:
    """The response's iterator, which cleans up when the server has sent the last line or lost the client."""

    def __init__(self, stream: Stream, connection: socket.socket | None) -> None:
        self._stream = stream
        self._connection = connection
        self._lines = self._written()

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        """End the reader, even if nothing has been written yet.

        The connection is closed too. Clients that read the socket (pynakadi) wait for that, and gunicorn
        would keep it for two seconds, as it keeps the connection of their next call: both were closed at
        once, and the call was lost.
        """
        self._lines.close()
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)
        try:
            self._stream.close()
        except Error as error:
            log.warning("a reader could not be ended, and counts as lost in a moment: %s", error)

    def _written(self) -> Any:
        # The head leaves at once, and a while before the rest: clients that go on to read the socket lose
        # what came along.
        yield b""
        time.sleep(_AFTER_HEAD)
        info: dict[str, Any] = {"info": {"debug": "Stream started"}}
        try:
            for batch in self._stream.batches():
                yield _line(batch, info)
                info = {}
        except Error as error:
            log.warning("a stream ended: %s", error)


def _line(batch: Batch, info: dict[str, Any]) -> bytes:
    said: dict[str, Any] = {"cursor": cursor(batch.topic, batch.number, batch.offset)}
    if batch.events:
        said["events"] = [_event(each, batch.topic) for each in batch.events]
    return json.dumps(said | info, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def cursor(topic: str, number: int, offset: int) -> dict[str, str]:
    """Return a cursor as clients read it."""
    return {
        "partition": str(number),
        "offset": offsets.written(offset),
        "event_type": topic,
        "cursor_token": str(uuid4()),
    }


def _event(event: Event, topic: str) -> dict[str, Any]:
    occurred = event.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    metadata = {
        "eid": str(event.key),
        "occurred_at": occurred,
        "content_type": event.content_type or "text/plain",
    }
    metadata |= {"category": "DATA", "event_type": topic}
    return {"metadata": metadata, "body": event.body, "template_name": event.template_name}


def number(given: str | None, name: str, default: Any, least: int, most: int) -> int:
    """Return a numeric parameter. Raises ApiError if it is not a whole number within its bounds."""
    if given is None or given == "":
        return int(default)
    if not (given.isascii() and given.isdecimal() and len(given) <= 12 and least <= int(given) <= most):
        raise ApiError(
            400, Code.INVALID_PARAMETERS, f"{name}: must be a whole number from {least} to {most:,}"
        )
    return int(given)


def _gone(connection: socket.socket | None) -> Callable[[], bool]:
    """Return a check whether the client has disconnected, which is otherwise noticed only on write."""

    def gone() -> bool:
        if connection is None:
            return False
        try:
            return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except (BlockingIOError, InterruptedError, TimeoutError):
            return False
        except OSError:
            return True

    return gone
