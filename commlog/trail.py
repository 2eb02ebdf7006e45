"""Reading the audit trail: its filter, its order, and an entry's change in words."""

import json
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone

from commlog.forms import DayField
from commlog.models import AuditEntry, User
from commlog.models.audit_entry import AuditAction
from commlog.paging import Sorting

NEWEST_FIRST = Sorting("newest", descending=True)
MOST_PEOPLE = 50
_SHOWN = {True: "yes", False: "no", None: "–", "": "–"}


class TrailForm(forms.Form):
    """Who, what, when."""

    who = forms.CharField(label="Who", max_length=150, required=False)
    action = forms.ChoiceField(label="What", choices=[("", "Everything"), *AuditAction.choices], required=False)
    since = DayField(label="From", required=False)
    until = DayField(label="To", required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse a span that ends before it begins, and a name that is too many people's."""
        cleaned = super().clean() or {}
        if (since := cleaned.get("since")) and (until := cleaned.get("until")) and until < since:
            self.add_error("until", "The last day lies before the first one.")
        if who := cleaned.get("who"):
            cleaned["people"] = self._people(who)
        return cleaned

    def _people(self, who: str) -> list[User]:
        named = Q()
        for word in who.split():
            named &= Q(username__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
        people = list(User.objects.filter(named)[: MOST_PEOPLE + 1])
        if not people:
            self.add_error("who", ValidationError("No user is called that."))
        if len(people) > MOST_PEOPLE:
            self.add_error("who", ValidationError(f"More than {MOST_PEOPLE} users are called that. Write more of the name."))
        return people


def narrow(entries: QuerySet[AuditEntry], conditions: dict[str, Any]) -> QuerySet[AuditEntry]:
    """The entries that meet the conditions. Somebody's entries are what that user did, and what was done to the user's account."""
    if people := conditions.get("people"):
        to_them = Q(target_kind="user", target_key__in=[person.key.hex for person in people])
        entries = entries.filter(Q(actor__in=people) | to_them)
    if action := conditions.get("action"):
        entries = entries.filter(action=action)
    if since := conditions.get("since"):
        entries = entries.filter(at__gte=timezone.make_aware(datetime.combine(since, time.min)))
    if until := conditions.get("until"):
        entries = entries.filter(at__lt=timezone.make_aware(datetime.combine(until + timedelta(days=1), time.min)))
    return entries


def changes(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """What changed: name, before, after ("" where there was none)."""
    before, after = entry.before or {}, entry.after or {}
    names = {**before, **after}
    return [(name, *(_shown(values[name]) if name in values else "" for values in (before, after))) for name in names]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value) or "–"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_shown(each)}" for name, each in value.items())
    if isinstance(value, bool | str | None):
        return _SHOWN.get(value) or str(value)
    return json.dumps(value)
