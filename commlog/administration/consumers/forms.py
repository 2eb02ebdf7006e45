"""The forms of API consumers and their keys."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from commlog.administration.consumers import changes
from commlog.kit.edit_conflicts import SeenForm
from commlog.kit.paging import Sorting
from commlog.kit.role_choice import RolesField
from commlog.models import ApiConsumer

BY_NAME = Sorting("name", ("name",))
LIFETIMES = [("", "Never"), ("30", "30 days"), ("90", "90 days"), ("365", "A year")]


class ConsumersForm(forms.Form):
    """Filter form of the list of consumers."""

    q = forms.CharField(
        label="Name or start of a key",
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    state = forms.ChoiceField(
        label="State",
        choices=[("", "All"), ("active", "Active"), ("inactive", "Deactivated")],
        required=False,
    )


class ConsumerForm(SeenForm, forms.ModelForm):
    """A consumer: name, purpose and roles."""

    roles = RolesField(label="Roles", help_text="The program gets the permissions of all selected roles.")

    class Meta:
        model = ApiConsumer
        fields = ["name", "description"]
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "off"})}
        labels = {"description": "Purpose"}
        help_texts = {
            "name": "Shown in the log as the sender of the program’s messages, and in the audit trail."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial.setdefault("roles", self.instance.roles.all())
            self.watch()

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if ApiConsumer.objects.filter(name__iexact=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError("A consumer with this name already exists.")
        return name


class KeyForm(forms.Form):
    """A new key and its lifetime."""

    days = forms.ChoiceField(label="Expires", choices=LIFETIMES, required=False)

    @property
    def expires_at(self) -> datetime | None:
        """Return when it expires; None: never."""
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=int(days)) if days else None


def narrow(scope: QuerySet[ApiConsumer], conditions: dict[str, Any]) -> QuerySet[ApiConsumer]:
    """Return the matching consumers, with the number of usable keys and their last use."""
    found = scope.filter(pk__in=changes.find(conditions["q"]).values("pk")) if conditions["q"] else scope
    if state := conditions["state"]:
        found = found.filter(active=state == "active")
    now = timezone.now()
    usable = (
        Q(keys__revoked_at=None)
        & (Q(keys__expires_at=None) | Q(keys__expires_at__gt=now))
        & Q(keys__isnull=False)
    )
    return found.annotate(usable_keys=Count("keys", filter=usable), last_used=Max("keys__last_used_at"))
