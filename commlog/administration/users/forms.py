"""Forms of users: list, details and passwords."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from commlog.account import links, passwords
from commlog.kit.edit_conflicts import SeenForm
from commlog.kit.fields import AddressField, NumberField
from commlog.kit.paging import Sorting
from commlog.kit.role_choice import RolesField, all_roles
from commlog.models import User
from commlog.recipients import people
from commlog.recipients.kinds import KINDS, search

BY_NAME = Sorting("name", ("username",))
LONGEST_PASSWORD = 128


_RULES = "At least 12 characters, and not a common password. Several words are easiest to remember."


class PasswordField(forms.CharField):
    """A password, unstripped. `kept_as`: its autocomplete token for password managers."""

    def __init__(self, *, label: str, help_text: str = "", kept_as: str = "new-password") -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": kept_as})
        super().__init__(
            label=label, help_text=help_text, widget=widget, max_length=LONGEST_PASSWORD, strip=False
        )


class UserForm(SeenForm, forms.ModelForm):
    """A member of staff."""

    roles = RolesField(label="Roles", help_text="The user gets the permissions of all selected roles.")

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "email", "mobile_phone", "api_access"]
        field_classes = {"email": AddressField, "mobile_phone": NumberField}
        labels = {
            "username": "User name",
            "email": "E-mail address",
            "mobile_phone": "Mobile number",
            "api_access": "API access",
        }
        help_texts = {
            "username": "Used to sign in: letters, digits and @ . + - _",
            "first_name": "First and last name are shown as the sender in the log.",
            "api_access": "With the same permissions as on the pages.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs |= {
            "autocomplete": "off",
            "autocapitalize": "none",
            "autofocus": False,
        }
        if self.instance.pk:
            self.initial.setdefault("roles", self.instance.groups.all())
            self.watch()

    def clean_username(self) -> str:
        """Reject a name that differs from another only in case; existing pairs may stay."""
        name: str = self.cleaned_data["username"]
        if name != self.initial.get("username") and (
            other := people.taken_by("user", name, besides=self.instance.pk)
        ):
            raise ValidationError(f"A user with this name already exists: {other}.")
        return name


class NewUserForm(UserForm):
    """A new member of staff: invited by e-mail or, if no mail can be sent, with a first password."""

    password = PasswordField(label="Password", help_text=_RULES)
    field_order = ["username", "password"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if links.are_sent() or not settings.LOCAL_PASSWORDS:
            del self.fields["password"]
        if links.are_sent():
            self.fields["email"].required = True
            self.fields["email"].help_text = "The invitation goes there: a link to choose a password."

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        _judge(self, self.instance)


class NewPasswordForm(forms.Form):
    """A new password for another user."""

    password = PasswordField(label="New password", help_text=_RULES)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        _judge(self, self.user)
        return cleaned


class ChosenPasswordForm(NewPasswordForm):
    """A new password for oneself, typed twice."""

    again = PasswordField(label="Confirm new password")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        first, second = cleaned.get("password"), cleaned.get("again")
        if first and second and first != second:
            self.add_error("again", "The two new passwords do not match.")
        return cleaned


class OwnPasswordForm(ChosenPasswordForm):
    """A new password for oneself, with the current one."""

    present = PasswordField(label="Current password", kept_as="current-password")
    field_order = ["present", "password", "again"]

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.refused: passwords.Refused | None = None

    def clean_present(self) -> str:
        present: str = self.cleaned_data["present"]
        try:
            right = passwords.is_present(self.request, self.user, present)
        except passwords.Refused as refused:
            self.refused = refused
            raise ValidationError(refused.said) from refused
        if not right:
            raise ValidationError("The current password is wrong.")
        return present

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        first = cleaned.get("password")
        if first and first == cleaned.get("present"):
            self.add_error("password", "This is your current password. Choose a different one.")
        return cleaned


class UsersForm(forms.Form):
    """Filter form of the list of users."""

    q = forms.CharField(
        label="Name or e-mail address",
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    state = forms.ChoiceField(
        label="State",
        choices=[("", "All"), ("active", "Active"), ("inactive", "Deactivated")],
        required=False,
    )
    role = forms.ModelChoiceField(label="Role", queryset=all_roles(), required=False, empty_label="All")


def _judge(form: forms.BaseForm, user: User) -> None:
    password = form.cleaned_data.get("password")
    if password:
        try:
            validate_password(password, user)
        except ValidationError as error:
            form.add_error("password", error)


def narrow(people: QuerySet[User], conditions: dict[str, Any]) -> QuerySet[User]:
    """Return the users who meet the conditions. Each word must occur in some part of name or address."""
    if text := conditions["q"].strip():
        people = people.filter(pk__in=search(KINDS["user"], text).values("pk"))
    if state := conditions["state"]:
        people = people.filter(is_active=state == "active")
    if role := conditions["role"]:
        people = people.filter(groups=role)
    return people
