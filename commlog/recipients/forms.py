"""Forms of clients, groups and members. Contact data may be missing, but must be usable if present."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import Q

from commlog.kit.edit_conflicts import SeenForm
from commlog.kit.fields import AddressField, NumberField, lines_of
from commlog.kit.sentences import alone, sentence
from commlog.models import User
from commlog.recipients import people
from commlog.recipients.people import label
from notifications import templating
from notifications.faults import Malformed
from notifications.models import Client, Group, Membership
from notifications.text.spelling import tidy
from notifications.text.validation import NOT_IN_A_LINE
from notifications.text.validation import clean as clean_text

_one_line = RegexValidator(
    NOT_IN_A_LINE, "Enter a single line without control characters.", inverse_match=True
)

# The fields of contact data: what is typed there can be reached.
REACHED_BY = {"email": AddressField, "mobile_phone": NumberField}


class _Contact(SeenForm, forms.ModelForm):
    own_fields = forms.CharField(
        label="Custom fields, one per line: ID = value",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "LOYALTY = gold"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # The first is CharField's own, which says "Null characters are not allowed."
            if isinstance(field, forms.CharField):
                field.validators = [
                    *(
                        each
                        for each in field.validators
                        if type(each).__name__ != "ProhibitNullCharactersValidator"
                    )
                ]
                field.validators += [] if isinstance(field.widget, forms.Textarea) else [_one_line]
            field.error_messages["required"] = f"Enter {_article(str(field.label))}."
        self._offer_officers()
        self.initial["own_fields"] = "\n".join(
            f"{name} = {value}" for name, value in self.instance.custom_fields.items()
        )
        self.fields["email"].widget.attrs |= {"inputmode": "email", "autocomplete": "off"}
        self.fields["mobile_phone"].widget.attrs |= {"inputmode": "tel", "autocomplete": "off"}
        if self.instance.pk:
            self.watch()

    def _offer_officers(self) -> None:
        """Offer active users, and the current one, so that an edit does not fail because somebody has
        left.
        """
        officer: Any = self.fields["credit_officer"]
        usable = Q(is_active=True) | Q(pk=self.instance.credit_officer_id)
        officer.queryset = User.objects.filter(usable).order_by("last_name", "first_name", "username")
        officer.label_from_instance, officer.empty_label = label, "nobody"

    def clean_own_fields(self) -> str:
        """Parse one field per line; they become the client's or group's {CF:ID}."""
        found: dict[str, str] = {}
        for line in lines_of(self.cleaned_data["own_fields"]):
            name, equals, value = (part.strip() for part in line.partition("="))
            if not line.strip():
                continue
            if not equals or not templating.is_known(f"CF:{name}") or name in found:
                raise ValidationError(f"“{line[:60]}” is not a field. Write ID = value, each ID once.")
            try:
                found[name] = clean_text("own_fields", value, most=1_000)
            except Malformed as error:
                raise ValidationError(f"{name} {sentence(error)}.") from error
        self.instance.custom_fields = found
        return str(self.cleaned_data["own_fields"])

    def values(self) -> dict[str, Any]:
        return values_of(self.instance, self._meta.fields or ())


def values_of(owner: Client | Group, names: Iterable[str]) -> dict[str, Any]:
    """Return fields of a client or group as stored in the audit trail."""
    found = {name: getattr(owner, name) for name in names if name != "credit_officer"}
    officer = owner.credit_officer
    return found | {
        "credit_officer": officer.name if officer else "",
        "own_fields": dict(owner.custom_fields),
    }


def _new_number(form: forms.ModelForm, whom: str, name: str) -> str:
    """Return a normalised ID, unique regardless of case; an unchanged one is not checked."""
    number: str = form.cleaned_data[name]
    if number == form.initial.get(name):
        return number
    number = tidy(number)
    other = people.taken_by(whom, number, besides=form.instance.pk)
    if other and other != number:  # of the same one the model itself says so
        raise ValidationError(f"Another {whom} has the ID {other}, which differs only in capitals.")
    return number


class ClientForm(_Contact):
    """A client's fields."""

    def clean_client_id(self) -> str:
        return _new_number(self, "client", "client_id")

    class Meta:
        model = Client
        fields = ["client_id", "first_names", "last_name", "email", "mobile_phone", "credit_officer"]
        labels = {"client_id": "ID", "first_names": "First names", "last_name": "Last name"}
        labels |= {"email": "E-mail address", "mobile_phone": "Mobile number"}
        field_classes = REACHED_BY
        error_messages = {"client_id": {"unique": "Another client already has this ID."}}


class GroupForm(_Contact):
    """A group's fields."""

    def clean_group_id(self) -> str:
        return _new_number(self, "group", "group_id")

    class Meta:
        model = Group
        fields = ["group_id", "name", "email", "mobile_phone", "credit_officer"]
        labels = {
            "group_id": "ID",
            "name": "Name",
            "email": "E-mail address",
            "mobile_phone": "Mobile number",
        }
        field_classes = REACHED_BY
        error_messages = {"group_id": {"unique": "Another group already has this ID."}}


class MemberForm(forms.Form):
    """A client to add to a group, by ID."""

    client_id = forms.CharField(label="Client’s ID", max_length=32, validators=[_one_line])
    role = forms.CharField(label="Role in the group", max_length=64, required=False, validators=[_one_line])

    def __init__(self, *args: Any, group: Group, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group
        for field in self.fields.values():
            field.widget.attrs["autocomplete"] = "off"
        self.fields["client_id"].error_messages["required"] = "Enter the client’s ID."

    def clean_client_id(self) -> Client:
        """Return the client, who must exist and not be a member yet."""
        try:
            client = people.by_number("client", self.cleaned_data["client_id"])
        except Malformed as error:
            raise ValidationError(alone(sentence(error))) from error
        if not isinstance(client, Client):
            raise ValidationError("No client has this ID.")
        if Membership.objects.filter(group=self.group, client=client).exists():
            raise ValidationError(f"{client.name} is already a member.")
        return client


def _article(label: str) -> str:
    return {"ID": "an ID", "Name": "a name", "First names": "the first names"}.get(label, label.lower())
