"""Whether a message can be sent as it stands.

What cannot fails the moment that its row is made, so it is not resent either.
"""

from collections.abc import Mapping

from notifications import channels
from notifications.channels import DeliveryError, Envelope
from notifications.content import COLUMNS, stored_in
from notifications.failures import CATALOGUE, Reason, explain
from notifications.lanes import switches
from notifications.models import Message
from notifications.states import MessageType

_OF_CHANNELS = {each.when_off for each in channels.ALL} - {Reason.OTHER}
# With these a message fails that its channel would not try. Reading it tells whether it would try it now:
# settings change, and some of these reasons come from providers, too. Those of a whole channel are not among
# them: `closed` knows them without reading anything.
DOUBTFUL_REASONS = (
    frozenset({reason for reason, each in CATALOGUE.items() if not each.retried} | {Reason.OTHER})
    - _OF_CHANNELS
)
# What `refusal_of` reads of a message.
FIELDS = ("key", "type", "destination", "sender_user_id", *COLUMNS.values())


def refusal(channel: MessageType, envelope: Envelope) -> DeliveryError | None:
    """Return why the message would fail at once; None: it can be tried.

    No I/O, but the switches are looked up once a second.
    """
    try:
        if not envelope.destination:
            raise DeliveryError(channels.of(channel).without_destination, "No destination is on file.")
        switches.refuse_switched_off(channel)
        channels.get(channel).check(envelope)
    except DeliveryError as error:
        return error
    return None


def refusal_of(message: Message) -> DeliveryError | None:
    """Return why a message with this content, for this destination, would fail at once; None: it can be
    tried.
    """
    return refusal(MessageType(message.type), envelope_of(message))


def closed() -> Mapping[MessageType, Reason]:
    """The channels that send nothing, whatever the message, and why: switched off, or not set up."""
    found = {}
    for channel in MessageType:
        try:
            switches.refuse_switched_off(channel)
            channels.get(channel).ready()
        except DeliveryError as error:
            found[channel] = error.reason
    return found


def words(message: Message, error: DeliveryError) -> str:
    """Say to a clerk why the message would fail at once, and what to do instead."""
    said = message.shown_detail(error.detail).rstrip(".")
    channel = MessageType(message.type)
    if switches.is_off(channel):
        advice = "Have it switched on, then resend."
    else:
        advice = (
            explain(error.reason).advice
            if error.reason != Reason.OTHER
            else "Send it anew with what is missing."
        )
    return f"It would fail again at once, so no new entry was made: {said}. {advice}"


def envelope_of(message: Message) -> Envelope:
    """The message as its channel would get it."""
    return Envelope(
        message.key, message.destination, by_person=message.sender_user_id is not None, **stored_in(message)
    )
