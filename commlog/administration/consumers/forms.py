"""The forms of API consumers and their keys."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from commlog.administration.consumers import keeping
from commlog.administration.forms import RolesField
from commlog.kit.paging import Sorting
from commlog.kit.seen import SeenForm
from commlog.models import ApiConsumer

BY_NAME = Sorting("name", ("name",))
LIFETIMES = [("", "Until it is revoked"), ("30", "30 days"), ("90", "90 days"), ("365", "A year")]


class ConsumersForm(forms.Form):
    """The conditions of the list of consumers."""

    q = forms.CharField(
        label="Name, or how a key begins",
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
    """A consumer: its name, what it is for, what it may do."""

    roles = RolesField(
        label="Roles", help_text="What the program may read and do is what any of the roles allows."
    )

    class Meta:
        model = ApiConsumer
        fields = ["name", "description"]
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "off"})}
        labels = {"description": "What it is for"}
        help_texts = {
            "name": "The log shows it as the sender of what the program sends, and the audit trail names it."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial.setdefault("roles", self.instance.roles.all())
            self.watch()

    def clean_name(self) -> str:
        """The name, if no other consumer has it in whatever spelling."""
        name: str = self.cleaned_data["name"]
        if ApiConsumer.objects.filter(name__iexact=name).exclude(pk=self.instance.pk).exists():
            raise ValidationError("There is a consumer of that name already.")
        return name


class KeyForm(forms.Form):
    """A new key: how long it opens."""

    days = forms.ChoiceField(label="The new key opens", choices=LIFETIMES, required=False)

    @property
    def expires_at(self) -> datetime | None:
        """When it stops opening; None: not by itself."""
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=int(days)) if days else None


def narrow(scope: QuerySet[ApiConsumer], conditions: dict[str, Any]) -> QuerySet[ApiConsumer]:
    """The consumers that meet the conditions, each with its number of usable keys and when one was used
    last.
    """
    found = scope.filter(pk__in=keeping.find(conditions["q"]).values("pk")) if conditions["q"] else scope
    if state := conditions["state"]:
        found = found.filter(active=state == "active")
    now = timezone.now()
    usable = (
        Q(keys__revoked_at=None)
        & (Q(keys__expires_at=None) | Q(keys__expires_at__gt=now))
        & Q(keys__isnull=False)
    )
    return found.annotate(usable_keys=Count("keys", filter=usable), last_used=Max("keys__last_used_at"))
