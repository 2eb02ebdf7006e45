"""Appending of envelopes as events of a stream."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from notifications.channels.base.contract import Envelope
from notifications.models import StreamEvent
from notifications.streams import offsets, publishing


def append(envelopes: Sequence[Envelope]) -> Iterator[tuple[UUID, str, str]]:
    """Append each envelope once, in this order. Yield its key, its position in short, and in words."""
    events = [
        StreamEvent(
            topic=each.destination,
            key=each.key,
            event=each.event,
            content_type=each.content_type,
            body=each.body,
        )
        for each in envelopes
    ]
    for event in publishing.append(events):
        if event.partition is None or event.offset is None:
            raise RuntimeError(f"{event} was appended without a place")
        number, offset = event.partition.number, offsets.written(event.offset)
        yield (
            event.key,
            f"{number}/{offset}",
            f"Appended to {event.topic}, partition {number}, offset {offset}.",
        )
