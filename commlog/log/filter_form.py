"""The form of the filter bar, and its field for what a bulk resend has made."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from commlog.models.outcomes import JOB_PARTS, Outcome
from notifications.text.keys import key_in


class JobField(forms.CharField):
    """A bulk resend's key (what it has made), or key and outcome: `<key>.DELIVERED`."""

    def clean(self, value: Any) -> tuple[UUID, str] | None:
        """The key and the outcome."""
        text = str(super().clean(value) or "")
        if not text:
            return None
        written, _, part = text.partition(".")
        key = key_in(written)
        if key is None or (part or Outcome.RESENT) not in JOB_PARTS:
            raise ValidationError("There is no such bulk resend.")
        return key, part or Outcome.RESENT.value


class ConditionsForm(forms.Form):
    """The filter bar."""

    def clean(self) -> dict[str, Any]:
        """Refuse spans that end before they begin."""
        cleaned = super().clean() or {}
        for name, end in list(cleaned.items()):
            start = cleaned.get(f"{name.removesuffix('_to')}_from") if name.endswith("_to") else None
            if start and end and end < start:
                self.add_error(name, "The last day lies before the first one.")
        return cleaned
