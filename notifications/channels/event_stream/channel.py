"""The EVENT_STREAM channel: a message is appended to its topic's table, in the transaction that records it as sent."""

import re

from notifications.channels.base.contract import DeliveryError, Envelope, Failure, Receipt
from notifications.channels.base.facts import Facts
from notifications.failures import Reason
from notifications.states import MessageType

_TOPIC = re.compile(r"[A-Za-z0-9._\-]{1,300}")
_LARGEST = 1_048_576  # bytes


class EventStreamChannel(Facts):
    """Appends to the stream. It talks to the database only, so the drain calls it on its own thread and transaction."""

    type = MessageType.EVENT_STREAM
    one, icon, destination_name = "an event", "rss", "topic"
    fields = ("content_type",)
    retried = False
    width = 1
    permits = 50
    ahead = 60.0
    inline = True

    @classmethod
    def from_settings(cls) -> "EventStreamChannel":
        return cls()

    @classmethod
    def uses(cls) -> list[tuple[str, str]]:
        return [("Stream", "kept in Commlog’s own database")]

    def lane(self, destination: str) -> str:
        """All topics live in one database: one lane."""
        return "stream"

    def ready(self) -> None:
        """It needs no setting."""

    def check(self, envelope: Envelope) -> None:
        """Refuse a topic name that no client could subscribe to, and a body over 1 MiB."""
        if not _TOPIC.fullmatch(envelope.destination):
            detail = "A topic has 1 to 300 letters, digits, dots, dashes or underscores."
            raise DeliveryError(Reason.UNDEFINED_DESTINATION, detail, kind=Failure.NEVER)
        if len(envelope.body.encode()) > _LARGEST:
            raise DeliveryError(Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED, f"Over {_LARGEST} bytes.", kind=Failure.NEVER)

    def send(self, envelope: Envelope) -> Receipt:
        """Append once, however often it is asked for."""
        from notifications.database.clock import db_now  # not at the top: the models ask the channels what is always so of them
        from notifications.models import StreamEvent

        self.check(envelope)
        event, _ = StreamEvent.objects.get_or_create(
            key=envelope.key,
            defaults={
                "topic": envelope.destination,
                "event": envelope.event,
                "content_type": envelope.content_type,
                "body": envelope.body,
                "appended_at": db_now(),
            },
        )
        return Receipt(provider_id=str(event.pk), detail=f"Appended to {event.topic} as number {event.pk}.")

    def close(self) -> None:
        """Nothing is kept open."""
