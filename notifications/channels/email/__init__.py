"""E-mail over SMTP."""

from notifications.channels.email.addresses import pasted_address, plain_address
from notifications.channels.email.channel import EmailChannel

__all__ = ["EmailChannel", "pasted_address", "plain_address"]
