"""SENDING_MODE, applied at the last step: a copy of production data must not reach a real person."""

from collections.abc import Mapping

from django.conf import settings
from django.db.models import TextChoices

from notifications.channels.base.contract import Accepted, Channel, Envelope, Receipt
from notifications.channels.base.facts import Facts
from notifications.states import MessageType


class SendingMode(TextChoices):
    """The treatment of due messages by this installation."""

    LIVE = "live", "Messages are sent to their destinations."
    HOLD = "hold", "This installation sends nothing: all messages wait."
    REDIRECT = "redirect", "This installation reaches no real destination: all messages are redirected."


def mode() -> SendingMode:
    """Return the mode of this installation."""
    return SendingMode(settings.SENDING_MODE)


def held_channels() -> frozenset[MessageType]:
    """Return the channels that send nothing in this mode: their messages wait."""
    if mode() == SendingMode.LIVE:
        return frozenset()
    targets: Mapping[MessageType, str] = settings.REDIRECT_TO if mode() == SendingMode.REDIRECT else {}
    return frozenset(channel for channel in MessageType if not targets.get(channel))


def as_mode_says(kind: type[Facts]) -> Channel:
    """Return the channel created from the settings, or its redirection in this mode."""
    channel = kind.from_settings()
    return (
        channel
        if mode() == SendingMode.LIVE
        else RedirectedChannel(channel, kind, settings.REDIRECT_TO.get(kind.type, ""))
    )


class RedirectedChannel:
    """A channel that sends everything to one destination.

    The true destination is named in the subject, the text or a header.
    """

    def __init__(self, inner: Channel, kind: type[Facts], target: str) -> None:
        self.type, self.inline = inner.type, inner.inline
        self.width, self.permits, self.ahead = inner.width, inner.permits, inner.ahead
        self._inner, self._kind = inner, kind
        self._target = target

    def lane(self, destination: str) -> str:
        """Return the lane that it would have in production, so that it is held and limited alike."""
        return self._inner.lane(destination)

    def ready(self) -> None:
        """Raise what the real channel raises if it is not set up."""
        self._inner.ready()

    def check(self, envelope: Envelope) -> None:
        """Raise what the real channel raises for a message that cannot be sent."""
        self._inner.check(envelope)

    def send(self, envelope: Envelope) -> Receipt | Accepted:
        if not self._target:
            raise RuntimeError(f"{self.type} is held in this mode")  # no lane of it is ever open
        self._inner.check(envelope)
        return self._inner.send(self._kind.redirected(envelope, self._target))

    def close(self) -> None:
        self._inner.close()
