"""Choice of audience, where one option is “These roles” with a checkbox per role beside it."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group as Role
from django.db.models import QuerySet

EVERYONE, ROLES = "everyone", "roles"


def all_roles() -> QuerySet[Role]:
    """Return the roles by name."""
    return Role.objects.order_by("name")


class RolesField(forms.ModelMultipleChoiceField):
    """Roles as checkboxes."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(all_roles(), required=False, **kwargs)


def check_roles(form: forms.BaseForm, choice: str) -> None:
    """Add an error at `roles` if the ticked roles and the field `choice` contradict each other.

    Roles beside another choice are rejected, not ignored: a view meant for a role would be private, and a
    menu item visible to everybody.
    """
    if "roles" in form.errors:
        return
    chosen, roles = form.cleaned_data.get(choice), form.cleaned_data.get("roles")
    if chosen == ROLES and not roles:
        form.add_error("roles", "Choose at least one role.")
    elif chosen and chosen != ROLES and roles:
        labels = {value: f"“{label}”" for value, label in form.fields[choice].choices}  # type: ignore[attr-defined]
        form.add_error(
            "roles",
            f"Choose {labels[ROLES]} above, or clear the roles: they do not apply to {labels[chosen]}.",
        )
