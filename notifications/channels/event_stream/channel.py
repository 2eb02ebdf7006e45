"""The EVENT_STREAM channel: appends to a partition in the transaction that records the message as sent."""

from collections.abc import Sequence
from uuid import UUID

from django.db import DataError, IntegrityError

from notifications.channels.base.contract import DeliveryError, Envelope, Receipt, never
from notifications.channels.base.facts import Facts
from notifications.channels.event_stream.topics import is_topic, topic_of
from notifications.failures import Reason
from notifications.states import MessageType

_LARGEST = 1_048_576  # bytes


class EventStreamChannel(Facts):
    """The streaming API's channel: uses only the database, in the transaction that claims and records."""

    type = MessageType.EVENT_STREAM
    one, icon, destination_name = "an event", "rss", "topic"
    fields = ("content_type",)
    retried = False
    width = 1
    permits = 200
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
        """Return the one lane of all topics: they are in one database."""
        return "stream"

    def ready(self) -> None:
        """Do nothing: the channel needs no setting."""

    def check(self, envelope: Envelope) -> None:
        """Refuse a topic name that no client could subscribe to, and a body over 1 MiB."""
        if not is_topic(envelope.destination):
            detail = "A topic has 1 to 300 letters, digits, dots, dashes or underscores."
            raise never(Reason.UNDEFINED_DESTINATION, detail)
        if len(envelope.body.encode()) > _LARGEST:
            raise never(Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED, f"Over {_LARGEST} bytes.")

    def send(self, envelope: Envelope) -> Receipt:
        """Append the message, once however often it is sent."""
        (answer,) = self.append([envelope])
        if isinstance(answer, DeliveryError):
            raise answer
        return answer

    def append(self, envelopes: Sequence[Envelope]) -> list[Receipt | DeliveryError]:
        """Append each message once, in this order. One that the database refuses blocks no other."""
        answers = {each.key: self._refusal(each) for each in envelopes}
        good = [each for each in envelopes if answers[each.key] is None]
        try:
            answers |= _appended(good)
        except (DataError, IntegrityError):
            for each in good:
                try:
                    answers |= _appended([each])
                except (DataError, IntegrityError) as error:
                    detail = f"The stream could not be written: {error}"
                    answers[each.key] = never(Reason.OTHER, detail)
        return [answer for each in envelopes if (answer := answers[each.key])]

    def _refusal(self, envelope: Envelope) -> Receipt | DeliveryError | None:
        try:
            self.check(envelope)
        except DeliveryError as error:
            return error
        return None

    def close(self) -> None:
        """Do nothing: no connection is kept."""


def _appended(envelopes: Sequence[Envelope]) -> dict[UUID, Receipt | DeliveryError | None]:
    # Not at the top: the models ask the channels what is always so of them.
    from notifications.streams.appending import append

    return {key: Receipt(provider_id=place, detail=detail) for key, place, detail in append(envelopes)}
