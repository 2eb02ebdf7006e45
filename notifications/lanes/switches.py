"""Administrators' switches of channels: on or off."""

import time

from notifications import channels
from notifications.channels import DeliveryError, Failure
from notifications.models import ChannelSwitch
from notifications.process import this_process
from notifications.states import MessageType

_TRUST = 1.0  # seconds
_known: dict[str, object] = {"until": 0.0, "off": frozenset()}


def is_off(channel: MessageType) -> bool:
    """Return whether an administrator has switched the channel off; read from the database once a second."""
    return channel in _switched_off()


def refuse_switched_off(channel: MessageType) -> None:
    """Raise DeliveryError(NEVER) if the channel was switched off."""
    if is_off(channel):
        raise DeliveryError(
            channels.of(channel).when_off,
            f"An administrator has switched {channel.label} off.",
            kind=Failure.NEVER,
        )


@this_process.at_forget
def forget() -> None:
    """Discard the cached switches, so that the next call reads the database."""
    _known["until"] = 0.0


def _switched_off() -> frozenset[str]:
    if time.monotonic() >= _known["until"]:  # type: ignore[operator]
        _known["off"] = frozenset(
            ChannelSwitch.objects.filter(enabled=False).values_list("channel", flat=True)
        )
        _known["until"] = time.monotonic() + _TRUST
    return _known["off"]  # type: ignore[return-value]
