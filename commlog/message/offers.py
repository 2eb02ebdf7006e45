"""Resend on a failed entry: what its chain allows, and the resend itself."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from commlog import audit
from commlog.audit import AuditAction
from commlog.models import User
from notifications import outbox
from notifications.models import Message
from notifications.outbox import Resent
from notifications.states import MessageState

# What is shown of another entry of the chain.
_SHOWN = (
    "key", "type", "state", "outcome", "created_at", "sent_at", "sender", "resent_by", "first_id",
    "resend_of_id", "destination", "receipt_status", "receipt_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Offer:
    """An entry's chain: its last entry, the one that prevents a resend, and the possible actions."""

    last: UUID
    newer: Message | None = None
    under_way: Message | None = None
    delivered: Message | None = None
    failed: bool = False

    @property
    def may_resend(self) -> bool:
        return self.failed and not self.under_way and not self.delivered

    @property
    def once_more(self) -> bool:
        return self.failed and not self.under_way and self.delivered is not None


def resend(
    failed: Message,
    *,
    by: User,
    expected_last: UUID | None = None,
    again: bool = False,
    destination: str = "",
) -> Resent:
    """Resend a failed message and audit it. Raises outbox.NotResendable.

    `destination`: the new destination, if it changes.
    """
    with transaction.atomic():
        resent = outbox.resend(
            failed, by=by, expected_last=expected_last, again=again, destination=destination
        )
        if resent.created:
            message = resent.message
            label = f"{message.get_type_display()} to {message.recipient_name or message.destination}"
            told = {"failed message": failed.key.hex} | ({"resent anyway": True} if again else {})
            told |= {"to": destination} if destination else {}
            audit.record(by, AuditAction.RESENT, kind="message", key=message.key.hex, label=label, after=told)
    return resent


def chains_of(messages: Iterable[Message]) -> dict[int, list[Message]]:
    """Return the later entries of the messages' chains by their first entry's id, oldest first, in one query.

    Only failed messages are resent, and they stay failed: a message sent at the first try has no chain.
    """
    roots = {_root(each) for each in messages if each.first_id or each.state == MessageState.FAILED}
    chains: dict[int, list[Message]] = defaultdict(list)
    if roots:
        for entry in Message.objects.filter(first__in=roots).only("id", *_SHOWN).order_by("id"):
            chains[_root(entry)].append(entry)
    return chains


def offer_for(message: Message, chain: Sequence[Message]) -> Offer:
    """Return the possible actions; `chain`: the later entries of the message's chain, oldest first."""
    others = [entry for entry in chain if entry.pk != message.pk]
    newer = [entry for entry in others if entry.pk > message.pk]
    return Offer(
        last=chain[-1].key if chain else message.key,
        newer=newer[-1] if newer else None,
        under_way=next((entry for entry in others if not entry.is_final), None),
        delivered=next((entry for entry in (*reversed(others), message) if entry.arrived), None),
        failed=message.state == MessageState.FAILED and not message.says_less,
    )


def whole_chain(message: Message) -> list[Message]:
    """Return every entry of the message's chain, oldest first; empty without resends."""
    root = _root(message)
    entries = Message.objects.withheld() if message.masked else Message.objects.all()
    chain = list(entries.filter(Q(pk=root) | Q(first=root)).only("id", *_SHOWN).order_by("id"))
    return chain if len(chain) > 1 else []


def _root(message: Message) -> int:
    return message.first_id or message.pk
