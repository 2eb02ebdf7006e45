"""Sending of complete messages: the sealed values are put back into the texts that leave them out."""

from dataclasses import replace

from notifications.channels import SendingMode, mode
from notifications.channels.base.contract import Accepted, Channel, DeliveryError, Envelope, Receipt, never
from notifications.database.clock import db_now
from notifications.failures import Reason
from notifications.models import SealedValues
from notifications.secrets import hidden
from notifications.secrets.sealed import Unreadable


def sweep() -> int:
    """Delete secret values that expired, were sent, or failed a day ago (a django-q2 task)."""
    return SealedValues.objects.wipe_left(db_now())


def send(channel: Channel, envelope: Envelope) -> Receipt | Accepted:
    """Hand the message to its channel. Raises DeliveryError."""
    if not hidden.is_left_out(envelope.body, envelope.html):
        return channel.send(envelope)
    if mode() != SendingMode.LIVE:  # secrets of production go to nobody else
        return channel.send(replace(envelope, secrets=""))
    if not envelope.secrets:
        raise never(Reason.OTHER, hidden.GONE)
    try:
        values = hidden.read(envelope.secrets)
        body = hidden.put_in(envelope.body, values.get("body", ()))
        html = hidden.put_in(envelope.html, values.get("html", ()))
    except Unreadable as error:  # the right key may be set meanwhile
        raise DeliveryError(Reason.OTHER, str(error)) from error
    try:
        answer = channel.send(replace(envelope, body=body, html=html, secrets=""))
    except DeliveryError as error:
        error.detail = hidden.masked_in(error.detail, values)
        raise
    return replace(answer, detail=hidden.masked_in(answer.detail, values))
