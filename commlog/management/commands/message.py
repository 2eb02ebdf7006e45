"""message: one message of the log, with its attempts."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from commlog.api.schemas import RELATED, message_out, moment
from notifications.models import Message
from notifications.text.keys import key_in


class Command(BaseCommand):
    """Shows a message."""

    help = "Show one message and its attempts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", help="the message's key: 32 hexadecimal characters")
        parser.add_argument("--json", action="store_true", help="print it as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        key = key_in(options["key"])
        if key is None:
            raise CommandError("A key is 32 hexadecimal characters.")
        message = Message.objects.select_related(*RELATED).filter(key=key).first()
        if message is None:
            raise CommandError(f"There is no message with the key {key.hex}.")
        if options["json"]:
            self.stdout.write(json.dumps(message_out(message, message.attempts.all()), ensure_ascii=False))
        else:
            self._print(message)

    def _print(self, message: Message) -> None:
        self.stdout.write(
            f"{message.get_state_display()}: {message.get_type_display()} to {message.destination}"
        )
        self.stdout.write(
            f"created {moment(message.created_at)}, sent {moment(message.sent_at) or '–'}, by "
            f"{message.sender}"
        )
        if message.failure_reason:
            self.stdout.write(
                f"{message.get_failure_reason_display()} ({message.failure_reason}): {message.failure_cause}"
            )
        for attempt in message.attempts.all():
            ended = f"{attempt.outcome or 'under way'} {attempt.detail}".strip()
            self.stdout.write(
                f"  attempt {attempt.number}: {moment(attempt.started_at) or 'not started'} {ended}"
            )
