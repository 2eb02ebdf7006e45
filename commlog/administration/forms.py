"""The forms of the administration."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from commlog.account import passwords
from commlog.administration.roles.shipped import PERMISSION_GROUPS
from commlog.kit.fields import AddressField, NumberField
from commlog.kit.role_choice import EVERYONE, ROLES, check_roles
from commlog.kit.seen import SeenForm
from commlog.models import MenuItem, User
from commlog.models.menu_item import MenuItemType
from commlog.recipients import people

LONGEST_PASSWORD = 128


def _all_roles() -> QuerySet[Role]:
    return Role.objects.order_by("name")


class RolesField(forms.ModelMultipleChoiceField):
    """Some of the roles, as checkboxes."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_all_roles(), required=False, **kwargs)


class MenuItemForm(SeenForm, forms.ModelForm):
    """A menu item: what it opens, and who sees it."""

    seen_by = forms.ChoiceField(
        label="Who sees it",
        choices=[(EVERYONE, "All users"), (ROLES, "These roles")],
        widget=forms.RadioSelect,
    )
    roles = RolesField(label="Roles", help_text="For “These roles”. The creator of the item sees it too.")
    active = forms.BooleanField(
        label="Active",
        required=False,
        initial=True,
        help_text="An inactive item is in nobody's menu, and its page is refused.",
    )

    class Meta:
        model = MenuItem
        fields = ["name", "type", "active"]
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "off"})}
        labels = {"type": "What it opens"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["type"].choices = MenuItemType.choices  # type: ignore[attr-defined]
        self.initial.setdefault("seen_by", EVERYONE if self.instance.for_everyone else ROLES)
        if self.instance.pk:
            self.fields["type"].disabled = True
            self.fields["type"].help_text = "The type stays as it was made."
            self.initial.setdefault("roles", [] if self.instance.for_everyone else self.instance.roles.all())
            self.watch()

    def clean(self) -> dict[str, Any]:
        """Refuse roles beside another choice and “These roles” without any, and tell the item who sees it."""
        super().clean()
        check_roles(self, "seen_by")
        self.instance.for_everyone = self.cleaned_data.get("seen_by") == EVERYONE
        return self.cleaned_data

    @property
    def chosen_roles(self) -> list[Role]:
        """The roles that see the item; none where everybody does."""
        return list(self.cleaned_data["roles"])


class RoleForm(SeenForm, forms.Form):
    """A role: its name, and its permissions."""

    name = forms.CharField(
        label="Name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    permissions = forms.MultipleChoiceField(
        label="Permissions", required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, role: Role | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.role = role
        self.fields["permissions"].choices = User._meta.permissions  # type: ignore[attr-defined]
        if role:
            self.initial = {
                "name": role.name,
                "permissions": list(role.permissions.values_list("codename", flat=True)),
            }
            self.watch()

    def clean_name(self) -> str:
        """The name, if no other role has it in whatever spelling."""
        name: str = self.cleaned_data["name"]
        others = Role.objects.exclude(pk=self.role.pk) if self.role else Role.objects.all()
        if others.filter(name__iexact=name).exists():
            raise ValidationError("There is a role of that name already.")
        return name

    @property
    def chosen(self) -> list[Permission]:
        """The permissions that were ticked."""
        return list(
            Permission.objects.filter(
                content_type__app_label="commlog", codename__in=self.cleaned_data["permissions"]
            )
        )

    @property
    def groups(self) -> Iterator[tuple[str, list[tuple[Any, str]]]]:
        """The checkboxes by what they are about, each with its meaning."""
        boxes = {box.data["value"]: box for box in self["permissions"]}
        for title, meanings in PERMISSION_GROUPS:
            yield (
                title,
                [(boxes[codename], meaning) for codename, meaning in meanings.items() if codename in boxes],
            )


class PasswordField(forms.CharField):
    """A new password, written once: whoever types it reads it to somebody else."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        about = (
            "At least 12 characters, and no password that many people use. Several words are easiest to "
            "remember."
        )
        defaults: dict[str, Any] = {
            "max_length": LONGEST_PASSWORD,
            "widget": widget,
            "strip": False,
            "help_text": about,
        }
        super().__init__(**(defaults | kwargs))


class UserForm(SeenForm, forms.ModelForm):
    """A member of staff."""

    roles = RolesField(
        label="Roles", help_text="What the user may see and do is what any of the roles allows."
    )

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "email", "mobile_phone", "api_access"]
        field_classes = {"email": AddressField, "mobile_phone": NumberField}
        labels = {
            "username": "User name",
            "email": "E-mail address",
            "mobile_phone": "Mobile number",
            "api_access": "May use the API",
        }
        help_texts = {
            "username": "To sign in with: letters, digits and @ . + - _",
            "first_name": "The log shows first and last name as the sender.",
            "api_access": "With the same rights as on the pages.",
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
        """The user name, if nobody else has it in whatever capitals: Ada and ada must not be two people.

        An old pair may stay.
        """
        name: str = self.cleaned_data["username"]
        if name != self.initial.get("username") and (
            other := people.taken_by("user", name, besides=self.instance.pk)
        ):
            raise ValidationError(f"There is a user of that name already: {other}.")
        return name


class NewUserForm(UserForm):
    """A new member of staff, with a first password."""

    password = PasswordField(label="Password")
    field_order = ["username", "password"]

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        _judge(self, self.instance)


class NewPasswordForm(forms.Form):
    """A new password for somebody else."""

    password = PasswordField(label="New password")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean(self) -> dict[str, Any]:
        """Refuse a password that is too easy for this user."""
        cleaned = super().clean() or {}
        _judge(self, self.user)
        return cleaned


class OwnPasswordForm(NewPasswordForm):
    """A new password for oneself, which takes the present one."""

    present = forms.CharField(
        label="Present password",
        max_length=LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    again = forms.CharField(
        label="New password again",
        max_length=LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    field_order = ["present", "password", "again"]

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.refused: passwords.Refused | None = None

    def clean_present(self) -> str:
        """The present password, if it is right, and if it may be looked at now."""
        present: str = self.cleaned_data["present"]
        try:
            right = passwords.is_present(self.request, self.user, present)
        except passwords.Refused as refused:
            self.refused = refused
            raise ValidationError(refused.said) from refused
        if not right:
            raise ValidationError("That is not your present password.")
        return present

    def clean(self) -> dict[str, Any]:
        """Refuse two that differ, and the one that there is."""
        cleaned = super().clean()
        first, second = cleaned.get("password"), cleaned.get("again")
        if first and first == cleaned.get("present"):
            self.add_error("password", "That is your present password. Choose another one.")
        if first and second and first != second:
            self.add_error("again", "The two new passwords differ.")
        return cleaned


class UsersForm(forms.Form):
    """The conditions of the list of users."""

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
    role = forms.ModelChoiceField(label="Role", queryset=_all_roles(), required=False, empty_label="All")


def _judge(form: forms.BaseForm, user: User) -> None:
    password = form.cleaned_data.get("password")
    if password:
        try:
            validate_password(password, user)
        except ValidationError as error:
            form.add_error("password", error)
