"""The EVENT_STREAM channel: a message is appended to a partition of its topic, in the transaction that
records it as sent.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import DataError, IntegrityError

from notifications.channels.base.contract import DeliveryError, Envelope, Failure, Receipt
from notifications.channels.base.facts import Facts
from notifications.channels.event_stream.topics import is_topic, topic_of
from notifications.failures import Reason
from notifications.states import MessageType

_LARGEST = 1_048_576  # bytes


class EventStreamChannel(Facts):
    """Appends to the stream. It talks to the database only, and is called in the transaction that claims and
    records.
    """

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

    @classmethod
    def usual_destination(cls, event: str) -> str:
        return topic_of(event)

    def lane(self, destination: str) -> str:
        """All topics live in one database: one lane."""
        return "stream"

    def ready(self) -> None:
        """It needs no setting."""

    def check(self, envelope: Envelope) -> None:
        """Refuse a topic name that no client could subscribe to, and a body over 1 MiB."""
        if not is_topic(envelope.destination):
            detail = "A topic has 1 to 300 letters, digits, dots, dashes or underscores."
            raise DeliveryError(Reason.UNDEFINED_DESTINATION, detail, kind=Failure.NEVER)
        if len(envelope.body.encode()) > _LARGEST:
            raise DeliveryError(
                Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED, f"Over {_LARGEST} bytes.", kind=Failure.NEVER
            )

    def send(self, envelope: Envelope) -> Receipt:
        """Append once, however often it is asked for."""
        (answer,) = self.append([envelope])
        if isinstance(answer, DeliveryError):
            raise answer
        return answer

    def append(self, envelopes: Sequence[Envelope]) -> list[Receipt | DeliveryError]:
        """Append each once, in this order. What the database refuses keeps nothing else from it."""
        answers = {each.key: self._refusal(each) for each in envelopes}
        good = [each for each in envelopes if answers[each.key] is None]
        try:
            answers |= _appended(good)
        except (DataError, IntegrityError):
            for each in good:
                try:
                    answers |= _appended([each])
                except (DataError, IntegrityError) as error:
                    answers[each.key] = DeliveryError(
                        Reason.OTHER, f"The stream could not be written: {error}", kind=Failure.NEVER
                    )
        return [answer for each in envelopes if (answer := answers[each.key])]

    def _refusal(self, envelope: Envelope) -> Receipt | DeliveryError | None:
        try:
            self.check(envelope)
        except DeliveryError as error:
            return error
        return None

    def close(self) -> None:
        """Nothing is kept open."""


def _appended(envelopes: Sequence[Envelope]) -> dict[UUID, Receipt | DeliveryError | None]:
    # Not at the top: the models ask the channels what is always so of them.
    from notifications.streams.appending import append

    return {key: Receipt(provider_id=place, detail=detail) for key, place, detail in append(envelopes)}
