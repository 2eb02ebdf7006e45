"""Messages written by hand: to a client, a group or a user, or to replace one that failed."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from commlog.message.offers import Offer, offer_for, whole_chain
from commlog.models import User
from commlog.recipients.kinds import Address, Recipient, address_of, kind_of, url_of
from notifications import channels, outbox, templating
from notifications.content import stored_in
from notifications.models import Client, Group, Message, NotificationTemplate
from notifications.models.template import Target
from notifications.outbox import Draft, Resent
from notifications.secrets import hidden
from notifications.states import MessageState, MessageType
from notifications.text.validation import is_one_line

LONGEST_SUBJECT = 250
EVENT = "MANUAL"
TARGETS = {"client": Target.CLIENT, "group": Target.GROUP, "user": Target.USER}


class ResendForm(forms.Form):
    """The chain's last entry when the button was drawn; as `again` if it repeats a sent message."""

    expected_last = forms.UUIDField(required=False)
    again = forms.UUIDField(required=False)

    def clean(self) -> dict[str, Any]:
        """Return the entry as `expected_last`, and whether to repeat."""
        cleaned = super().clean() or {}
        again = cleaned.get("again")
        return {"expected_last": again or cleaned.get("expected_last"), "again": bool(again)}


class ComposeForm(forms.Form):
    """The message form. `key` identifies the form: two submissions with one key create one message."""

    key = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={"required": "Reload the page.", "invalid": "Reload the page."},
    )
    to = forms.CharField(label="To", max_length=254)
    subject = forms.CharField(
        label="Subject", max_length=LONGEST_SUBJECT, error_messages={"required": "Enter a subject."}
    )
    body = forms.CharField(
        label="Text",
        widget=forms.Textarea(attrs={"rows": 12}),
        error_messages={"required": "Enter the text."},
    )
    keep_html = forms.BooleanField(label="Send the HTML version too, as it was", required=False)
    template = forms.UUIDField(widget=forms.HiddenInput, required=False)
    expected_last = forms.UUIDField(widget=forms.HiddenInput, required=False)
    again = forms.BooleanField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, letter: "Letter", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.letter = letter
        self.most = letter.facts.longest
        if "subject" not in letter.facts.fields:
            del self.fields["subject"]
        if letter.recipient is not None:
            del self.fields["to"]
        if not letter.html:
            del self.fields["keep_html"]
        elif letter.template:
            self.fields["keep_html"].label = "Send the template’s HTML version too"
        self.fields["body"].widget.attrs |= {"data-most": self.most, "aria-describedby": "length"}
        # CharField's own validator says "Null characters are not allowed."
        for name in self.fields.keys() & {"to", "subject"}:
            self.fields[name].validators = [
                each for each in self.fields[name].validators if hasattr(each, "limit_value")
            ]
        self.fields["body"].validators = []

    def clean_to(self) -> str:
        text: str = self.cleaned_data["to"]
        try:
            return self.letter.facts.spelled(self.letter.facts.pasted(text))
        except ValueError as error:
            raise ValidationError(f"It cannot be sent there: {error}.") from error

    def clean_subject(self) -> str:
        text: str = self.cleaned_data["subject"]
        if not is_one_line(text):
            raise ValidationError("A subject is one line, without control characters.")
        return text

    def clean_body(self) -> str:
        """Return a text that can be stored and is short enough, with the line ends of mail and phones."""
        text: str = self.cleaned_data["body"].replace("\r\n", "\n").replace("\r", "\n")
        if "\0" in text:
            raise ValidationError("The text contains a NUL character, which cannot be sent.")
        if len(text) > self.most:
            raise ValidationError(
                f"The text has {len(text):,} characters; at most {self.most:,} can be sent."
            )
        return text

    def clean(self) -> dict[str, Any]:
        """Attach the error of the text to its field, beside the length that describes it."""
        if self.has_error("body"):
            self.fields["body"].widget.attrs["aria-describedby"] = "length id_body_error"
        return super().clean() or {}


