"""The only door through which a message row is made: enqueue, enqueue_many, send_once, resend."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from notifications import channels
from notifications.channels import DeliveryError, Envelope
from notifications.clock import db_now
from notifications.drafts import Draft, Staff
from notifications.drafts import envelope as envelope_for
from notifications.failures import Reason
from notifications.lanes import LaneFinder
from notifications.models import Message
from notifications.states import MessageState, MessageType, first_state
from notifications.text import Malformed

__all__ = ["Draft", "Malformed", "NotResendable", "Resent", "check", "enqueue", "enqueue_many", "resend", "send_once"]

_BATCH = 500
_MISSING_DESTINATION = {
    MessageType.EMAIL: Reason.MISSING_EMAIL_RECIPIENT_ADDRESS,
    MessageType.SMS: Reason.MISSING_SMS_RECIPIENT,
}
# What a resend takes over byte for byte from the failed row.
_COPIED = (
    "type", "lane_id", "destination", "subject", "content", "html", "method", "content_type", "headers", "auth_username", "auth_password",
    "sender", "sender_user_id", "recipient_name", "client_id", "group_id", "user_id", "event",
    "business_event_id", "template_id", "template_name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resent:
    """What a resend led to: a new row, or the one that was there already."""

    message: Message
    created: bool


class NotResendable(Exception):
    """This message cannot be resent; the text says why, in the words of a clerk."""


def enqueue(draft: Draft) -> Message:
    """Store one message, to be sent as soon as the caller's transaction is committed. Raises Malformed."""
    return enqueue_many([draft])[0]


def enqueue_many(drafts: Iterable[Draft]) -> list[Message]:
    """Store messages in the caller's transaction, in order; all or, if one is Malformed, none."""
    with transaction.atomic():
        now, lanes = db_now(), LaneFinder()
        return Message.objects.bulk_create([_born(draft, now, lanes) for draft in drafts], batch_size=_BATCH)


def check(draft: Draft) -> None:
    """Raise Malformed if this draft could not be stored. What depends on recipient, length or settings is no such fault."""
    envelope_for(draft)


def resend(message: Message, *, by: Staff, expected_last: UUID | None = None, again: bool = False) -> Resent:
    """Send a FAILED message once more, as a new row with the same content that points at the failed one.

    The seed: "you will not overwrite the entry for the initial failed message". One new row however often and by however
    many this is asked: the chain's first row is locked, and where another row of the chain is under way, or is newer than
    `expected_last` (the last row that the asker saw), that row is the answer. `again` insists although one was delivered.
    Raises NotResendable.
    """
    with transaction.atomic():
        chain = _locked_chain(message)
        source = next(each for each in chain if each.pk == message.pk)
        if answer := _answer_of(chain, source, expected_last, again):
            return Resent(answer, created=False)
        return Resent(_reborn(source, chain[0].pk, by), created=True)


def send_once(draft: Draft, *, instead_of: Message | None = None, expected_last: UUID | None = None, again: bool = False) -> Resent:
    """Store one message that a person wrote, once however often the same form arrives: the draft's key says which form it was.

    `instead_of` is a FAILED message: the new row joins its chain, under the rules of resend(). Raises Malformed and NotResendable.
    """
    if draft.key is None or draft.sender is None:
        raise ValueError("a message that is sent once has a key and a sender")
    with transaction.atomic():
        chain = _locked_chain(instead_of) if instead_of else []
        if found := _sent_before(draft):
            return found
        source = next((each for each in chain if instead_of and each.pk == instead_of.pk), None)
        if source and (answer := _answer_of(chain, source, expected_last, again)):
            return Resent(answer, created=False)
        message = _born(draft, db_now(), LaneFinder())
        if source:
            message.first_id, message.resend_of = chain[0].pk, source
            message.resent_by, message.resent_by_user_id = draft.sender.name, draft.sender.pk
        try:
            with transaction.atomic():
                message.save(force_insert=True)
        except IntegrityError:  # the same form, a moment ago, in another transaction
            if found := _sent_before(draft):
                return found
            raise
        return Resent(message, created=True)


