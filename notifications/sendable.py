"""The check of whether a message can be sent as it is: one that cannot fails at once and is not resent."""

from collections.abc import Mapping

from notifications import channels
from notifications.channels import DeliveryError, Envelope
from notifications.content import COLUMNS, stored_in
from notifications.failures import CATALOGUE, Reason, explain
from notifications.lanes import switches
from notifications.models import Message, SealedValues
from notifications.secrets import hidden
from notifications.states import MessageType

_OF_CHANNELS = {each.when_off for each in channels.ALL} - {Reason.OTHER}
# With these a message fails that its channel would not try. Reading it tells whether it would try it now:
# settings change, and some of these reasons come from providers, too. Those of a whole channel are not among
# them: `closed` knows them without reading anything.
DOUBTFUL_REASONS = (
    frozenset({reason for reason, each in CATALOGUE.items() if not each.retried} | {Reason.OTHER})
    - _OF_CHANNELS
)
TEXT_ERASED = "Not resent: it named somebody who was erased."
TEXT_DELETED = "Not resent: its text was deleted, because it was older than the organisation keeps texts."
# What `refusal_of` reads of a message.
FIELDS = (
    "key", "type", "destination", "sender_user_id", "words_gone_at", "erased_at", "first_id",
    *COLUMNS.values(),
)  # fmt: skip


def refusal(channel: MessageType, envelope: Envelope) -> DeliveryError | None:
    """Return why the message would fail at once; None if it can be tried.

    No I/O except the cached switches.
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
    """Return why this content would fail at once for this destination; None if it can be tried.

    For a copy of a message whose text was deleted, pass the original (`says_less`).
    """
    if message.says_less:
        return DeliveryError(Reason.OTHER, "Its text was deleted.")
    chain = SealedValues.objects.of_chain(message.first_id or message.pk)
    if hidden.is_left_out(message.content, message.html) and not chain.exists():
        return DeliveryError(Reason.OTHER, hidden.GONE)
    return refusal(MessageType(message.type), envelope_of(message))


def closed() -> Mapping[MessageType, Reason]:
    """Return the channels that can send nothing at all, and why: switched off, or not set up."""
    found = {}
    for channel in MessageType:
        try:
            switches.refuse_switched_off(channel)
            channels.get(channel).ready()
        except DeliveryError as error:
            found[channel] = error.reason
    return found


def words(message: Message, error: DeliveryError) -> str:
    """Tell a clerk why the message would fail at once, and what to do instead."""
    if message.says_less:
        return TEXT_ERASED if message.erased_at else TEXT_DELETED
    if error.detail == hidden.GONE:
        return f"Not resent: {hidden.GONE}"
    said = message.shown_detail(error.detail).rstrip(".")
    channel = MessageType(message.type)
    if switches.is_off(channel):
        advice = "Ask an administrator to switch it on, then resend."
    else:
        advice = (
            explain(error.reason).advice
            if error.reason != Reason.OTHER
            else "Choose “Edit and resend…” and add what is missing."
        )
    return f"Not resent, because it would fail again immediately: {said}. {advice}"


def envelope_of(message: Message) -> Envelope:
    """Return the message as its channel would get it."""
    return Envelope(
        message.key, message.destination, by_person=message.sender_user_id is not None, **stored_in(message)
    )
