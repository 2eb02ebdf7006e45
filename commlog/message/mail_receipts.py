"""Bounces and complaints of mail providers, by django-anymail's webhooks.

Active if it is installed and MAIL_RECEIPTS_SECRET is set. Mail leaves over SMTP whatever the provider, so an
event identifies its mail by the Message-ID that we set, which contains the message's key.
"""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import URLPattern

from notifications import receipts
from notifications.channels.base.detail import cleaned
from notifications.channels.email.letter import sender
from notifications.states import ReceiptStatus

_STATUSES = {
    "sent": ReceiptStatus.PASSED_ON,
    "delivered": ReceiptStatus.DELIVERED,
    "bounced": ReceiptStatus.BOUNCED,
    "complained": ReceiptStatus.COMPLAINED,
    "rejected": ReceiptStatus.FAILED,
    "failed": ReceiptStatus.FAILED,
}
_LOOKED_AT = 65_536  # characters of an event


def patterns() -> Sequence[URLPattern]:
    """Return the URLs that providers report to; none without a secret, because anybody could report then."""
    if not settings.MAIL_RECEIPTS_SECRET:
        return []
    from anymail import urls  # an optional package

    return [pattern for pattern in urls.urlpatterns if "tracking" in str(pattern.pattern)]


def listen() -> None:
    """Connect to anymail's signal."""
    if settings.MAIL_RECEIPTS_SECRET:
        from anymail.signals import tracking  # an optional package

        tracking.connect(record, dispatch_uid="receipts")


def record(event: Any, **_: Any) -> None:
    """Store an event about one of our mails."""
    status, key = _STATUSES.get(event.event_type), _key_in(event)
    if status and key:
        said = event.mta_response or event.description or ""
        receipts.record(
            key, status, code=cleaned(str(event.reject_reason or ""))[:20], detail=cleaned(str(said))[:500]
        )


def _key_in(event: Any) -> UUID | None:
    domain = re.escape(sender(settings.DEFAULT_FROM_EMAIL).domain)
    found = re.search(rf"\b([0-9a-f]{{32}})@{domain}\b", f"{event.message_id} {event.esp_event}"[:_LOOKED_AT])
    return UUID(found[1]) if found else None
