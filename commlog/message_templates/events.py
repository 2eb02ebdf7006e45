"""Events pages: why something was or was not sent, by whom, what and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from commlog import permissions
from commlog.kit.fields import DayField
from commlog.kit.paging import Sorting
from commlog.kit.sentences import alone, sentence
from commlog.permissions import Person
from commlog.recipients import people
from notifications import events
from notifications.events import Entry
from notifications.faults import Malformed
from notifications.models import BusinessEvent, Client, Group, Message

NEWEST_FIRST = Sorting("received", ("received_at",), descending=True)
_NAMES = [("", "Any"), *((name, events.in_words(name)) for name in sorted(events.EVENTS))]
_SHOWN = 50  # messages of one template; a group may have thousands of members


class EventsForm(forms.Form):
    """Filter form: whom, what, when."""

    client = forms.CharField(label="Client", max_length=500, required=False)
    group = forms.CharField(label="Group", max_length=500, required=False)
    event = forms.ChoiceField(label="Event", choices=_NAMES, required=False)
    made = forms.ChoiceField(
        label="Messages",
        choices=[("", "Any number"), ("none", "Nothing was sent"), ("some", "Some")],
        required=False,
    )
    since = DayField(label="From", required=False)
    until = DayField(label="To", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for whom in ("client", "group"):
            self.fields[whom].widget.attrs |= {"placeholder": "name, ID or key", "autocomplete": "off"}
            self.fields[whom].validators = []

    def clean_client(self) -> Client | None:
        return self._found(Client, "client")

    def clean_group(self) -> Group | None:
        return self._found(Group, "group")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (since := cleaned.get("since")) and (until := cleaned.get("until")) and until < since:
            self.add_error("until", "The end date is before the start date.")
        return cleaned

    def _found(self, model: type[Any], whom: str) -> Any:
        text = self.cleaned_data[whom]
        if not text.strip():
            return None
        try:
            found = model.objects.filter(key=people.resolve(whom, text)).first()
        except Malformed as error:
            raise ValidationError(alone(sentence(error))) from error
        if found is None:
            raise ValidationError(f"No {whom} has this key.")
        return found


@dataclass(frozen=True, slots=True)
class Line:
    """A template in the trace of an event, with the current state of its messages."""

    entry: Entry
    messages: Sequence[Message]
    more: int  # messages that are not shown


def narrow(found: QuerySet[BusinessEvent], asked: dict[str, Any]) -> QuerySet[BusinessEvent]:
    """Return the events that meet the conditions."""
    found = found.filter(**{name: asked[name] for name in ("client", "group") if asked[name]})
    if asked["event"]:
        found = found.filter(name=asked["event"])
    if asked["made"]:
        found = (
            found.filter(message_count=0) if asked["made"] == "none" else found.filter(message_count__gt=0)
        )
    if asked["since"]:
        found = found.filter(received_at__gte=timezone.make_aware(datetime.combine(asked["since"], time.min)))
    if asked["until"]:
        found = found.filter(
            received_at__lt=timezone.make_aware(
                datetime.combine(asked["until"] + timedelta(days=1), time.min)
            )
        )
    return found


def lines_of(event: BusinessEvent, reader: Person) -> list[Line]:
    """Return the trace with its messages as the reader may see them, in one query."""
    entries, found = events.entries_of(event), permissions.as_read_by(reader, Message.objects.all())
    wanted = [UUID(key) for entry in entries for key in entry.messages[:_SHOWN]]
    by_key = (
        {message.key.hex: message for message in found.filter(key__in=wanted).only(*_READ)} if wanted else {}
    )
    return [
        Line(
            entry,
            [by_key[key] for key in entry.messages[:_SHOWN] if key in by_key],
            max(0, len(entry.messages) - _SHOWN),
        )
        for entry in entries
    ]


_READ = ("key", "type", "state", "destination", "recipient_name", "outcome", "failure_reason")
