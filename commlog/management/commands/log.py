"""log: the newest messages of the log."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.utils import timezone

from commlog.api.schemas import RELATED, message_out
from notifications.models import Message
from notifications.states import MessageState, MessageType


class Command(BaseCommand):
    """Lists messages, newest first."""

    help = "List messages, newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--state", choices=list(MessageState), help="only those in this state")
        parser.add_argument("--type", choices=list(MessageType), help="only those of this channel")
        parser.add_argument("--limit", type=int, default=50, help="how many at most (50)")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object a line, attempts included"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Read in batches, so that any limit can be given."""
        connection.ensure_connection()  # only then is it known whether its session may keep a cursor
        rows = (
            Message.objects.order_by("-created_at", "-id")
            .select_related(*RELATED)
            .prefetch_related("attempts")
        )
        for name in ("state", "type"):
            if options[name]:
                rows = rows.filter(**{name: options[name]})
        for message in rows[: max(0, options["limit"])].iterator(chunk_size=500):
            if options["json"]:
                self.stdout.write(
                    json.dumps(message_out(message, message.attempts.all()), ensure_ascii=False)
                )
            else:
                self.stdout.write(_line(message))


def _line(message: Message) -> str:
    created = timezone.localtime(message.created_at)
    return (
        f"{message.key.hex}  {created:%Y-%m-%d %H:%M:%S}  {message.get_state_display():<8} "
        f"{message.type:<12} {message.destination[:60]}"
    )
