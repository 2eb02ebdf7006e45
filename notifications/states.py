"""The states of messages and attempts, and the allowed transitions. They are defined only here."""

from django.db.models import TextChoices


class MessageType(TextChoices):
    """The channels. The names are Mambu's `type` values."""

    EMAIL = "EMAIL", "E-mail"
    SMS = "SMS", "SMS"
    WEB_HOOK = "WEB_HOOK", "Webhook"
    EVENT_STREAM = "EVENT_STREAM", "Event stream"


class MessageState(TextChoices):
    """The states of a message. The names are Mambu's `state` values, the labels what pages show."""

    QUEUED = "QUEUED", "Queued"
    QUEUED_FOR_STREAM = "QUEUED_FOR_STREAM", "Queued"
    SENDING_ASYNC = "SENDING_ASYNC", "Sending"
    WAITING = "WAITING", "Waiting"
    SENT = "SENT", "Sent"
    FAILED = "FAILED", "Failed"


# The seed's descriptions, word for word; pages show them as tooltips beside the constant.
_WAITING_TO_BE_SENT = "The notification is waiting to be sent."
DESCRIPTIONS: dict[MessageState, str] = {
    MessageState.QUEUED: _WAITING_TO_BE_SENT,
    MessageState.QUEUED_FOR_STREAM: _WAITING_TO_BE_SENT,
    MessageState.SENDING_ASYNC: _WAITING_TO_BE_SENT,
    MessageState.WAITING: _WAITING_TO_BE_SENT,
    MessageState.SENT: "The notification was sent successfully.",
    MessageState.FAILED: "The notification was not sent to the designated target.",
}

FINAL = frozenset({MessageState.SENT, MessageState.FAILED})
LIVE = frozenset(MessageState) - FINAL
# Not claimed by anybody: these rows have a due time.
CLAIMABLE = frozenset({MessageState.QUEUED, MessageState.QUEUED_FOR_STREAM, MessageState.WAITING})

TRANSITIONS: dict[MessageState, frozenset[MessageState]] = {
    MessageState.QUEUED: frozenset({MessageState.SENDING_ASYNC, MessageState.FAILED, MessageState.WAITING}),
    MessageState.QUEUED_FOR_STREAM: frozenset(
        {MessageState.SENDING_ASYNC, MessageState.FAILED, MessageState.WAITING}
    ),
    MessageState.SENDING_ASYNC: FINAL | {MessageState.WAITING},
    MessageState.WAITING: frozenset({MessageState.SENDING_ASYNC, MessageState.FAILED}),
    MessageState.SENT: frozenset(),
    MessageState.FAILED: frozenset(),
}


class Outcome(TextChoices):
    """The outcome of an attempt. An attempt under way has none ('')."""

    ACCEPTED = "ACCEPTED", "Accepted"
    REFUSED = "REFUSED", "Refused"
    UNKNOWN = "UNKNOWN", "Unknown, may have arrived"
    ABANDONED = "ABANDONED", "Abandoned, not sent"


class WaitingReason(TextChoices):
    """The reason why a message is WAITING. The names are Mambu's `WAITING_REASON` values."""

    READY_TO_BE_SENT = "READY_TO_BE_SENT", "Waiting for the next retry"
    WAIT_FOR_CLOSE_CIRCUIT = "WAIT_FOR_CLOSE_CIRCUIT", "Channel paused or destination in trouble"


class Circuit(TextChoices):
    """The state of a lane's circuit breaker."""

    CLOSED = "CLOSED", "Working"
    OPEN = "OPEN", "In trouble"
    # But for destinations that failed and have not been delivered to since.
    HALF_OPEN = "HALF_OPEN", "Working again"


class ReceiptStatus(TextChoices):
    """A provider's report about a message it accepted, in ascending order of precedence."""

    PASSED_ON = "PASSED_ON", "passed on"
    FAILED = "FAILED", "not sent"
    UNDELIVERED = "UNDELIVERED", "not delivered"
    DELIVERED = "DELIVERED", "delivered"
    READ = "READ", "read"
    BOUNCED = "BOUNCED", "bounced"
    COMPLAINED = "COMPLAINED", "marked as spam"


# A receipt that proves that the message arrived, one that proves that it did not, one that ends the wait for
# receipts.
PROVES_DELIVERY = frozenset({ReceiptStatus.DELIVERED, ReceiptStatus.READ, ReceiptStatus.COMPLAINED})
PROVES_LOSS = frozenset({ReceiptStatus.FAILED, ReceiptStatus.UNDELIVERED, ReceiptStatus.BOUNCED})
PROVES_SENDING = PROVES_DELIVERY | {ReceiptStatus.PASSED_ON}


def first_state(channel: MessageType) -> MessageState:
    """Return the state in which a message of this channel is created."""
    return MessageState.QUEUED_FOR_STREAM if channel == MessageType.EVENT_STREAM else MessageState.QUEUED
