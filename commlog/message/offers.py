"""Resend on a failed entry: what is offered, in the light of the other entries of its chain, and how it is
done.
"""

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
    """Of one entry: which entry is the last of its chain, which answers it, and what may be asked for.

    `may_resend`: nothing of the chain was sent or is under way. `once_more`: it was sent (`delivered`), so it
    takes insisting.
    """

    last: UUID
    newer: Message | None = None
    under_way: Message | None = None
    delivered: Message | None = None
    failed: bool = False

    @property
    def may_resend(self) -> bool:
        """Whether a plain Resend is offered."""
        return self.failed and not self.under_way and not self.delivered

    @property
    def once_more(self) -> bool:
        """Whether *Send once more* is offered."""
        return self.failed and not self.under_way and self.delivered is not None


def resend(failed: Message, *, by: User, expected_last: UUID | None = None, again: bool = False) -> Resent:
    """Send a failed message once more, and record who asked for it. Raises outbox.NotResendable."""
    with transaction.atomic():
        resent = outbox.resend(failed, by=by, expected_last=expected_last, again=again)
        if resent.created:
            message = resent.message
            label = f"{message.get_type_display()} to {message.recipient_name or message.destination}"
            told = {"failed message": failed.key.hex} | ({"sent once more": True} if again else {})
            audit.record(by, AuditAction.RESENT, kind="message", key=message.key.hex, label=label, after=told)
    return resent


def chains_of(messages: Iterable[Message]) -> dict[int, list[Message]]:
    """The later entries of the messages' chains by the id of the first entry, oldest first.

    One query, whatever the number.
    """
    roots = {_root(message) for message in messages}
    chains: dict[int, list[Message]] = defaultdict(list)
    if roots:
        for entry in Message.objects.filter(first__in=roots).only("id", *_SHOWN).order_by("id"):
            chains[_root(entry)].append(entry)
    return chains


def offer_for(message: Message, chain: Sequence[Message]) -> Offer:
    """What may be done with the message; `chain`: the later entries of its chain, oldest first."""
    others = [entry for entry in chain if entry.pk != message.pk]
    newer = [entry for entry in others if entry.pk > message.pk]
    return Offer(
        last=chain[-1].key if chain else message.key,
        newer=newer[-1] if newer else None,
        under_way=next((entry for entry in others if not entry.is_final), None),
        delivered=next((entry for entry in (*reversed(others), message) if entry.arrived), None),
        failed=message.state == MessageState.FAILED,
    )


def whole_chain(message: Message) -> list[Message]:
    """Every entry of the message's chain, the first one included, oldest first; empty where it stands
    alone.
    """
    root = _root(message)
    chain = list(Message.objects.filter(Q(pk=root) | Q(first=root)).only("id", *_SHOWN).order_by("id"))
    return chain if len(chain) > 1 else []


def _root(message: Message) -> int:
    return message.first_id or message.pk
