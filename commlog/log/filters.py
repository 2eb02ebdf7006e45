"""The filter bar, built from the fields that have a `bar`, by kind."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from typing import Any, TypeVar
from uuid import UUID

import django_filters
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet

from commlog.kit.fields import DayField, SearchField
from commlog.kit.sentences import alone, sentence
from commlog.kit.widgets import PlainWidgets
from commlog.log import search
from commlog.log.search import Search, Searched
from commlog.models import JobItem, User
from commlog.models.outcomes import JOB_PARTS, LEFT, Outcome
from notifications import criteria
from notifications.criteria import FIELDS, Criterion, Field, Kind, Operator
from notifications.database.cached_sql import CachedQuery
from notifications.faults import Malformed
from notifications.models import Message
from notifications.models.message import MessageQuerySet
from notifications.states import LIVE, MessageState
from notifications.text.days import written
from notifications.text.keys import key_in

Made = TypeVar("Made")
Offer = Mapping[str, tuple[str, Criterion]]  # a value: what it is called, and what it asks
SYSTEM = "system"
FROM, TO = "_from", "_to"
# Choices that stand for others than their field's own. Both kinds of QUEUED are shown as one word, so they
# are asked for as one.
_OFFERED: Mapping[str, Offer] = {
    "state": {
        MessageState.FAILED.value: ("Failed", Criterion("state", Operator.IN, (MessageState.FAILED,))),
        "UNDELIVERED": ("Not yet delivered", Criterion("undelivered", Operator.EQUALS, ("true",))),
        "PENDING": ("Waiting to be sent", Criterion("state", Operator.IN, tuple(sorted(LIVE)))),
        MessageState.QUEUED.value: (
            "– Queued",
            Criterion("state", Operator.IN, (MessageState.QUEUED, MessageState.QUEUED_FOR_STREAM)),
        ),
        MessageState.SENDING_ASYNC.value: (
            "– Sending",
            Criterion("state", Operator.IN, (MessageState.SENDING_ASYNC,)),
        ),
        MessageState.WAITING.value: ("– Waiting", Criterion("state", Operator.IN, (MessageState.WAITING,))),
        MessageState.SENT.value: ("Sent", Criterion("state", Operator.IN, (MessageState.SENT,))),
    },
}
_YES_NO = (("true", "yes"), ("false", "no"))
# Stretches of time that are counted from today or from now: an operator, and how many.
_LATELY = (
    ("TODAY", "Today"),
    ("YESTERDAY", "Yesterday"),
    ("LAST_HOURS.2", "Last 2 hours"),
    ("LAST_HOURS.24", "Last 24 hours"),
    ("THIS_WEEK", "This week"),
    ("LAST_WEEK", "Last week"),
    ("LAST_DAYS.7", "Last 7 days"),
    ("THIS_MONTH", "This month"),
    ("LAST_MONTH", "Last month"),
    ("LAST_DAYS.30", "Last 30 days"),
)


class JobField(forms.CharField):
    """A bulk resend's key (the messages it created), or key and outcome: `<key>.DELIVERED`."""

    def clean(self, value: Any) -> tuple[UUID, str] | None:
        text = str(super().clean(value) or "")
        if not text:
            return None
        written, _, part = text.partition(".")
        key = key_in(written)
        if key is None or (part or Outcome.RESENT) not in JOB_PARTS:
            raise ValidationError("Bulk resend not found.")
        return key, part or Outcome.RESENT.value


class ConditionsForm(forms.Form):
    """The filter bar's form."""

    default_renderer = PlainWidgets

    def clean(self) -> dict[str, Any]:
        """Reject ranges that end before they begin."""
        cleaned = super().clean() or {}
        for name, end in list(cleaned.items()):
            start = cleaned.get(f"{name.removesuffix('_to')}_from") if name.endswith("_to") else None
            if start and end and end < start:
                self.add_error(name, "The end date is before the start date.")
        return cleaned


