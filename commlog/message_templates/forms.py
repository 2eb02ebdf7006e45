"""The template editor: one form with the channel's fields, validated by the domain."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.http import QueryDict
from django.utils.text import capfirst

from commlog.kit.edit_conflicts import SeenForm
from commlog.kit.fields import SearchField, lines_of
from commlog.kit.sentences import SENTENCES, alone, sentence
from commlog.message_templates import condition_rows
from commlog.message_templates.condition_rows import ConditionRow
from notifications import events, templating
from notifications.channels.webhook import METHODS, password_problem
from notifications.criteria import OPERATORS, Kind, Operator
from notifications.faults import Malformed
from notifications.models import NotificationTemplate
from notifications.models.template import RecipientKind, SubscriptionOption, Target, Trigger
from notifications.secrets.sealed import HIDDEN, is_sealed, seal, seal_headers
from notifications.states import MessageType
from notifications.templating import checks

_FOR_PEOPLE = ("trigger", "recipient", "recipient_role")
# What is written in a field of another name.
_WRITTEN = {"headers": "header_lines", "auth_password": "password"}
_COMMON = ("name", "event", "target", "match_any", "subscription", "text")
_OCCASION = (*_FOR_PEOPLE, "event", "target", "subscription")
_CONTENT = (
    "name",
    "destination",
    "method",
    "content_type",
    "header_lines",
    "auth_username",
    "password",
    "subject",
    "text",
    "html",
)
_KINDS = (Kind.STRING, Kind.MONEY, Kind.NUMBER, Kind.DATE_TIME)
_MIME = {"text/plain": "Plain text", "application/json": "JSON", "application/xml": "XML"}


class TemplatesForm(forms.Form):
    """Filter form of the list of templates."""

    q = SearchField(label="Name", required=False)
    type = forms.ChoiceField(label="Channel", choices=[("", "All"), *MessageType.choices], required=False)
    trigger = forms.ChoiceField(label="Trigger", choices=[("", "All"), *Trigger.choices], required=False)
    status = forms.ChoiceField(
        label="Status", choices=[("", "All"), ("active", "Active"), ("inactive", "Inactive")], required=False
    )


class TemplateForm(SeenForm, forms.ModelForm):
    """A template of one channel."""

    event = forms.ChoiceField(label="Event", required=False)
    match_any = forms.TypedChoiceField(
        label="Conditions",
        choices=[("all", "All conditions"), ("any", "Any condition")],
        coerce=lambda value: value == "any",
    )
    content_type = forms.ChoiceField(
        label="Content type", choices=list(_MIME.items()), initial="application/json"
    )
    method = forms.ChoiceField(
        label="Method", choices=[(each, each) for each in ("POST", *sorted(METHODS - {"POST"}))]
    )
    header_lines = forms.CharField(
        label="Headers",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One per line, for example X-Source: core-banking",
    )
    password = forms.CharField(
        label="Password",
        required=False,
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown again. Leave empty to keep the current password.",
    )
    unwatched = ("password",)

    class Meta:
        model = NotificationTemplate
        fields = [
            *_COMMON,
            *_FOR_PEOPLE,
            "subject",
            "html",
            "destination",
            "method",
            "content_type",
            "auth_username",
        ]
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "off"}),
            "subject": forms.TextInput(attrs={"data-takes-placeholders": ""}),
            "text": forms.Textarea(attrs={"rows": 12, "data-takes-placeholders": ""}),
            "html": forms.Textarea(attrs={"rows": 8, "data-takes-placeholders": "", "spellcheck": "false"}),
            "destination": forms.TextInput(attrs={"autocomplete": "off", "data-takes-placeholders": ""}),
            "auth_username": forms.TextInput(attrs={"autocomplete": "off"}),
        }
        labels = {
            "trigger": "Trigger",
            "target": "Applies to",
            "recipient": "Recipient",
            "recipient_role": "Members with the role",
        }
        labels |= {
            "subscription": "Subscription",
            "html": "HTML version",
            "auth_username": "Username (basic authentication)",
        }
        help_texts = {
            "recipient_role": "Members with this role in the group. Leave empty for all members.",
            "html": "Optional. Mail programs show it instead of the text.",
        }

    def __init__(self, *args: Any, channel: MessageType, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = copy(self.instance)  # as it was loaded
        self.channel = channel
        self.instance.type = channel
        facts = self.instance.channel
        wanted = {
            *_COMMON,
            *(_FOR_PEOPLE if facts.for_people else ("destination",)),
            *(_WRITTEN.get(name, name) for name in facts.fields),
        }
        self.fields = {name: field for name, field in self.fields.items() if name in wanted}
        # What cannot be stored is said by the domain's checks, in better words.
        for field in self.fields.values():
            field.validators = [
                each for each in field.validators if type(each).__name__ != "ProhibitNullCharactersValidator"
            ]
        self._fit()
        if self.instance.pk:
            self.initial["header_lines"] = _lines(self.instance.headers)
            self.watch()
        self.initial["match_any"] = "any" if self.instance.match_any else "all"
        self.rows = self._rows()

    def _fit(self) -> None:
        fitting = [*events.EVENTS]
        people = self.instance.for_people
        blank = "none: sent by staff" if people else "choose"
        named = ((name, events.in_words(name)) for name in sorted(fitting))
        self.fields["event"].choices = [("", blank), *named]  # type: ignore[attr-defined]
        self.fields["target"].choices = [  # type: ignore[attr-defined]
            (each.value, each.label) for each in (events.BY_HAND if people else Target)
        ]
        self.fields["text"].label = "Text" if people else "Body"
        # So that one sentence says what is missing, not two.
        self.fields["name"].required = self.fields["text"].required = False
        if "destination" in self.fields:
            self.fields["destination"].label = capfirst(self.instance.channel.destination_name)
        if "password" in self.fields and not self.instance.auth_password:
            self.fields["password"].help_text = "Stored encrypted and never shown again."

    def stored_besides(self) -> dict[str, str]:
        """Return the conditions, and the secrets in sealed form."""
        return self.typed_besides() | {"secrets": f"{self.instance.auth_password} {self.instance.headers}"}

    def typed_besides(self) -> dict[str, str]:
        return {
            "conditions": "\n".join(row.written for row in self.rows if row.field or row.value or row.upto)
        }

    def take_besides(self, data: QueryDict, name: str, fresh: "TemplateForm") -> None:
        if name != "conditions":
            return
        for part, value in condition_rows.data_of(fresh.rows).items():
            data[part] = value

    def said(self, name: str, value: str | None) -> str:
        """Return a value for people; never a secret."""
        return super().said(name, value) if name != "secrets" or value is None else "changed"

    @property
    def occasion(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name in _OCCASION]

    @property
    def content(self) -> list[forms.BoundField]:
        return [self[name] for name in _CONTENT if name in self.fields]

    @property
    def operators(self) -> list[tuple[str, str]]:
        taken = [operator for operator in Operator if any(operator in OPERATORS[kind] for kind in _KINDS)]
        return [(operator.value, str(operator.label)) for operator in taken]

    @property
    def placeholders(self) -> Mapping[str, Sequence[templating.Placeholder]]:
        by_hand = (self["trigger"].value() if "trigger" in self.fields else "") == Trigger.MANUAL
        return templating.offered(by_hand=by_hand)

    @property
    def most(self) -> int:
        return self.instance.channel.longest

    def clean_text(self) -> str:
        """Normalise line ends to those of mail and phones."""
        return _unix(self.cleaned_data["text"])

    def clean_html(self) -> str:
        return _unix(self.cleaned_data["html"])

    def _post_clean(self) -> None:
        """Fill the template, and let the domain validate it."""
        super()._post_clean()  # type: ignore[misc]
        self._take_conditions()
        if "header_lines" in self.fields:
            self._take_web_hook()
        if self.instance.trigger == Trigger.MANUAL:
            self.instance.subscription = SubscriptionOption.OPT_OUT
        if self.instance.recipient_role and self.instance.recipient != RecipientKind.GROUP_MEMBERS:
            members = RecipientKind.GROUP_MEMBERS.label
            self.add_error(
                "recipient_role", f"Choose “{members}” above, or clear this field: only members have a role."
            )
        known = set(self.errors)
        for wrong in checks.problems(self.instance):
            name = wrong.field
            if name == "conditions" and any(row.wrong for row in self.rows):
                continue
            shown = _WRITTEN.get(name, name)
            if shown not in known:
                self.add_error(
                    shown if shown in self.fields else None, self._sentence(shown, sentence(wrong))
                )

    def _sentence(self, name: str, problem: str) -> str:
        label = (
            str(self.fields[name].label or name.replace("_", " ").capitalize()) if name in self.fields else ""
        )
        return alone(problem, of=label.partition(" (")[0])

    def _rows(self) -> list[ConditionRow]:
        """Return the rows as submitted or as stored."""
        if self.is_bound:
            adding = self.data.get("do") == condition_rows.ADD
            return condition_rows.with_empty(condition_rows.came(self.data), adding=adding)
        return condition_rows.with_empty(condition_rows.stored(self.instance.conditions), adding=False)

    @property
    def more_rows(self) -> bool:
        """Return whether another condition may be added."""
        return len(self.rows) < checks.MOST_CONDITIONS

    def say_nothing(self) -> None:
        """Suppress errors: a row is added or removed, and nothing is stored yet."""
        self._errors = ErrorDict()

    def _take_conditions(self) -> None:
        found = []
        for place, row in enumerate(self.rows):
            if not row.field:
                if row.value or row.upto:
                    self._wrong(place, "Choose a placeholder.")
                continue
            try:
                found.append(templating.conditions.parse(row.field, row.operator, row.values))
            except Malformed as error:
                self._wrong(place, alone(sentence(error)))
        self.instance.conditions = templating.conditions.write(found)

    def ask_again(self, moved: Mapping[str, Sequence[str]]) -> None:
        """Ask for the secrets that were stored for the previous server again."""
        if "auth_password" in moved:
            self.add_error(
                "password",
                "The URL points to another server. Enter the password again, or remove the username.",
            )
        if names := ", ".join(moved.get("headers", ())):
            self.add_error(
                "header_lines",
                f"The URL points to another server. Enter the value of {names} again, or remove the line.",
            )

    def _keeps(self, header: str) -> bool:
        return is_sealed(self.instance.headers.get(header, ""))

    def _wrong(self, place: int, sentence: str) -> None:
        self.rows[place] = replace(self.rows[place], wrong=sentence)
        if not self.has_error("match_any"):
            self.add_error("match_any", "A condition is not valid.")

    def _take_web_hook(self) -> None:
        headers: dict[str, str] = {}
        for line in lines_of(self.cleaned_data.get("header_lines", "")):
            name, colon, value = line.partition(":")
            if line.strip() and (not colon or name.strip() in headers):
                self.add_error(
                    "header_lines", f"“{line[:60]}” is not a header. Write Name: value, each name once."
                )
            elif line.strip():
                headers[name.strip()] = value.strip()
        if not self.has_error("header_lines"):
            # A secret is never shown again; the word in its place means that it stays.
            kept = {
                name: self.instance.headers[name]
                for name, value in headers.items()
                if value == HIDDEN and self._keeps(name)
            }
            self.instance.headers = seal_headers(headers) | kept
        if password := self.cleaned_data.get("password"):
            if wrong := password_problem(password):
                self.add_error("password", self._sentence("password", SENTENCES[wrong]))
            self.instance.auth_password = seal(password)
        if not self.instance.auth_username:
            self.instance.auth_password = ""
            if self.cleaned_data.get("password"):
                self.add_error(
                    "auth_username",
                    "Enter the username for this password, or clear the password.",
                )


class TrialForm(forms.Form):
    """The client of the preview."""

    with_client = forms.CharField(label="Preview with client", required=False, max_length=300)


def _lines(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {HIDDEN if is_sealed(value) else value}" for name, value in headers.items())


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
