"""The audit trail's page: filter, order, and an entry's changes in words."""

import json
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet, TextChoices
from django.utils import timezone

from commlog import audit
from commlog.kit.fields import DayField
from commlog.kit.limits import A_COUNT, TookTooLong, time_limit
from commlog.models import ApiConsumer, AuditEntry, User
from commlog.models.audit_entry import BY_ITSELF, AuditAction, AuditEntries
from commlog.recipients import people
from notifications.text.keys import key_in
from notifications.text.spelling import fold, tidy, words_of

MOST_PEOPLE, MOST_PROGRAMS, MOST_WORDS = 50, 10, 10
_BRACKETS = str.maketrans("()", "  ")
_MESSAGE = "message"
_HIDDEN = "hidden"
# Of the facts of an entry those that may name a destination or a text: where to, and conditions.
_TELL_CONTENT = frozenset({"to", "filter", "conditions", "criteria"})
_SHOWN = {True: "yes", False: "no", None: "–", "": "–"}


class By(TextChoices):
    """Filter by kind of actor."""

    PEOPLE = "", "People and programs"
    ITSELF = "itself", "Commlog (automatic)"
    ALL = "all", "Both"


class TrailForm(forms.Form):
    """Filter form: who, what, when."""

    who = forms.CharField(label="Who", max_length=150, required=False)
    by = forms.ChoiceField(label="Changed by", choices=By.choices, required=False)
    action = forms.ChoiceField(label="Action", choices=[("", "All"), *AuditAction.choices], required=False)
    since = DayField(label="From", required=False)
    until = DayField(label="To", required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (since := cleaned.get("since")) and (until := cleaned.get("until")) and until < since:
            self.add_error("until", "The end date is before the start date.")
        if who := cleaned.get("who"):
            cleaned["legs"] = self._legs(who)
        return cleaned

    def _legs(self, who: str) -> list[Q]:
        consumers = _consumers_named(who)
        programs = _programs_named(who, consumers)
        found = list(_people_named(who)[: MOST_PEOPLE + 1])
        users = found if found or programs else _people_named_before(who)
        if len(users) > MOST_PEOPLE or len(consumers) > MOST_PROGRAMS:
            self.add_error(
                "who",
                ValidationError("Too many users or programs match. Enter more of the name."),
            )
        elif not users and not programs:
            self.add_error("who", ValidationError("No user or program has this name."))
        keys = {
            "user": [user.key.hex for user in users],
            "API consumer": [consumer.key.hex for consumer in consumers],
        }
        done_to = [Q(target_kind=kind, target_key__in=those) for kind, those in keys.items() if those]
        done_by = [Q(actor__in=users)] if users else []
        return [*done_by, *done_to, *(Q(actor=None, actor_name=name) for name in programs)]


def _people_named(who: str) -> QuerySet[User]:
    """Users by key, or by user name and names, in whatever spelling and order; by a label of theirs, too."""
    if key := key_in(tidy(who)):
        return User.objects.filter(key=key)
    named = Q()
    for word in words_of(who.translate(_BRACKETS), most=MOST_WORDS):
        named &= people.called(word) | people.holds("username", word)
    return people.with_names("user").filter(named)


def _people_named_before(who: str) -> list[User]:
    """Users who were called exactly so when they did something. No index knows: all entries are read, for a
    second at most.
    """
    entries = AuditEntry.objects.filter(actor__isnull=False, actor_name=who)
    try:
        with time_limit(A_COUNT):
            return list(User.objects.filter(pk__in=entries.values("actor"))[: MOST_PEOPLE + 1])
    except TookTooLong:
        return []


def _consumers_named(who: str) -> list[ApiConsumer]:
    """Consumers, of which there are few, by words of their names."""
    words = [fold(word) for word in words_of(who.removesuffix(audit.PROGRAM), most=MOST_WORDS)]
    every = ApiConsumer.objects.only("key", "name")
    return [each for each in every if all(word in fold(each.name) for word in words)]


def _programs_named(who: str, consumers: Sequence[ApiConsumer]) -> list[str]:
    """Return matching program names: current consumers, commands, and the typed name itself (since
    renamed).
    """
    words = [fold(word) for word in words_of(who, most=MOST_WORDS)]
    names = [audit.program_name(consumer.name) for consumer in consumers[:MOST_PROGRAMS]]
    commands = (audit.Command(command).name for command in audit.COMMANDS)
    names += [name for name in commands if all(word in fold(name) for word in words)]
    typed = [name for name in (who, audit.program_name(who)) if name not in names]
    return names + [name for name in typed if AuditEntry.objects.filter(actor=None, actor_name=name).exists()]


def narrow(entries: QuerySet[AuditEntry], conditions: dict[str, Any]) -> QuerySet[AuditEntry]:
    """Return the entries that meet the conditions. A user's: their actions, and changes to their account."""
    if conditions.get("by") != By.ALL:
        entries = entries.filter(BY_ITSELF if conditions.get("by") == By.ITSELF else ~BY_ITSELF)
    if action := conditions.get("action"):
        entries = entries.filter(action=action)
    if since := conditions.get("since"):
        entries = entries.filter(at__gte=timezone.make_aware(datetime.combine(since, time.min)))
    if until := conditions.get("until"):
        entries = entries.filter(
            at__lt=timezone.make_aware(datetime.combine(until + timedelta(days=1), time.min))
        )
    return cast(AuditEntries, entries).of_any(legs) if (legs := conditions.get("legs")) else entries


def changes(entry: AuditEntry, *, masked: bool = False) -> list[tuple[str, str, str]]:
    """Return the changes: name, before, after ("" if there was none).

    `masked`: for readers who may not see message content or destinations.
    """
    before, after = entry.before or {}, entry.after or {}
    return [
        (name, _told(name, before, masked=masked), _told(name, after, masked=masked))
        for name in {**before, **after}
    ]


def about(entry: AuditEntry, *, masked: bool = False) -> str:
    """Return what an entry is about, in words."""
    if masked and entry.target_kind == _MESSAGE and entry.target_label:
        return entry.target_key or _HIDDEN
    return entry.target_label


def _told(name: str, values: dict[str, Any], *, masked: bool) -> str:
    if name not in values:
        return ""
    return _HIDDEN if masked and name in _TELL_CONTENT else _shown(values[name])


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value) or "–"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_shown(each)}" for name, each in value.items())
    if isinstance(value, bool | str | None):
        return _SHOWN.get(value) or str(value)
    return json.dumps(value)
