"""E-mail over SMTP."""

from notifications.channels.email.addresses import plain_address
from notifications.channels.email.channel import EmailChannel

__all__ = ["EmailChannel", "plain_address"]
