"""What the django-q2 cluster runs: a channel's name in, never content."""

from notifications import delivery
from notifications.states import MessageType


def drain(channel: str) -> int:
    """Send what is due on a channel. Returns how many calls were made."""
    return delivery.drain(MessageType(channel))
