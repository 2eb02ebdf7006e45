"""Forms of menu items: target, visibility and order."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group as Role

from commlog.kit.edit_conflicts import SeenForm
from commlog.kit.role_choice import EVERYONE, ROLES, RolesField, check_roles
from commlog.models import MenuItem
from commlog.models.menu_item import MenuItemType


class MenuItemForm(SeenForm, forms.ModelForm):
    """A menu item: its target and who sees it."""

    seen_by = forms.ChoiceField(
        label="Who sees it",
        choices=[(EVERYONE, "All users"), (ROLES, "These roles")],
        widget=forms.RadioSelect,
    )
    roles = RolesField(
        label="Roles", help_text="Only for “These roles”. The creator of the item sees it, too."
    )
    active = forms.BooleanField(
        label="Active",
        required=False,
        initial=True,
        help_text="An inactive item is hidden from every menu, and its page cannot be opened.",
    )

    class Meta:
        model = MenuItem
        fields = ["name", "type", "active"]
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "off"})}
        labels = {"type": "Type"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["type"].choices = MenuItemType.choices  # type: ignore[attr-defined]
        self.initial.setdefault("seen_by", EVERYONE if self.instance.for_everyone else ROLES)
        if self.instance.pk:
            self.fields["type"].disabled = True
            self.fields["type"].help_text = "The type cannot be changed."
            self.initial.setdefault("roles", [] if self.instance.for_everyone else self.instance.roles.all())
            self.watch()

    def clean(self) -> dict[str, Any]:
        super().clean()
        check_roles(self, "seen_by")
        self.instance.for_everyone = self.cleaned_data.get("seen_by") == EVERYONE
        return self.cleaned_data

    @property
    def chosen_roles(self) -> list[Role]:
        return list(self.cleaned_data["roles"])


class ItemStepForm(forms.Form):
    """A menu item and the direction to move it."""

    item = forms.UUIDField()
    direction = forms.ChoiceField(choices=[("up", "Up"), ("down", "Down")])
