"""stream_tail: unread and new events of a subscription, without moving its cursors."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifications.models import StreamEvent, StreamSubscription
from notifications.streams import offsets, subscriptions
from notifications.text.keys import key_in

_LOOK = 0.5  # seconds
_AT_ONCE = 100
_SHOWN = 200  # characters of a body


class Command(BaseCommand):
    """Follows a subscription."""

    help = (
        "Show the events that a subscription has not committed, then new ones as they arrive, until "
        "Ctrl-C. Commits nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("subscription", help="its id")
        parser.add_argument("--once", action="store_true", help="stop after the existing events")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line per event."""
        key = key_in(options["subscription"])
        subscription = StreamSubscription.objects.filter(key=key).first() if key else None
        if subscription is None:
            raise CommandError("Subscription not found.")
        seen = {cursor.partition_id: cursor.committed for cursor in subscriptions.cursors_of(subscription)}
        while True:
            shown = sum([self._show(partition, seen) for partition in seen])
            if not shown:
                if options["once"]:
                    return
                time.sleep(_LOOK)

    def _show(self, partition: int, seen: dict[int, int]) -> int:
        """Print the next events of a partition. Return how many."""
        events = (
            StreamEvent.objects.filter(partition=partition, offset__gt=seen[partition])
            .select_related("partition")
            .order_by("offset")
        )
        found = list(events[:_AT_ONCE])
        for event in found:
            offset = seen[partition] = event.offset or 0
            number = event.partition.number if event.partition else 0
            body = (
                event.body[:_SHOWN].encode("unicode_escape").decode()
                if not event.body.isprintable()
                else event.body[:_SHOWN]
            )
            self.stdout.write(f"{event.topic} {number} {offsets.written(offset)} {event.key.hex} {body}")
        return len(found)
