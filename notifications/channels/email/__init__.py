"""E-mail over SMTP."""

from notifications.channels.email.addresses import pasted_address, plain_address
from notifications.channels.email.channel import EmailChannel
from notifications.channels.email.letter import sender

__all__ = ["EmailChannel", "pasted_address", "plain_address", "sender"]