class LogSearchField(SearchField):
    """The search box of a log, which resolves the ID typed."""

    def clean(self, value: Any) -> Search | None:
        text: str = super().clean(value)
        return _or_refuse(search.read, text) if text else None


class SearchFilter(django_filters.CharFilter):
    """A filter with the search box."""

    field_class = LogSearchField


class TypedField(SearchField):
    """A typed value of a field, validated by the table of fields."""

    def __init__(self, *, of: Field, **kwargs: Any) -> None:
        self.of = of
        super().__init__(**kwargs)

    def clean(self, value: Any) -> str:
        """Return the value as typed, if the field can be searched for it."""
        text: str = super().clean(value)
        if text:
            _or_refuse(lambda value: criteria.parse(self.of.key, _operator(self.of), [value]), text)
        return text


def _or_refuse(read: Callable[[str], Made], text: str) -> Made:
    try:
        return read(text)
    except Malformed as error:
        raise ValidationError(alone(sentence(error))) from error


class TypedFilter(django_filters.CharFilter):
    """A filter with a typed value."""

    field_class = TypedField  # type: ignore[assignment]  # it needs to know its field besides


class DayFilter(django_filters.DateFilter):
    """A filter with a day of the organisation's calendar."""

    field_class = DayField


class JobFilter(django_filters.CharFilter):
    """A filter by the result of a bulk resend."""

    field_class = JobField


@dataclass(frozen=True, slots=True)
class Condition:
    """A set condition: parameter, label, value in words, and what is wrong with it."""

    name: str
    label: str
    value: str
    wrong: str = ""
    at: int = 0  # its place among More conditions, whose parameters have one name


def _made(field: Field) -> Iterator[tuple[str, django_filters.Filter]]:
    """Yield a field's filters: three for a time, a choice if its values are known, else a text box."""
    label = field.label.partition(" (")[0]
    if field.kind == Kind.DATE_TIME:
        yield (
            field.bar,
            django_filters.ChoiceFilter(
                label=label,
                method="by_field",
                choices=_LATELY,
                empty_label="Any time",
                error_messages={"invalid_choice": "There is no such time span."},
            ),
        )
        yield field.bar + FROM, DayFilter(label=f"{label} from", method="by_field")
        yield field.bar + TO, DayFilter(label=f"{label} to", method="by_field")
    elif field.choices or field.kind == Kind.BOOLEAN or field.whom == "user":
        offered = (
            [(value, name) for value, (name, _) in _OFFERED[field.key].items()]
            if field.key in _OFFERED
            else field.choices
        )
        yield (
            field.bar,
            django_filters.ChoiceFilter(
                label=label,
                method="by_field",
                choices=offered or _YES_NO,
                empty_label="Anyone" if field.whom else f"Any {label.lower()}",
                error_messages={"invalid_choice": f"Unknown {field.bar}."},
            ),
        )
    else:
        yield field.bar, TypedFilter(label=label, method="by_field", of=field)


