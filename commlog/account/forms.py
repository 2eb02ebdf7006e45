"""Forms of sign-in and of a user's own sessions."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from commlog.account import passwords
from commlog.kit.fields import LONGEST_USER_NAME


class SignInForm(AuthenticationForm):
    """Django's form, with the length of the name checked. Raises passwords.Refused if the password may not
    be checked.
    """

    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": "The user name or password is wrong. Capital and small letters are different."
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name"

    def clean_username(self) -> str:
        """Return the user name; reject one longer than any can be."""
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
    """Request for a password reset."""

    username = forms.CharField(
        label="User name",
        max_length=LONGEST_USER_NAME,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
        ),
    )


class SessionForm(forms.Form):
    """The own session to end; if none is given, all others."""

    session = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
