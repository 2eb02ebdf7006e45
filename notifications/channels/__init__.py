"""The channels: one instance per process, created from the settings when first needed."""

from collections.abc import Mapping

from notifications.channels.base.contract import Accepted, Channel, DeliveryError, Envelope, Failure, Receipt
from notifications.channels.base.facts import Facts
from notifications.channels.email import EmailChannel
from notifications.channels.event_stream.channel import EventStreamChannel
from notifications.channels.redirect import SendingMode, as_mode_says, held_channels, mode
from notifications.channels.sms.channel import SmsChannel
from notifications.channels.webhook import WebhookChannel
from notifications.failures.meanings import Meaning, in_doubt
from notifications.process import this_process
from notifications.states import MessageType, Outcome

__all__ = [
    "ALL",
    "BY_NUMBER",
    "FOR_PEOPLE",
    "NUMBERED",
    "Accepted",
    "Channel",
    "DeliveryError",
    "Envelope",
    "Facts",
    "Failure",
    "Medium",
    "Receipt",
    "SendingMode",
    "close_all",
    "get",
    "held_channels",
    "meaning_of",
    "mode",
    "of",
]

Medium = type[Facts]
ALL: tuple[Medium, ...] = (EmailChannel, SmsChannel, WebhookChannel, EventStreamChannel)
FOR_PEOPLE = tuple(each.type for each in ALL if each.for_people)
BY_NUMBER = tuple(each.type for each in ALL if each.by_number)
NUMBERED = tuple(each.type for each in ALL if each.numbered)
_BY_TYPE: Mapping[str, Medium] = {each.type: each for each in ALL}
_open: dict[MessageType, Channel] = this_process.keep({})


def of(channel: str) -> Medium:
    """Return the class with the fixed facts of this channel."""
    return _BY_TYPE[channel]


def meaning_of(channel: str, reason: str, said: str, outcome: str) -> Meaning:
    """Return the meaning of a failure, given the provider's words and the `outcome` of the last try."""
    meaning = of(channel).meaning(reason, said)
    return in_doubt(meaning) if outcome == Outcome.UNKNOWN else meaning


def get(channel: MessageType) -> Channel:
    """Return this process's instance of the channel."""
    if channel not in _open:
        _open[channel] = as_mode_says(of(channel))
    return _open[channel]


def close_all() -> None:
    """Close all connections and discard the channels; they are created anew from the settings."""
    while _open:
        _open.popitem()[1].close()