@dataclass(frozen=True)
class Letter:
    """A message being written: channel, recipient, and the failed message it replaces or its template."""

    channel: MessageType
    recipient: Recipient | None
    failed: Message | None = None
    offer: Offer | None = None
    template: NotificationTemplate | None = None
    author: User | None = None

    @property
    def facts(self) -> channels.Medium:
        return channels.of(self.channel)

    @property
    def address(self) -> Address | None:
        """The recipient's current address; None if there is no recipient but only an address."""
        return address_of(self.recipient, self.channel) if self.recipient is not None else None

    @property
    def title(self) -> str:
        return "Edit and resend" if self.failed else f"Send {self.facts.noun()}"

    @property
    def html(self) -> str:
        if "html" not in self.facts.fields:
            return ""
        return self.failed.html if self.failed else str(self.filled.get("html", ""))

    @cached_property
    def filled(self) -> dict[str, Any]:
        if self.template is None or self.recipient is None or self.author is None:
            return {}
        return filled_by_hand(self.template, self.recipient, by=self.author)

    @property
    def back(self) -> str:
        if self.failed:
            return reverse("message", args=[self.failed.key])
        return url_of(self.recipient) if self.recipient is not None else reverse("home")

    def begin(self) -> dict[str, Any]:
        """Return the form's initial content: a failed message's, with its chain's last entry."""
        if self.failed is None:
            told = {name: text for name, text in self.filled.items() if name in ("subject", "body")}
            return told | {"key": uuid4(), "keep_html": True, "template": self.template and self.template.key}
        known = {
            "subject": self.failed.subject,
            "body": self.failed.content,
            "to": self.failed.destination,
            "keep_html": True,
        }
        return known | {
            "key": uuid4(),
            "expected_last": self.offer and self.offer.last,
            "again": bool(self.offer and self.offer.once_more),
        }

    def send(self, written: dict[str, Any], *, by: User) -> Resent:
        """Enqueue the message. Raises Malformed and NotResendable."""
        whom = self.recipient
        said: dict[str, Any] = stored_in(self.failed) if self.failed else {}
        said |= {"subject": written.get("subject", ""), "body": written["body"], "event": EVENT}
        said["html"] = self.html if written.get("keep_html") else ""
        draft = Draft(
            self.channel,
            destination=written.get("to", ""),
            **said,
            client=whom if isinstance(whom, Client) else None,
            group=whom if isinstance(whom, Group) else None,
            user=whom if isinstance(whom, User) else None,
            sender=by,
            key=written["key"],
            template=self.template or (self.failed.template if self.failed else None),
        )
        expected: UUID | None = written.get("expected_last")
        return outbox.send_once(
            draft, instead_of=self.failed, expected_last=expected, again=bool(written.get("again"))
        )


def templates_for(channel: MessageType, recipient: Recipient) -> list[NotificationTemplate]:
    """Return the templates with which a message of this channel to this recipient can begin, by name."""
    return list(NotificationTemplate.objects.known().manual(channel, TARGETS[kind_of(recipient).name]))


def filled_by_hand(template: NotificationTemplate, recipient: Recipient, *, by: Any) -> dict[str, Any]:
    """Return a manual template filled in for the recipient, in the name of its author."""
    values = templating.of_client(recipient if isinstance(recipient, Client) else None)
    values |= templating.of_group(
        recipient if isinstance(recipient, Group) else None
    ) | templating.of_recipient(recipient)
    return templating.content_of(
        template, values | {"USER_NAME": by.name} | templating.of_now(timezone.now())
    )


def anew(failed: Message, recipient: Recipient | None) -> Letter:
    """Return the message that replaces a failed one."""
    return Letter(MessageType(failed.type), recipient, failed, offer_for(failed, whole_chain(failed)))


def can_be_written_anew(message: Message) -> bool:
    """Return whether a person could have written it, and it failed or was reported as lost."""
    if message.says_less or hidden.is_left_out(message.content, message.html):
        return False
    return (message.state == MessageState.FAILED or message.was_lost) and message.type in channels.FOR_PEOPLE


def same_text(message: Message, written: dict[str, Any]) -> bool:
    """Return whether the stored text is the submitted one: a form sent twice may have another text."""
    return (message.subject, message.content) == (written.get("subject", ""), written["body"])
