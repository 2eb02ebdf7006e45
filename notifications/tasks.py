"""What the django-q2 cluster runs: a channel's name in, never content."""

from notifications import delivery, receipts
from notifications.clock import db_now
from notifications.states import MessageType


def drain(channel: str) -> int:
    """Move on what waits for a receipt no longer, then send what is due on a channel. Returns how many calls were made."""
    receipts.expire(db_now())
    return delivery.drain(MessageType(channel))
