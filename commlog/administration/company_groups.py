"""Groups of the company's directory and the roles that they grant."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction

from commlog import audit
from commlog.audit import AuditAction
from commlog.kit.edit_conflicts import SeenForm
from commlog.kit.role_choice import all_roles
from commlog.models import CompanyGroup, User


class GroupForm(forms.ModelForm):
    """A group and the role that it grants."""

    class Meta:
        model = CompanyGroup
        fields = ["name", "role"]
        labels = {"name": "Group", "role": "Role"}
        help_texts = {"name": "Exactly as the provider sends it: a name, a path or an ID."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].queryset = all_roles()  # type: ignore[attr-defined]
        self.fields["role"].empty_label = "Choose a role"  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        name, role = cleaned.get("name"), cleaned.get("role")
        if name and role and CompanyGroup.objects.filter(name=name, role=role).exists():
            raise ValidationError({"name": "This group already gives this role."})
        return cleaned


class SubjectForm(SeenForm, forms.Form):
    """A user's identifier at the provider."""

    subject = forms.CharField(
        label="Subject",
        max_length=191,
        required=False,
        help_text="The provider’s permanent ID for this person (the claim sub), not a name or an address. "
        "Leave empty to link no account. Someone whose sign-in was refused sees their ID on that page; it is "
        "also in the audit trail.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watch()


def add(group: CompanyGroup, *, by: User) -> None:
    """Store the mapping; it applies from each user's next company sign-in."""
    with transaction.atomic():
        group.save(force_insert=True)
        audit.record(by, AuditAction.CREATED, group, after={"role": group.role.name})


def remove(pk: int, *, by: User) -> None:
    """Delete the mapping. A role that no group grants any more is assigned by hand."""
    with transaction.atomic():
        group = (
            CompanyGroup.objects.select_for_update(of=("self",)).select_related("role").filter(pk=pk).first()
        )
        if group:
            audit.record(by, AuditAction.DELETED, group, before={"role": group.role.name})
            group.delete()
