"""The editor of templates: one form, with the fields that the channel has.

What is wrong is asked of the domain.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.text import capfirst

from commlog.kit.fields import SearchField, lines_of
from commlog.kit.seen import SeenForm
from commlog.kit.sentences import SENTENCES, alone, sentence
from notifications import events, templating
from notifications.channels.webhook import METHODS, password_problem
from notifications.criteria import OPERATORS, WITHOUT_VALUE, Kind, Operator
from notifications.faults import Malformed
from notifications.models import NotificationTemplate
from notifications.models.template import RecipientKind, SubscriptionOption, Target, Trigger
from notifications.secrets.sealed import HIDDEN, is_sealed, seal, seal_headers
from notifications.states import MessageType
from notifications.templating import checks

_SPARE_ROWS = 2
_FOR_PEOPLE = ("trigger", "recipient", "recipient_role")
# What is written in a field of another name.
_WRITTEN = {"headers": "header_lines", "auth_password": "password"}
_COMMON = ("name", "event", "target", "match_any", "subscription", "text")
_OCCASION = ("name", *_FOR_PEOPLE, "event", "target", "subscription")
_CONTENT = (
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


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """A row of the conditions: what was written into it, and what is wrong with it."""

    number: int
    field: str = ""
    operator: str = ""
    value: str = ""
    wrong: str = ""


class TemplatesForm(forms.Form):
    """The conditions of the list of templates."""

    q = SearchField(label="Name", required=False)
    type = forms.ChoiceField(label="Channel", choices=[("", "All"), *MessageType.choices], required=False)
    trigger = forms.ChoiceField(label="Sent by", choices=[("", "All"), *Trigger.choices], required=False)
    status = forms.ChoiceField(
        label="Status", choices=[("", "All"), ("active", "Active"), ("inactive", "Inactive")], required=False
    )


class TemplateForm(SeenForm, forms.ModelForm):
    """A template of one channel."""

    event = forms.ChoiceField(label="Event", required=False)
    match_any = forms.TypedChoiceField(
        label="Conditions",
        choices=[("all", "All of them must hold"), ("any", "Any of them is enough")],
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
        help_text="One a line, such as X-Source: core-banking",
    )
    password = forms.CharField(
        label="Password",
        required=False,
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Stored sealed, and never shown again. Empty: the password stays as it is.",
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
            "trigger": "Sent by",
            "target": "About",
            "recipient": "Goes to",
            "recipient_role": "Members with the role",
        }
        labels |= {
            "subscription": "Subscribed",
            "html": "HTML version",
            "auth_username": "User name (basic authentication)",
        }
        help_texts = {
            "recipient_role": "Of members of the group; empty: all of them.",
            "html": "Mail programs show it instead of the text. It is not needed.",
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
        """Choices and words of the channel."""
        fitting = [*events.EVENTS]
        people = self.instance.for_people
        blank = "none: a person sends it" if people else "choose"
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
            self.fields["password"].help_text = "Stored sealed, and never shown again."

    def stored_besides(self) -> dict[str, str]:
        """The conditions, and the secrets as they are sealed."""
        return self.typed_besides() | {"secrets": f"{self.instance.auth_password} {self.instance.headers}"}

    def typed_besides(self) -> dict[str, str]:
        """The conditions, one a line."""
        return {
            "conditions": "\n".join(
                f"{row.field} {row.operator} {row.value}" for row in self.rows if row.field or row.value
            )
        }

    def take_besides(self, data: QueryDict, name: str, fresh: "TemplateForm") -> None:
        """Put the stored conditions into the data of a form."""
        if name != "conditions":
            return
        for number in range(1, checks.MOST_CONDITIONS + 1):
            row = next((row for row in fresh.rows if row.number == number), ConditionRow(number))
            data[f"f{number}"], data[f"o{number}"], data[f"v{number}"] = row.field, row.operator, row.value

    def said(self, name: str, value: str | None) -> str:
        """A value as people read it; a secret never."""
        return super().said(name, value) if name != "secrets" or value is None else "changed"

    @property
    def occasion(self) -> list[forms.BoundField]:
        """The fields of when and to whom."""
        return [self[name] for name in self.fields if name in _OCCASION]

    @property
    def content(self) -> list[forms.BoundField]:
        """The fields of what is said, and how it is sent."""
        return [self[name] for name in _CONTENT if name in self.fields]

    @property
    def operators(self) -> list[tuple[str, str]]:
        """What conditions can ask."""
        taken = [operator for operator in Operator if any(operator in OPERATORS[kind] for kind in _KINDS)]
        return [(operator.value, str(operator.label)) for operator in taken]

    @property
    def placeholders(self) -> Mapping[str, Sequence[templating.Placeholder]]:
        """What can be inserted."""
        by_hand = (self["trigger"].value() if "trigger" in self.fields else "") == Trigger.MANUAL
        return templating.offered(by_hand=by_hand)

    @property
    def most(self) -> int:
        """How many characters the text may have."""
        return self.instance.channel.longest

    def clean_text(self) -> str:
        """Line ends as mails and phones know them."""
        return _unix(self.cleaned_data["text"])

    def clean_html(self) -> str:
        """Line ends as above."""
        return _unix(self.cleaned_data["html"])

    def _post_clean(self) -> None:
        """Put everything into the template, and ask the domain what is wrong with it."""
        super()._post_clean()  # type: ignore[misc]
        self._take_conditions()
        if "header_lines" in self.fields:
            self._take_web_hook()
        if self.instance.trigger == Trigger.MANUAL:
            self.instance.subscription = SubscriptionOption.OPT_OUT
        if self.instance.recipient_role and self.instance.recipient != RecipientKind.GROUP_MEMBERS:
            members = RecipientKind.GROUP_MEMBERS.label
            self.add_error(
                "recipient_role", f"Choose “{members}” above, or empty this field: only members have a role."
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
        """The rows as they came, or as they are stored; some empty ones after them."""
        if self.is_bound:
            rows = list(_rows_in(self.data))
        else:
            rows = [
                ConditionRow(number, one["field"], one["operator"], ", ".join(one["values"]))
                for number, one in enumerate(self.instance.conditions, start=1)
            ]
        spare = min(_SPARE_ROWS, checks.MOST_CONDITIONS - len(rows))
        return rows + [ConditionRow(len(rows) + number) for number in range(1, spare + 1)]

    def _take_conditions(self) -> None:
        found = []
        for place, row in enumerate(self.rows):
            if not row.field:
                if row.value:
                    self._wrong(place, "Choose a placeholder.")
                continue
            try:
                found.append(templating.conditions.parse(row.field, row.operator, _values(row)))
            except Malformed as error:
                self._wrong(place, alone(sentence(error)))
        self.instance.conditions = templating.conditions.write(found)

    def ask_again(self, moved: Mapping[str, Sequence[str]]) -> None:
        """Ask for the secrets that were stored for the server of the URL as it was."""
        if "auth_password" in moved:
            self.add_error(
                "password",
                "The URL leads to another server: enter the password again, or remove the user name.",
            )
        if names := ", ".join(moved.get("headers", ())):
            self.add_error(
                "header_lines",
                f"The URL leads to another server: enter the value of {names} again, or remove the line.",
            )

    def _keeps(self, header: str) -> bool:
        return is_sealed(self.instance.headers.get(header, ""))

    def _wrong(self, place: int, sentence: str) -> None:
        row = self.rows[place]
        self.rows[place] = ConditionRow(row.number, row.field, row.operator, row.value, sentence)
        if not self.has_error("match_any"):
            self.add_error("match_any", "A condition is wrong.")

    def _take_web_hook(self) -> None:
        headers: dict[str, str] = {}
        for line in lines_of(self.cleaned_data.get("header_lines", "")):
            name, colon, value = line.partition(":")
            if line.strip() and (not colon or name.strip() in headers):
                self.add_error(
                    "header_lines", f"“{line[:60]}” is no header: write Name: value, each name once."
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
                    "Enter the user name that the password belongs to, or empty the password.",
                )


class TrialForm(forms.Form):
    """For whom the preview is filled in."""

    with_client = forms.CharField(label="Preview with", required=False, max_length=300)


def _rows_in(data: MultiValueDict | Mapping[str, Any]) -> list[ConditionRow]:
    rows: list[ConditionRow] = []
    for number in range(1, checks.MOST_CONDITIONS + 1):
        field, operator, value = (
            str(data.get(f"{part}{number}", "")).strip()[:1_000] for part in ("f", "o", "v")
        )
        if field or value:
            rows.append(ConditionRow(len(rows) + 1, field.strip("{}"), operator, value))
    return rows


def _values(row: ConditionRow) -> list[str]:
    if row.operator in WITHOUT_VALUE or not row.value:
        return []
    return (
        [part.strip() for part in row.value.split(",")] if row.operator == Operator.BETWEEN else [row.value]
    )


def _lines(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {HIDDEN if is_sealed(value) else value}" for name, value in headers.items())


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
