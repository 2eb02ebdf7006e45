"""Forms of retention periods and legal holds."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone

from commlog.kit.edit_conflicts import SeenForm
from commlog.kit.fields import DayField
from commlog.models import CustomView, RetentionPeriod
from commlog.models.column_layout import LogKind
from commlog.models.retention import LONGEST, OF_MESSAGES, Kept
from commlog.permissions import Person, views_for
from commlog.recipients import people
from commlog.retention.periods import EVERYTHING, Days, Policy, Scope
from notifications.models import Client, Group, Message, NotificationTemplate
from notifications.states import MessageType
from notifications.text.keys import key_in

_HELP = {
    Kept.WORDS: "Subject, text, HTML and headers. The entry stays in the log and cannot be resent.",
    Kept.MESSAGES: "The entry with its attempts and receipts. Resends are deleted with their original.",
    Kept.ATTEMPTS: "What servers answered. The number of attempts is kept.",
    Kept.RECEIPTS: "What providers reported later. The result is kept.",
    Kept.EVENTS: "The events that systems reported, and why nothing was sent.",
    Kept.AUDIT: "Who did what, sign-ins included.",
    Kept.READINGS: "Who opened, listed, exported or fetched which messages, and when.",
}
_WRONG = f"Enter a whole number of days from 1 to {LONGEST:,}, or leave empty."
_TEXT_LONGER = "The text cannot be kept longer than its message. Enter at most {} days."
MOST_TEMPLATES = 500


class DaysField(forms.IntegerField):
    """Retention in days; empty: for ever."""

    def __init__(self, what: Kept) -> None:
        super().__init__(
            label=f"{what.label} (days)",
            required=False,
            min_value=1,
            max_value=LONGEST,
            help_text=_HELP[what],
            error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), _WRONG),
        )


class _Periods(SeenForm, forms.Form):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        words, rows = (cleaned.get(each.lower()) for each in OF_MESSAGES)
        if words and rows and words > rows:
            self.add_error("words", _TEXT_LONGER.format(rows))
        return cleaned

    def values(self) -> dict[Kept, Days]:
        return {what: self.cleaned_data[what.lower()] for what in Kept if what.lower() in self.fields}


class PeriodsForm(_Periods):
    """Retention periods of everything."""

    def __init__(self, data: QueryDict | None) -> None:
        rows = RetentionPeriod.objects.filter(channel="", template=None)
        super().__init__(data, initial={row.what.lower(): row.days for row in rows})
        for what in Kept:
            self.fields[what.lower()] = DaysField(what)
        self.watch()


class ExceptionForm(_Periods):
    """Retention periods of a channel or a template."""

    of = forms.ChoiceField(
        label="For",
        help_text="A template’s period overrides its channel’s.",
        error_messages={
            "invalid_choice": "It has an exception already, or no longer exists. Open it under Retention."
        },
    )

    def __init__(self, data: QueryDict | None, *, scope: Scope | None = None) -> None:
        days: dict[str, Any] = {}
        if scope:
            rows = RetentionPeriod.objects.filter(channel=scope[0], template=scope[1])
            days = {row.what.lower(): row.days for row in rows}
        super().__init__(data, initial=days)
        if scope:
            del self.fields["of"]
        else:
            self.fields["of"].choices = list(_choices())  # type: ignore[attr-defined]
        for what in OF_MESSAGES:
            self.fields[what.lower()] = DaysField(what)
        if scope:
            self.watch()

    @property
    def scope(self) -> Scope:
        channel, _, template = self.cleaned_data["of"].partition(":")
        return ("", int(template)) if template else (channel, None)


class HoldForm(forms.Form):
    """A legal hold: its subject (by ID, key or a view’s name), reason and end."""

    of = forms.ChoiceField(
        label="Put on hold",
        choices=[("client", "Client"), ("group", "Group"), ("message", "Message"), ("view", "View")],
    )
    which = forms.CharField(
        label="ID, key or name",
        max_length=256,
        help_text="The ID or key of the client or group, the key of the message, or the name of the view.",
    )
    reason = forms.CharField(
        label="Reason", max_length=500, help_text="Shown to everyone who opens a message on hold."
    )
    until = DayField(
        label="Until",
        required=False,
        help_text="The last day of the hold. Leave empty to keep it until someone lifts it.",
    )

    def __init__(self, data: QueryDict | None, *, user: Person, initial: dict[str, str]) -> None:
        super().__init__(data, initial=initial)
        self._user = user

    def clean_until(self) -> datetime | None:
        day = self.cleaned_data["until"]
        if day is None:
            return None
        ends = timezone.make_aware(datetime.combine(day + timedelta(days=1), time()))
        if ends <= timezone.now():
            raise ValidationError("Enter today or a later day.")
        return ends

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind, which = cleaned.get("of"), cleaned.get("which", "").strip()
        if kind and which and (found := self._found(kind, which)):
            cleaned["what"] = found
        elif kind and which:
            self.add_error("which", f"No {kind} found. Check the spelling.")
        return cleaned

    def _found(self, kind: str, which: str) -> Client | Group | Message | CustomView | None:
        if kind == "message":
            key = key_in(which)
            return Message.objects.filter(key=key).first() if key else None
        if kind == "view":
            return views_for(self._user, LogKind.LOG).filter(name=which).first()
        found: Client | Group | None = people.exactly_meant(kind, which)
        return found


def _choices() -> Any:
    policy = Policy.at_moment(timezone.now())
    taken = {scope for _, scope in policy.periods} - {EVERYTHING}
    for channel in MessageType:
        if (channel.value, None) not in taken:
            yield channel.value, f"Channel: {channel.label}"
    for template in NotificationTemplate.objects.order_by("name")[:MOST_TEMPLATES]:
        if ("", template.pk) not in taken:
            yield f"{template.type}:{template.pk}", f"Template: {template.name}"
