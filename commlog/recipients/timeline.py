"""The time line of a client or group: messages, and what was not sent and why, latest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from commlog import permissions
from commlog.permissions import Person
from commlog.recipients.kinds import Recipient, kind_of, messages_of
from notifications import events
from notifications.events import Entry
from notifications.models import BusinessEvent, Client, Group, Message

SHOWN = 25
_EVENTS = 50  # that are looked through for what was not sent
_LONG = ("content", "html", "headers")


@dataclass(frozen=True, slots=True)
class Line:
    """A message, or a message that a template did not send for an event."""

    at: datetime
    message: Message | None = None
    event: BusinessEvent | None = None
    entry: Entry | None = None
    details: Sequence[str] = ()  # of what was not sent: the values that decided it

    @property
    def happened(self) -> str:
        """The event's name in words."""
        return events.in_words(self.event.name) if self.event else ""


def timeline(recipient: Recipient, person: Person) -> list[Line] | None:
    """Return the latest lines; None if the reader may not read messages.

    What was not sent is shown to readers who may open the events' pages. If not all events could be searched,
    the column ends with the last one searched: nothing is missing between two lines.
    """
    if not permissions.may_read_recipient_log(person, kind_of(recipient).name):
        return None
    newest = messages_of(recipient, permissions.messages_for(person)).order_by("-created_at", "-pk")
    lines = [Line(each.created_at, message=each) for each in newest.defer(*_LONG)[:SHOWN]]
    tells = permissions.may_read_content(person)
    told = _events(recipient) if permissions.may_read_events(person) else []
    lines += [line for event in told for line in _silent(event, tells=tells)]
    if len(told) == _EVENTS:
        lines = [line for line in lines if line.at >= told[-1].received_at]
    return sorted(lines, key=lambda line: line.at, reverse=True)[:SHOWN]


def _events(recipient: Recipient) -> Sequence[BusinessEvent]:
    if not isinstance(recipient, Client | Group):
        return []
    about = BusinessEvent.objects.filter(**{kind_of(recipient).name: recipient})
    return list(about.defer("data").order_by("-received_at", "-pk")[:_EVENTS])


def _silent(event: BusinessEvent, *, tells: bool) -> Iterator[Line]:
    for entry in events.entries_of(event):
        if entry.silence:
            details = entry.details if tells else ()
            yield Line(event.received_at, event=event, entry=entry, details=details)
