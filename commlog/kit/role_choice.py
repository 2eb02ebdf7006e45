"""The choice for whom something is, where one answer is “These roles” and the roles are ticked beside it."""

from django import forms

EVERYONE, ROLES = "everyone", "roles"


def check_roles(form: forms.BaseForm, choice: str) -> None:
    """Add an error at `roles` where the ticked roles and the field `choice` contradict each other.

    Roles beside another choice are refused, not dropped: a view that was meant for a role would be private,
    and a menu item for everybody.
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
            f"Choose {labels[ROLES]} above, or remove the ticks: with {labels[chosen]} the roles would not "
            "count.",
        )
