"""The trace of an event: for each template its messages, or why there are none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import TextChoices

from notifications.models import BusinessEvent, NotificationTemplate


class Silence(TextChoices):
    """The reason why a template sent nothing."""

    INACTIVE = "INACTIVE", "the template is inactive"
    NOBODY_NAMED = "NOBODY_NAMED", "the event does not name a recipient for this template"
    CONDITION = "CONDITION", "condition not met"
    NOT_SUBSCRIBED = "NOT_SUBSCRIBED", "not subscribed"
    NO_RECIPIENT = "NO_RECIPIENT", "no recipient"
    NO_ADDRESS = "NO_ADDRESS", "no address or number on file"
    IMPOSSIBLE = "IMPOSSIBLE", "the message could not be created"


@dataclass(slots=True)
class Entry:
    """The result for one template. With several recipients, `silence` may concern only some of them."""

    template: str  # the key
    name: str  # as the template was called then
    type: str
    silence: str = ""
    details: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)  # their keys

    def fall_silent(self, why: Silence, *details: str) -> None:
        """Record why a message was not created."""
        self.silence = self.silence or why.value
        self.details += details

    @property
    def why(self) -> str:
        """The reason in words; "" if all messages were created."""
        return str(Silence(self.silence).label) if self.silence in Silence else self.silence


def begun(template: NotificationTemplate) -> Entry:
    """Return an empty entry for a template."""
    return Entry(template.key.hex, template.name, template.type)


def entries_of(event: BusinessEvent) -> list[Entry]:
    """Return the trace stored with the event."""
    return [Entry(*stored) for stored in event.trace]


def stored(entries: Sequence[Entry]) -> list[list[Any]]:
    """Return the trace in the form of rows.

    Field names are left out: they would be half of its size and writing time.
    """
    return [
        [each.template, each.name, each.type, each.silence, each.details, each.messages] for each in entries
    ]


def keys_in(trace: Sequence[Sequence[Any]]) -> list[UUID]:
    """Return the keys of the messages in a stored trace."""
    return [UUID(key) for stored in trace for key in Entry(*stored).messages]


def message_keys(event: BusinessEvent) -> list[UUID]:
    """Return the keys of the messages that the event led to."""
    return keys_in(event.trace)
