"""Forms and form fields, with errors in a clerk's words."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator

from notifications.channels.email import pasted_address, plain_address
from notifications.text import numbers

LONGEST_SEARCH = 200
LONGEST_USER_NAME = 150
EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)


class SearchField(forms.CharField):
    """One box for everything."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **({"widget": forms.TextInput(attrs={"type": "search", "enterkeyhint": "search"})} | kwargs)
        )
        # CharField's own validator says "Null characters are not allowed."
        self.validators = [
            MaxLengthValidator(LONGEST_SEARCH, f"Search for at most {LONGEST_SEARCH} characters."),
            _refuse_nul,
        ]


class AddressField(forms.CharField):
    """An e-mail address, typed or pasted. It is kept as it was typed, if mail can be sent there."""

    def to_python(self, value: Any) -> str:
        """The address without what was pasted along."""
        return pasted_address(super().to_python(value) or "")

    def clean(self, value: Any) -> str:
        """The address. What no mail can be sent to is refused, with the reason."""
        return _checked(super().clean(value), plain_address, "This is not an e-mail address: {0}.")


class NumberField(forms.CharField):
    """A mobile number, typed or pasted: with its country's code, in the spelling that the log keeps."""

    def to_python(self, value: Any) -> str:
        """The number in that spelling; what is none, without what was pasted along."""
        text = numbers.plain(super().to_python(value) or "")
        try:
            return numbers.e164(text) if text else ""
        except ValueError:
            return text

    def clean(self, value: Any) -> str:
        """The number. What is none is refused, with the reason."""
        return _checked(
            super().clean(value),
            numbers.e164,
            "This is not a mobile number: {0}. Write it like +49 170 1234567.",
        )


def _checked(value: str, read: Callable[[str], str], refusal: str) -> str:
    try:
        if value:
            read(value)
    except ValueError as error:
        raise ValidationError(refusal.format(error)) from error
    return value


class DayField(forms.DateField):
    """A day of the organisation's calendar, as `<input type="date">` sends it."""

    def __init__(self, **kwargs: Any) -> None:
        wrong = "Enter a day between 1 Jan 1970 and 31 Dec 2199, such as 2026-11-24."
        widget = forms.DateInput(
            format="%Y-%m-%d", attrs={"type": "date", "min": EARLIEST.isoformat(), "max": LATEST.isoformat()}
        )
        defaults: dict[str, Any] = {
            "input_formats": ["%Y-%m-%d"],
            "widget": widget,
            "error_messages": {"invalid": wrong},
        }
        super().__init__(**(defaults | kwargs))

    def to_python(self, value: Any) -> date | None:
        """The day. Outside the bounds its midnight could not be computed in every time zone."""
        day = super().to_python(value)
        if day is not None and not EARLIEST <= day <= LATEST:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return day


def _refuse_nul(value: str) -> None:
    if "\0" in value:
        raise ValidationError("The text holds a NUL character, which no message can hold.")


def lines_of(text: str) -> list[str]:
    """The lines of a text area.

    CR and LF alone end one: str.splitlines does so at U+2028, U+0085 and others too, which values may hold.
    """
    return re.split(r"\r\n|\r|\n", text)
