"""Forms and form fields with errors in a clerk's words."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator

from notifications.channels.email import pasted_address, plain_address
from notifications.text import days, numbers

LONGEST_SEARCH = 200
LONGEST_USER_NAME = 150
EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)


class SearchField(forms.CharField):
    """A search box."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **({"widget": forms.TextInput(attrs={"type": "search", "enterkeyhint": "search"})} | kwargs)
        )
        # CharField's own validator says "Null characters are not allowed."
        self.validators = [
            MaxLengthValidator(LONGEST_SEARCH, f"Search for at most {LONGEST_SEARCH} characters."),
            _refuse_nul,
        ]


class PaceField(forms.IntegerField):
    """How many messages a minute a job resends; empty: as fast as possible."""

    def __init__(self) -> None:
        wrong = "Enter a whole number from 1 to 10,000, or leave empty."
        super().__init__(
            label="Maximum messages per minute",
            required=False,
            min_value=1,
            max_value=10_000,
            help_text="Leave empty to resend as fast as possible.",
            error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), wrong),
        )


class AddressField(forms.CharField):
    """An e-mail address, typed or pasted; stored as typed if mail can be sent to it."""

    def to_python(self, value: Any) -> str:
        return pasted_address(super().to_python(value) or "")

    def clean(self, value: Any) -> str:
        """Return the address. One that no mail can be sent to is rejected with the reason."""
        return _checked(super().clean(value), plain_address, "Enter a valid e-mail address: {0}.")


class NumberField(forms.CharField):
    """A mobile number, typed or pasted: with its country code, in the log's spelling."""

    def to_python(self, value: Any) -> str:
        text = numbers.plain(super().to_python(value) or "")
        try:
            return numbers.e164(text) if text else ""
        except ValueError:
            return text

    def clean(self, value: Any) -> str:
        return _checked(
            super().clean(value),
            numbers.e164,
            "Enter a valid mobile number, such as +49 170 1234567: {0}.",
        )


def _checked(value: str, read: Callable[[str], str], refusal: str) -> str:
    try:
        if value:
            read(value)
    except ValueError as error:
        raise ValidationError(refusal.format(error)) from error
    return value


class DayInput(forms.DateInput):
    """A text box for a day. ISO dates are shown in the organisation's format."""

    def format_value(self, value: Any) -> str | None:
        """Return the day in the organisation's format, or the text that was typed."""
        return days.written(value) if isinstance(value, date) else days.shown(value) if value else None


class DayField(forms.DateField):
    """A day of the organisation's calendar, typed in its format or as ISO 8601."""

    def __init__(self, **kwargs: Any) -> None:
        wrong = "Enter a day between 1 Jan 1970 and 31 Dec 2199, such as 2026-11-24."
        widget = DayInput(
            attrs={"data-day": True, "autocomplete": "off", "placeholder": settings.ORGANISATION_DATE_FORMAT}
        )
        defaults: dict[str, Any] = {"widget": widget, "error_messages": {"invalid": wrong}}
        super().__init__(**(defaults | kwargs))

    def strptime(self, value: str, format: str) -> date:
        """Return the day. Raises ValueError if it is none."""
        if (day := days.read(value)) is None:
            raise ValueError(value)
        return day

    def to_python(self, value: Any) -> date | None:
        """Return the day, within bounds that allow its midnight to be computed in every time zone."""
        day = super().to_python(value)
        if day is not None and not EARLIEST <= day <= LATEST:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return day


def _refuse_nul(value: str) -> None:
    if "\0" in value:
        raise ValidationError("The text contains a NUL character, which cannot be sent.")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text area.

    Only CR and LF end a line: str.splitlines also splits at U+2028, U+0085 and others, which values may
    contain.
    """
    return re.split(r"\r\n|\r|\n", text)
