"""The form of a role."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError

from commlog.administration.roles.defaults import PERMISSION_GROUPS
from commlog.kit.edit_conflicts import SeenForm
from commlog.models import User


class RoleForm(SeenForm, forms.Form):
    """A role: name and permissions."""

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
        name: str = self.cleaned_data["name"]
        others = Role.objects.exclude(pk=self.role.pk) if self.role else Role.objects.all()
        if others.filter(name__iexact=name).exists():
            raise ValidationError("A role with this name already exists.")
        return name

    @property
    def chosen(self) -> list[Permission]:
        return list(
            Permission.objects.filter(
                content_type__app_label="commlog", codename__in=self.cleaned_data["permissions"]
            )
        )

    @property
    def groups(self) -> Iterator[tuple[str, list[tuple[Any, str]]]]:
        """Yield the checkboxes by subject, each with its meaning."""
        boxes = {box.data["value"]: box for box in self["permissions"]}
        for title, meanings in PERMISSION_GROUPS:
            yield (
                title,
                [(boxes[codename], meaning) for codename, meaning in meanings.items() if codename in boxes],
            )
