"""How topics are called."""

import re

from django.conf import settings

_TOPIC = re.compile(r"[A-Za-z0-9._\-]{1,300}")


def topic_of(event: str) -> str:
    """The topic of a business event, for what names no other; nothing where there is no event."""
    return f"mrn.event.{settings.TENANT_NAME}.streamingapi.{event.lower()}" if event else ""


def is_topic(name: object) -> bool:
    """Whether it can be the name of a topic."""
    return isinstance(name, str) and _TOPIC.fullmatch(name) is not None
