"""The forms of signing in and of a user's own sessions."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from commlog.account import passwords
from commlog.kit.fields import LONGEST_USER_NAME


class SignInForm(AuthenticationForm):
    """Django's, with the name's length checked. Raises passwords.Refused if it must not be looked at."""

    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": "The user name or password is wrong. Capital and small letters are different."
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name"

    def clean_username(self) -> str:
        """The user name, which may be wrong but not longer than any is."""
        name: str = self.cleaned_data["username"]
        if len(name) > LONGEST_USER_NAME:
            raise ValidationError(f"A user name has at most {LONGEST_USER_NAME} characters.")
        return name

    def clean(self) -> dict[str, Any]:
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if name and password and self.request is not None:
            self.user_cache = passwords.verified(self.request, name, password)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
        return self.cleaned_data


class ForgottenForm(forms.Form):
    """Whose password is forgotten."""

    username = forms.CharField(
        label="User name",
        max_length=LONGEST_USER_NAME,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
        ),
    )


class SessionForm(forms.Form):
    """Which of the own sessions is to end; none: all others."""

    session = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
