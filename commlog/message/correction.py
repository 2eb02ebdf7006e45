"""*Correct the address*: change the recipient's address and resend what failed at the old one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from commlog import permissions
from commlog.kit.edit_conflicts import Check, SeenForm
from commlog.message import offers
from commlog.message.detail import Reading
from commlog.models import User
from commlog.permissions import Person
from commlog.recipients import contact
from commlog.recipients.forms import REACHED_BY
from commlog.recipients.kinds import kind_of, recipient_of
from notifications import channels, outbox
from notifications.models import Client, Group, Message
from notifications.models.message import MessageQuerySet
from notifications.secrets import hidden
from notifications.states import MessageState

MOST_OTHERS = 50  # that are offered at once
_LATEST = 500  # messages of the client that are looked through for them


class CorrectionForm(SeenForm, forms.Form):
    """The address or number on file."""

    def __init__(self, data: QueryDict | None, *, message: Message, recipient: Client | Group) -> None:
        self.contact = channels.of(message.type).contact
        what = channels.of(message.type).destination_name
        super().__init__(data, initial={"address": getattr(recipient, self.contact)}, auto_id="correct_%s")
        self.fields["address"] = REACHED_BY[self.contact](
            label=f"{what[0].upper()}{what[1:]} of {recipient.name}",
            max_length=getattr(type(recipient)._meta.get_field(self.contact), "max_length", None),
            error_messages={"required": f"Enter the {what}."},
        )
        self.fields["address"].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}
        self.watch()


@dataclass(frozen=True, slots=True)
class Correction:
    """What can be corrected about a message's destination.

    `on_file`: the recipient's current address. `form`: None once the message is in progress or has been
    delivered. `resends`: whether the message is resent too. `others`: what else failed at the old address.
    `first`: whether the address is the cause, so that this is the first action.
    """

    what: str
    on_file: str
    form: CorrectionForm | None
    resends: bool
    others: Sequence[Message]
    first: bool


def correction_of(reading: Reading, *, by: Person, form: CorrectionForm | None = None) -> Correction | None:
    """Return what `by` may correct about the destination; None if nothing, or if it would not help.

    It needs the permission to edit the client or group. `form`: the submitted, invalid one.
    """
    message, offer = reading.message, reading.offer
    recipient = correctable(message, by=by)
    if recipient is None:
        return None
    on_file = channels.of(message.type).address_of(recipient)
    # What has a secret value goes to its own destination only.
    resends = permissions.may_resend(by) and not hidden.is_left_out(message.content, message.html)
    moved = resends and bool(on_file) and on_file != message.destination
    others = list(_others(message, recipient)) if moved else []
    if not (offer.under_way or offer.delivered):
        form = form or CorrectionForm(None, message=message, recipient=recipient)
    if not (form or others):
        return None
    what = channels.of(message.type).destination_name
    return Correction(what, on_file, form, resends, others, first=reading.blames_address)


def correctable(message: Message, *, by: Person) -> Client | Group | None:
    """Return the client or group whose address the failure shows to be wrong, if `by` may change it."""
    recipient = recipient_of(message)
    failed = message.state == MessageState.FAILED or message.was_lost
    if not (failed and isinstance(recipient, Client | Group) and channels.of(message.type).contact):
        return None
    return recipient if permissions.may_correct_address(by, kind_of(recipient).name) else None


def correct(recipient: Client | Group, form: CorrectionForm, *, by: User, check: Check) -> bool:
    """Store the address of the client or group. Return whether it changed."""
    return contact.correct(recipient, form.contact, form.cleaned_data["address"], by=by, check=check)


def resend_to(
    message: Message, recipient: Client | Group, *, by: User, expected_last: UUID | None = None
) -> outbox.Resent:
    """Resend the message to the recipient's current address. Raises outbox.NotResendable."""
    facts = channels.of(message.type)
    recipient.refresh_from_db(fields=[facts.contact])
    destination = facts.spelled(facts.address_of(recipient))
    return offers.resend(message, by=by, expected_last=expected_last, destination=destination)


def resend_others(
    message: Message, recipient: Client | Group, keys: Iterable[UUID], *, by: User
) -> tuple[int, int]:
    """Resend those of these messages that failed at the same address. Return how many were, and were not."""
    chosen = set(keys)
    sent = refused = 0
    for other in _others(message, recipient):
        if other.key in chosen:
            try:
                sent += resend_to(other, recipient, by=by, expected_last=None).created
            except outbox.NotResendable:
                refused += 1
    return sent, refused


def _others(message: Message, recipient: Client | Group) -> MessageQuerySet:
    """Return recent failures at this destination not delivered since; of each chain the last entry."""
    whom: dict[str, Any] = {kind_of(recipient).name: recipient}
    latest = Message.objects.filter(**whom).order_by("-created_at", "-pk").values("pk")[:_LATEST]
    alike = Message.objects.filter(
        pk__in=latest, type=message.type, destination=message.destination, state=MessageState.FAILED
    )
    chain = [message.first_id or message.pk, message.pk]
    others = alike.unanswered().exclude(pk__in=chain).exclude(first__in=chain)
    return others.select_related("client", "group").order_by("-created_at", "-pk")[:MOST_OTHERS]
