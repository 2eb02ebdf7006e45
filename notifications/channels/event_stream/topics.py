"""Names of topics."""

import re

from django.conf import settings

_TOPIC = re.compile(r"[A-Za-z0-9._\-]{1,300}")


def topic_of(event: str) -> str:
    """Return the default topic of a business event, or "" without an event."""
    return f"mrn.event.{settings.TENANT_NAME}.streamingapi.{event.lower()}" if event else ""


def is_topic(name: object) -> bool:
    """Return whether it is a valid name of a topic."""
    return isinstance(name, str) and _TOPIC.fullmatch(name) is not None
