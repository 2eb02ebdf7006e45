"""The trace of an event: for each template that it concerns, the messages that were made, or why there are
none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import TextChoices

from notifications.models import BusinessEvent, NotificationTemplate


class Silence(TextChoices):
    """Why a template stayed silent."""

    INACTIVE = "INACTIVE", "The template is switched off"
    NOBODY_NAMED = "NOBODY_NAMED", "The event does not name whom the template is about"
    CONDITION = "CONDITION", "A condition does not hold"
    NOT_SUBSCRIBED = "NOT_SUBSCRIBED", "Not subscribed"
    NO_RECIPIENT = "NO_RECIPIENT", "There is nobody to send it to"
    NO_ADDRESS = "NO_ADDRESS", "An address is missing"
    IMPOSSIBLE = "IMPOSSIBLE", "It cannot be written"


@dataclass(slots=True)
class Entry:
    """What became of one template. Where it went to several people, `silence` may concern some of them
    alone.
    """

    template: str  # the key
    name: str  # as the template was called then
    type: str
    silence: str = ""
    details: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)  # their keys

    def fall_silent(self, why: Silence, *details: str) -> None:
        """Note why something was not made."""
        self.silence = self.silence or why.value
        self.details += details

    @property
    def why(self) -> str:
        """The reason in words; "" where everything was made."""
        return str(Silence(self.silence).label) if self.silence in Silence else self.silence


def begun(template: NotificationTemplate) -> Entry:
    """The entry of a template of which nothing is known yet."""
    return Entry(template.key.hex, template.name, template.type)


def entries_of(event: BusinessEvent) -> list[Entry]:
    """The trace as the event's row holds it."""
    return [Entry(*stored) for stored in event.trace]


def stored(entries: Sequence[Entry]) -> list[list[Any]]:
    """The trace as a row holds it: values without their names, which are half of its size and of the time to
    write it.
    """
    return [
        [each.template, each.name, each.type, each.silence, each.details, each.messages] for each in entries
    ]


def message_keys(event: BusinessEvent) -> list[UUID]:
    """The messages that the event led to."""
    return [UUID(key) for entry in entries_of(event) for key in entry.messages]