class MessageFilter(django_filters.FilterSet):
    """The conditions of the filter bar over a scope of messages."""

    q = SearchFilter(label="Person, address, number, key or text", method="by_search")
    # Links of its report set it, the bar has no field for it.
    job = JobFilter(label="Bulk resend", method="by_job")

    class Meta:
        model = Message
        fields: list[str] = []
        form = ConditionsForm

    @classmethod
    def get_filters(cls) -> dict[str, django_filters.Filter]:
        """Return the search box, and one filter or more per field of the bar."""
        made = {name: each for field in FIELDS.values() if field.bar for name, each in _made(field)}
        for name, each in made.items():
            each.field_name = name  # django-filter sets it of those alone that a class declares
        return super().get_filters() | made

    def __init__(self, *args: Any, now: datetime | None = None, widely: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.searched: Searched | None = None  # how texts were searched, if they were
        self.widely = widely  # whether no text may be missed, whatever that takes
        self.names_somebody = False  # whether the box named whom or what is listed: texts are not asked then
        if self.queryset.masked:
            self.filters["q"].label = "Person, ID, key or reference"
        self.now = now  # the moment that relative days go by, where it is not the present one
        for field in FIELDS.values():
            if field.bar and field.whom == "user":
                # Read once, and not where nothing asks for it: most filters only count.
                self.filters[field.bar].extra["choices"] = cache(partial(_staff, field))

    def by_search(self, messages: MessageQuerySet, _name: str, asked: Search) -> MessageQuerySet:
        """Filter by person, address, number, key or text."""
        named = search.named_by(messages, asked)
        self.names_somebody = named is not None
        if named is not None:
            return named
        self.searched = search.search(messages, asked, widely=self.widely)
        return self.searched.messages

    def by_field(self, messages: MessageQuerySet, name: str, value: str | date) -> MessageQuerySet:
        """Filter by a field, with the criterion of the table of fields."""
        return criteria.narrow(messages, [_asked(name, value)], now=self.now)

    def by_job(self, messages: MessageQuerySet, _name: str, asked: tuple[UUID, str]) -> MessageQuerySet:
        """Filter by what a bulk resend created, or by its messages with another outcome."""
        key, outcome = asked
        items = JobItem.objects.filter(job__key=key, outcome="" if outcome == LEFT else outcome)
        return messages.filter(pk__in=items.values("new" if outcome == Outcome.RESENT else "message"))

    def conditions(self) -> Iterator[Condition]:
        """Yield the conditions that are set, invalid ones included."""
        for name, field in self.form.fields.items():
            given = self.data.get(name, "").strip()
            if given:
                wrong = " ".join(str(error) for error in self.form.errors.get(name, []))
                yield Condition(
                    name,
                    "Search" if name == "q" else str(field.label),
                    given if wrong else self._in_words(name),
                    wrong,
                )

    def _in_words(self, name: str) -> str:
        value = self.form.cleaned_data[name]
        if isinstance(value, tuple):
            return f"{JOB_PARTS[value[1]]} ({value[0].hex[:8]})"
        if isinstance(value, date):
            return written(value)
        choices = dict(getattr(self.form.fields[name], "choices", ()))
        return str(choices.get(value, value)).removeprefix("– ")


BAR = frozenset(MessageFilter.get_filters())  # the names of its parameters


def _asked(name: str, value: str | date) -> Criterion:
    """Return the criterion of a value in the bar."""
    field = next(
        field
        for field in FIELDS.values()
        if field.bar and name in (field.bar, field.bar + FROM, field.bar + TO)
    )
    if isinstance(value, date):
        edge = Operator.AFTER_INCLUSIVE if name.endswith(FROM) else Operator.BEFORE_INCLUSIVE
        return Criterion(field.key, edge, (value.isoformat(),))
    if field.kind == Kind.DATE_TIME:
        operator, _, number = value.partition(".")
        return criteria.parse(field.key, operator, [number] if number else [])
    if field.key in _OFFERED:
        return _OFFERED[field.key][value][1]
    if field.whom == "user" and value == SYSTEM:
        return Criterion(field.key, Operator.EMPTY)
    return criteria.parse(field.key, _operator(field), [value])


def _operator(field: Field) -> Operator:
    """Return the operator that the bar applies to a single value."""
    return Operator.CONTAINS if field.kind in (Kind.STRING, Kind.TEXT) else Operator.EQUALS


def _staff(field: Field) -> list[tuple[str, str]]:
    """Return the options of a staff field: the system, and everybody it names in messages."""
    return [
        (SYSTEM, f"{settings.SYSTEM_SENDER_NAME} (automatic)"),
        *((person.key.hex, person.name) for person in _NAMED[field.key].rows()),
    ]


def _named_by(column: str) -> QuerySet[User]:
    named = Message.objects.filter(**{column: OuterRef("pk")})
    names = ("first_name", "last_name", "username")
    return User.objects.filter(Exists(named)).order_by(*names).only("key", *names)


_NAMED = {
    field.key: CachedQuery(partial(_named_by, field.column))
    for field in FIELDS.values()
    if field.bar and field.whom == "user"
}
