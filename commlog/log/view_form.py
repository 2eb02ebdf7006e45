"""The form of a custom view: its name, for whom it is, and where it hangs.

What it holds is the state of the log.
"""

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from commlog import permissions
from commlog.kit.role_choice import EVERYONE, ROLES, check_roles
from commlog.kit.seen import SeenForm
from commlog.models import CustomView, MenuItem, User
from commlog.models.column_layout import LogKind
from commlog.models.menu_item import MenuItemType

ME = "me"


class ViewForm(SeenForm, forms.Form):
    """Save as view, and its editing."""

    name = forms.CharField(label="Name", max_length=256, error_messages={"required": "Give the view a name."})
    for_whom = forms.ChoiceField(
        label="For whom",
        choices=[(ME, "Only me"), (EVERYONE, "Everyone"), (ROLES, "These roles")],
        widget=forms.RadioSelect,
        error_messages={
            "required": "Say for whom the view is.",
            "invalid_choice": "Say for whom the view is.",
        },
    )
    roles = forms.ModelMultipleChoiceField(
        label="Roles",
        queryset=Group.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": "There is no such role.",
            "invalid_pk_value": "There is no such role.",
        },
    )
    menu_item = forms.ModelChoiceField(
        label="Under the menu item",
        queryset=MenuItem.objects.none(),
        required=False,
        empty_label="Every item of the type Communications",
        error_messages={"invalid_choice": "There is no such menu item."},
    )
    favourite = forms.BooleanField(label="Favourite: stands first", required=False)

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
        """Offer the view to its owner alone, and say why."""
        whom = self.fields["for_whom"]
        whom.choices = [(ME, "Only me")]  # type: ignore[attr-defined]
        whom.help_text = "Sharing a view needs the permission “Publish views”."
        whom.error_messages["invalid_choice"] = whom.help_text
        self.fields["roles"].queryset = Group.objects.none()  # type: ignore[attr-defined]
        self.fields["roles"].error_messages["invalid_choice"] = whom.help_text

    def clean_name(self) -> str:
        """The name, which must be more than blanks."""
        name: str = self.cleaned_data["name"].strip()
        if not name:
            raise ValidationError("Give the view a name.")
        return name

    def clean(self) -> dict[str, Any]:
        """Refuse roles beside another choice, and “These roles” without any."""
        super().clean()
        check_roles(self, "for_whom")
        return self.cleaned_data

    def content(self) -> dict[str, Any]:
        """What the form says about the view itself."""
        asked = self.cleaned_data
        return {
            "name": asked["name"],
            "for_everyone": asked["for_whom"] == EVERYONE,
            "menu_item": asked.get("menu_item"),
        }

    def chosen_roles(self) -> list[Group]:
        """The roles that the view is for."""
        return list(self.cleaned_data["roles"])


def initial_of(view: CustomView) -> dict[str, Any]:
    """The form of a view that exists."""
    roles = [] if view.for_everyone else list(view.roles.all())
    whom = EVERYONE if view.for_everyone else ROLES if roles else ME
    return {
        "name": view.name,
        "for_whom": whom,
        "roles": roles,
        "menu_item": view.menu_item_id,
        "favourite": getattr(view, "favourite", False),
    }
