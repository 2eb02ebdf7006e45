"""The filter bar of the log: which conditions there are, what their values may be, and what they select."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import django_filters
from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from commlog.bulk.outcomes import JOB_PARTS, LEFT, Outcome
from commlog.forms import ConditionsForm, DayField, JobField, SearchField
from commlog.models import JobItem, User
from commlog.search import search
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.states import LIVE, MessageState, MessageType

SYSTEM = "system"
UNDELIVERED = "UNDELIVERED"
PENDING = "PENDING"
# Both kinds of QUEUED are shown as one word, so they are asked for as one.
STATES: dict[str, list[MessageState]] = {
    MessageState.FAILED.value: [MessageState.FAILED],
    PENDING: sorted(LIVE),
    MessageState.QUEUED.value: [MessageState.QUEUED, MessageState.QUEUED_FOR_STREAM],
    MessageState.SENDING_ASYNC.value: [MessageState.SENDING_ASYNC],
    MessageState.WAITING.value: [MessageState.WAITING],
    MessageState.SENT.value: [MessageState.SENT],
}
_STATE_CHOICES = [
    (MessageState.FAILED.value, "Failed"),
    (UNDELIVERED, "Not yet delivered"),
    (PENDING, "Waiting to be sent"),
    (MessageState.QUEUED.value, "– Queued"),
    (MessageState.SENDING_ASYNC.value, "– Sending"),
    (MessageState.WAITING.value, "– Waiting"),
    (MessageState.SENT.value, "Sent"),
]


class SearchFilter(django_filters.CharFilter):
    """A filter over the search box."""

    field_class = SearchField


class DayFilter(django_filters.DateFilter):
    """A filter over a day of the organisation's calendar."""

    field_class = DayField


class JobFilter(django_filters.CharFilter):
    """A filter over what a bulk resend did."""

    field_class = JobField


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that is set: the name of its parameter, what it is called, its value in words, and what is wrong with it."""

    name: str
    label: str
    value: str
    wrong: str = ""


class MessageFilter(django_filters.FilterSet):
    """The conditions of the filter bar over a scope of messages."""

    q = SearchFilter(label="Person, address, number, key or text", method="by_search")
    state = django_filters.ChoiceFilter(
        label="State",
        method="by_state",
        choices=_STATE_CHOICES,
        empty_label="Any state",
        error_messages={"invalid_choice": "There is no such state."},
    )
    type = django_filters.ChoiceFilter(
        label="Type", choices=MessageType.choices, empty_label="Any type", error_messages={"invalid_choice": "There is no such type."}
    )
    sender = django_filters.ChoiceFilter(
        label="Sent by",
        method="by_sender",
        choices=[],
        empty_label="Anybody",
        error_messages={"invalid_choice": "There is no such sender."},
    )
    created_from = DayFilter(label="Created from", method="by_first_day")
    created_to = DayFilter(label="Created to", method="by_last_day")
    job = JobFilter(label="Bulk resend", method="by_job")  # links of its report set it, the bar has no field for it

    class Meta:
        model = Message
        fields: list[str] = []
        form = ConditionsForm

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["sender"].extra["choices"] = _senders()  # read once: a callable would be asked for each use

    def by_search(self, messages: MessageQuerySet, _name: str, text: str) -> MessageQuerySet:
        """Person, address, number, key or text."""
        return search(messages, text)

    def by_state(self, messages: MessageQuerySet, _name: str, value: str) -> MessageQuerySet:
        """A state, several under one name, or what still needs somebody's care."""
        if value == UNDELIVERED:
            # The annotations of with_later() are beyond the type checker.
            return messages.failed().with_later().filter(delivered_later=False, live_later=False)  # type: ignore[misc]
        return messages.filter(state__in=STATES[value])

    def by_sender(self, messages: MessageQuerySet, _name: str, value: str) -> MessageQuerySet:
        """The system, or a member of staff."""
        return messages.filter(sender_user=None) if value == SYSTEM else messages.filter(sender_user__key=value)

    def by_first_day(self, messages: MessageQuerySet, _name: str, day: date) -> MessageQuerySet:
        """Created on that day or later."""
        return messages.filter(created_at__gte=_midnight(day))

    def by_last_day(self, messages: MessageQuerySet, _name: str, day: date) -> MessageQuerySet:
        """Created on that day or earlier."""
        return messages.filter(created_at__lt=_midnight(day + timedelta(days=1)))

    def by_job(self, messages: MessageQuerySet, _name: str, asked: tuple[UUID, str]) -> MessageQuerySet:
        """What a bulk resend has made, or those of its messages that had another outcome."""
        key, outcome = asked
        items = JobItem.objects.filter(job__key=key, outcome="" if outcome == LEFT else outcome)
        return messages.filter(pk__in=items.values("new" if outcome == Outcome.RESENT else "message"))

    def conditions(self) -> Iterator[Condition]:
        """The conditions that are set, wrong ones included."""
        for name, field in self.form.fields.items():
            given = self.data.get(name, "").strip()
            if given:
                wrong = " ".join(str(error) for error in self.form.errors.get(name, []))
                yield Condition(name, "Search" if name == "q" else str(field.label), given if wrong else self._in_words(name), wrong)

    def _in_words(self, name: str) -> str:
        value = self.form.cleaned_data[name]
        if isinstance(value, tuple):
            return f"{JOB_PARTS[value[1]]} ({value[0].hex[:8]})"
        if isinstance(value, date):
            return f"{value.day} {value:%b %Y}"
        choices = dict(getattr(self.form.fields[name], "choices", ()))
        return str(choices.get(value, value)).removeprefix("– ")


def _senders() -> list[tuple[str, str]]:
    """The system, and everybody who has sent a message."""
    wrote = Message.objects.filter(sender_user=OuterRef("pk"))
    staff = User.objects.filter(Exists(wrote)).order_by("first_name", "last_name", "username")
    return [(SYSTEM, f"{settings.SYSTEM_SENDER_NAME} (automatic)"), *((person.key.hex, person.name) for person in staff)]


def _midnight(day: date) -> datetime:
    """When the day begins, in the organisation's zone. A bound in time, not a date function of each row: indexes serve it."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())
