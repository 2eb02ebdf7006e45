"""The channels, one instance a process, made from the settings when first needed."""

from django.conf import settings

from notifications.channels.base.contract import Accepted, Channel, DeliveryError, Envelope, Failure, Receipt
from notifications.channels.email import EmailChannel
from notifications.channels.redirect import SendingMode, as_mode_says, held_channels, mode
from notifications.channels.sms.channel import SmsChannel
from notifications.channels.webhook import WebhookChannel
from notifications.states import MessageType

__all__ = [
    "Accepted",
    "Channel",
    "DeliveryError",
    "Envelope",
    "Failure",
    "Receipt",
    "SendingMode",
    "close_all",
    "get",
    "held_channels",
    "mode",
]

_open: dict[MessageType, Channel] = {}


def get(channel: MessageType) -> Channel:
    """The channel of this type."""
    if channel not in _open:
        _open[channel] = as_mode_says(_make(channel))
    return _open[channel]


def close_all() -> None:
    """Close every kept connection and forget the channels, so that they are made anew from the settings."""
    while _open:
        _open.popitem()[1].close()


def _make(channel: MessageType) -> Channel:
    match channel:
        case MessageType.EMAIL:
            return EmailChannel(
                settings.EMAIL_HOST,
                settings.EMAIL_PORT,
                settings.EMAIL_HOST_USER,
                settings.EMAIL_HOST_PASSWORD,
                settings.EMAIL_USE_TLS,
                settings.EMAIL_USE_SSL,
                settings.DEFAULT_FROM_EMAIL,
                reply_to=settings.REPLY_TO_EMAIL,
                ehlo_name=settings.SMTP_EHLO_NAME,
            )
        case MessageType.SMS:
            return SmsChannel(
                settings.TWILIO_ACCOUNT_SID,
                settings.TWILIO_AUTH_TOKEN,
                settings.TWILIO_FROM,
                settings.TWILIO_API_URL,
                receipts_url=settings.RECEIPTS_URL,
            )
        case MessageType.WEB_HOOK:
            return WebhookChannel(settings.WEBHOOK_ALLOWED_NETS, settings.WEBHOOK_ALLOW_HTTP)
        case MessageType.EVENT_STREAM:
            # Not at the top: it needs the models, and settings.py asks the other channels before there are any.
            from notifications.channels.event_stream.channel import EventStreamChannel

            return EventStreamChannel()