def _sent_before(draft: Draft) -> Resent | None:
    found = Message.objects.filter(key=draft.key).first() if draft.key else None
    if found is None:
        return None
    if draft.sender is None or found.sender_user_id != draft.sender.pk:
        raise Malformed("key", "belongs to another message")
    return Resent(found, created=False)


def _locked_chain(message: Message) -> list[Message]:
    """Every row of the message's chain, oldest first; the first one is locked until the transaction ends."""
    first_pk = message.first_id or message.pk
    Message.objects.select_for_update().only("pk").get(pk=first_pk)
    return list(Message.objects.filter(Q(pk=first_pk) | Q(first_id=first_pk)).order_by("pk"))


def _answer_of(chain: list[Message], source: Message, expected_last: UUID | None, again: bool) -> Message | None:
    """The row that answers the wish to send `source` again; None where a new row is due. Raises NotResendable."""
    if source.state != MessageState.FAILED:
        raise NotResendable(f"Only failed messages can be resent. This one is {source.get_state_display().lower()}.")
    if under_way := next((each for each in chain if not each.is_final), None):
        return under_way
    if expected_last is not None and chain[-1].key != expected_last:
        return chain[-1]
    delivered = next((each for each in chain if each.sent_at), None)
    if delivered is not None and delivered.sent_at is not None and not again:
        when = timezone.localtime(delivered.sent_at)
        raise NotResendable(f"It was delivered already, on {when:%-d %b %Y at %H:%M}. Choose “Send once more” to send it again.")
    return None


def _born(draft: Draft, now: datetime, lanes: LaneFinder) -> Message:
    envelope = envelope_for(draft)
    message = Message(
        key=envelope.key,
        type=draft.type,
        destination=envelope.destination,
        subject=draft.subject,
        content=draft.body,
        html=draft.html,
        method=envelope.method,
        content_type=envelope.content_type,
        headers=dict(envelope.headers),
        auth_username=draft.auth_username,
        auth_password=envelope.auth_password,
        sender=draft.sender.name if draft.sender else settings.SYSTEM_SENDER_NAME,
        sender_user_id=draft.sender.pk if draft.sender else None,
        recipient_name=draft.recipient.name if draft.recipient else "",
        client=draft.client,
        group=draft.group,
        user_id=draft.user.pk if draft.user else None,
        event=draft.event,
        business_event=draft.business_event,
        template=draft.template,
        template_name=draft.template.name if draft.template else "",
    )
    _begin(message, envelope, now, lanes)
    return message


def _reborn(source: Message, first_pk: int, by: Staff) -> Message:
    now = db_now()
    copied = {name: getattr(source, name) for name in _COPIED}
    new = Message(**copied, key=uuid4(), first_id=first_pk, resend_of=source, resent_by=by.name, resent_by_user_id=by.pk)
    _begin(new, _envelope_of(new), now, LaneFinder())
    new.save(force_insert=True)
    return new


def _begin(message: Message, envelope: Envelope, now: datetime, lanes: LaneFinder) -> None:
    """Give a row its first state: due at once, or FAILED where it can never be sent as it stands."""
    channel = channels.get(MessageType(message.type))
    message.created_at = now
    lane_name = ""
    try:
        if not envelope.destination:
            raise DeliveryError(_MISSING_DESTINATION.get(channel.type, Reason.UNDEFINED_DESTINATION), "No destination is on file.")
        channel.check(envelope)
        lane_name = channel.lane(envelope.destination)
    except DeliveryError as error:
        message.state = MessageState.FAILED
        message.failure_reason, message.failure_cause = error.reason, error.detail
    else:
        message.state = first_state(channel.type)
        message.due_at = now
    message.lane_id = lanes.id(channel.type, lane_name)


def _envelope_of(message: Message) -> Envelope:
    return Envelope(
        key=message.key,
        destination=message.destination,
        subject=message.subject,
        body=message.content,
        html=message.html,
        event=message.event,
        method=message.method,
        content_type=message.content_type,
        headers=MappingProxyType(message.headers),
        auth_username=message.auth_username,
        auth_password=message.auth_password,
    )
