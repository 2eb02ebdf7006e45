"""The form of a custom view: name, audience, menu item. The log's query is its content."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from commlog import permissions
from commlog.kit.edit_conflicts import SeenForm
from commlog.kit.role_choice import EVERYONE, ROLES, check_roles
from commlog.kit.sentences import alone, sentence
from commlog.models import CustomView, MenuItem, User
from commlog.models.column_layout import LogKind
from commlog.models.menu_item import MenuItemType
from commlog.recipients import people
from notifications.faults import Malformed

ME = "me"
_MOST_PEOPLE = 50


class ViewForm(SeenForm, forms.Form):
    """Save as view, and editing a view."""

    name = forms.CharField(
        label="Name", max_length=256, error_messages={"required": "Enter a name for the view."}
    )
    for_whom = forms.ChoiceField(
        label="Visible to",
        choices=[(ME, "Only me"), (EVERYONE, "Everyone"), (ROLES, "These roles or people")],
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose who can see the view.",
            "invalid_choice": "Choose who can see the view.",
        },
    )
    roles = forms.ModelMultipleChoiceField(
        label="Roles",
        queryset=Group.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": "Role not found.",
            "invalid_pk_value": "Role not found.",
        },
    )
    users = forms.CharField(label="People, separated by commas", required=False, max_length=2_000)
    menu_item = forms.ModelChoiceField(
        label="Menu item",
        queryset=MenuItem.objects.none(),
        required=False,
        empty_label="Every Communications item",
        error_messages={"invalid_choice": "Menu item not found."},
    )
    favourite = forms.BooleanField(label="Favourite (shown first)", required=False)

    unwatched = ("favourite",)

    def __init__(
        self, *args: Any, user: User, kind: str, view: CustomView | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **({"initial": initial_of(view) if view else {"for_whom": ME}} | kwargs))
        if kind == LogKind.LOG:
            items = permissions.menu_items_for(user).filter(type=MenuItemType.COMMUNICATIONS)
            self.fields["menu_item"].queryset = items  # type: ignore[attr-defined]
        else:
            del self.fields["menu_item"]
        if view:
            self.watch()
        if not permissions.may_publish_views(user):
            self._keep_private()

    def _keep_private(self) -> None:
        """Offer only a private view, and say why."""
        whom = self.fields["for_whom"]
        whom.choices = [(ME, "Only me")]  # type: ignore[attr-defined]
        whom.help_text = "Sharing a view needs the permission “Publish views”."
        whom.error_messages["invalid_choice"] = whom.help_text
        self.fields["roles"].queryset = Group.objects.none()  # type: ignore[attr-defined]
        self.fields["roles"].error_messages["invalid_choice"] = whom.help_text
        del self.fields["users"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if not name:
            raise ValidationError("Enter a name for the view.")
        return name

    def clean_users(self) -> list[User]:
        """Return the named users, each once."""
        named = [part for part in self.cleaned_data["users"].split(",") if part.strip()]
        if len(named) > _MOST_PEOPLE:
            raise ValidationError(f"Name at most {_MOST_PEOPLE} people; a role is for more.")
        try:
            keys = [people.resolve("user", part) for part in named]
        except Malformed as error:
            raise ValidationError(alone(sentence(error))) from error
        return list(User.objects.filter(key__in=keys).order_by("username"))

    def clean(self) -> dict[str, Any]:
        super().clean()
        chosen, named = self.cleaned_data.get("for_whom"), self.cleaned_data.get("users")
        if chosen == ROLES and (named or "users" in self.errors):
            return self.cleaned_data
        if named:
            self.add_error("users", "Choose “These roles or people” above, or remove the names.")
        check_roles(self, "for_whom")
        return self.cleaned_data

    def content(self) -> dict[str, Any]:
        asked = self.cleaned_data
        return {
            "name": asked["name"],
            "for_everyone": asked["for_whom"] == EVERYONE,
            "menu_item": asked.get("menu_item"),
        }

    def chosen_roles(self) -> list[Group]:
        return list(self.cleaned_data["roles"])

    def chosen_users(self) -> list[User]:
        return list(self.cleaned_data.get("users") or [])


def initial_of(view: CustomView) -> dict[str, Any]:
    """Return initial values for an existing view."""
    roles = [] if view.for_everyone else list(view.roles.all())
    users = [] if view.for_everyone else list(view.users.order_by("username"))
    whom = EVERYONE if view.for_everyone else ROLES if roles or users else ME
    return {
        "name": view.name,
        "for_whom": whom,
        "roles": roles,
        "users": ", ".join(each.username for each in users),
        "menu_item": view.menu_item_id,
        "favourite": getattr(view, "favourite", False),
    }
