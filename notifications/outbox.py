"""The only code that creates messages: enqueue, enqueue_many, store, send_once, resend, resend_many."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from notifications import channels, sendable
from notifications.channels import DeliveryError, Envelope
from notifications.content import COLUMNS, as_columns
from notifications.database.clock import db_now, kept_now
from notifications.drafts import Draft, Staff
from notifications.drafts import envelope as envelope_for
from notifications.failures import Reason
from notifications.failures.meanings import stored
from notifications.faults import Fault, Malformed
from notifications.lanes.openings import LaneFinder
from notifications.models import Message, NotificationTemplate, SealedValues
from notifications.secrets import hidden
from notifications.states import MessageState, MessageType, first_state
from notifications.text.days import written

__all__ = [
    "Draft",
    "NotResendable",
    "Obstacle",
    "Ready",
    "Resent",
    "ResentMany",
    "Unsendable",
    "check",
    "enqueue",
    "enqueue_many",
    "resend",
    "resend_many",
    "send_once",
    "store",
]

_BATCH = 500
_AS_IT_IS = "It has a secret value, so it can be resent only as it is."
_ELSEWHERE = "It has a secret value, so it can be resent only to its own destination."
# What its chain's rules ask of a row.
_STANDING = ("pk", "state", "sent_at", "receipt_status", "receipt_at", "first_id")
# What a resend takes over byte for byte from the failed row.
COPIED = (
    "type", "destination", "sender", "sender_user_id", "recipient_name", "client_id", "group_id", "user_id",
    "business_event_id", "template_id", "template_name", *COLUMNS.values(),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resent:
    """The result of a resend: a new row, or the one that existed already."""

    message: Message
    created: bool


class Obstacle(StrEnum):
    """The reason why a message cannot be resent."""

    NOT_FAILED = "NOT_FAILED"
    UNDER_WAY = "UNDER_WAY"  # another row of its chain is not final
    DELIVERED = "DELIVERED"  # another row of its chain was sent
    RESENT_SINCE = "RESENT_SINCE"  # somebody else has resent it since, and that failed
    UNSENDABLE = "UNSENDABLE"  # it would fail again at once


@dataclass(frozen=True, slots=True)
class ResentMany:
    """The results of many resends: by message id, the id of its new row or the obstacle."""

    results: Mapping[int, int | Obstacle]

    @property
    def created(self) -> int:
        return len(self.results) - self.skipped

    @property
    def skipped(self) -> int:
        return sum(isinstance(result, Obstacle) for result in self.results.values())


class NotResendable(Exception):
    """This message cannot be resent; the text says why, in the words of a clerk."""


class Unsendable(NotResendable):
    """It would fail again at once, for this reason. The text says what to do instead."""

    def __init__(self, said: str, reason: Reason) -> None:
        super().__init__(said)
        self.reason = reason


class Ready(NamedTuple):
    """A draft that can be stored, and the envelope that its channel would get."""

    draft: Draft
    envelope: Envelope


def enqueue(draft: Draft) -> Message:
    """Store one message, which is sent as soon as the caller's transaction is committed. Raises Malformed."""
    return enqueue_many([draft])[0]


def enqueue_many(drafts: Iterable[Draft]) -> list[Message]:
    """Store messages in the caller's transaction, in order; all or, if one is Malformed, none."""
    return store([check(draft) for draft in drafts])


def check(draft: Draft) -> Ready:
    """Return the draft ready for `store`. Raises Malformed, but not for recipients, lengths and settings."""
    return Ready(draft, envelope_for(draft))


def store(ready: Sequence[Ready]) -> list[Message]:
    """Store messages in the caller's transaction, in order; all of them or none."""
    # Nothing is refused any more, so there is nothing to go back to within a transaction.
    with transaction.atomic(savepoint=False):
        now, lanes = kept_now(), LaneFinder()
        _put_in_use(each.draft for each in ready)
        born = Message.objects.bulk_create([_born(each, now, lanes) for each in ready], batch_size=_BATCH)
        _keep_left_out(born, ready)
        return born


def resend(
    message: Message,
    *,
    by: Staff,
    expected_last: UUID | None = None,
    again: bool = False,
    destination: str = "",
) -> Resent:
    """Send a FAILED message again, as a new row with the same content that refers to the failed one.

    The seed: "you will not overwrite the entry for the initial failed message". There is one new row however
    often and by however many callers this is requested: the chain's first row is locked, and if another row
    of the chain is under way, or is newer than `expected_last` (the last row that the caller saw), that row
    is returned. `again`: resend although one was delivered. `destination`: the new row's destination, once
    the address was corrected; with it, a message that was sent and reported as lost can be resent, too.
    Raises NotResendable, and Unsendable if the new row would fail at once.
    """
    with transaction.atomic():
        chain = _locked_chain(message)
        source = next(each for each in chain if each.pk == message.pk)
        if answer := _answer_of(chain, source, expected_last, again, anew=bool(destination)):
            return Resent(answer, created=False)
        secret = hidden.is_left_out(source.content, source.html)
        if secret and destination not in ("", source.destination):
            raise NotResendable(_ELSEWHERE)
        new = _copied(source, chain[0].pk, by, db_now(), LaneFinder(), destination=destination)
        if isinstance(new, DeliveryError):
            raise Unsendable(sendable.words(source, new), new.reason)
        new.save(force_insert=True)
        if secret:
            SealedValues.objects.hand_on(chain[0].pk, new.pk)
        return Resent(new, created=True)


def resend_many(
    pks: Iterable[int], *, by: Staff, again: bool = False, newest: int | None = None
) -> ResentMany:
    """Send many FAILED messages again in one transaction, at most one per chain: the latest requested.

    Skipped are messages that did not fail, that would fail again at once, or that have another row of their
    chain under way or, unless `again`, sent. With `newest`, the largest message id when they were selected,
    those resent since are skipped too. Texts are in memory for one batch at a time.
    """
    asked = list(dict.fromkeys(pks))
    with transaction.atomic():
        chains = _locked_chains(asked)
        results: dict[int, int | Obstacle] = {}
        due: dict[int, int] = {}  # id of a chain's first row -> id of the message
        for pk in sorted(asked, reverse=True):
            chain = chains.get(pk, [])
            if obstacle := _obstacle_of_many(pk, chain, again, newest):
                results[pk] = obstacle
            elif due.setdefault(chain[0].pk, pk) != pk:
                results[pk] = Obstacle.UNDER_WAY  # by a later one of these
        wanted, now, lanes = sorted(due.values()), db_now(), LaneFinder()
        roots = {pk: root for root, pk in due.items()}
        for some in _batches(wanted):
            sources = Message.objects.in_bulk(some)
            copies = {
                pk: _copied(source, roots[pk], by, now, lanes) for pk, source in sorted(sources.items())
            }
            results |= dict.fromkeys(copies, Obstacle.UNSENDABLE)
            new = Message.objects.bulk_create([copy for copy in copies.values() if isinstance(copy, Message)])
            for row in new:
                if hidden.is_left_out(row.content, row.html):
                    SealedValues.objects.hand_on(roots[row.resend_of_id or 0], row.pk)
            results |= {row.resend_of_id: row.pk for row in new if row.resend_of_id}
    return ResentMany(results)


def _obstacle_of_many(pk: int, chain: list[Message], again: bool, newest: int | None) -> Obstacle | None:
    source = next((each for each in chain if each.pk == pk), None)
    if source is None:
        return Obstacle.NOT_FAILED
    obstacle, _ = _obstacle(chain, source) or (None, source)
    if obstacle and not (obstacle == Obstacle.DELIVERED and again):
        return obstacle
    return Obstacle.RESENT_SINCE if newest is not None and chain[-1].pk > newest else None


def send_once(
    draft: Draft, *, instead_of: Message | None = None, expected_last: UUID | None = None, again: bool = False
) -> Resent:
    """Store one message that a person wrote, once however often the same form arrives.

    The draft's key identifies the form. `instead_of` is a message that FAILED, or was sent and reported as
    lost: the new row joins its chain, under the rules of resend(). Raises Malformed and NotResendable.
    """
    if draft.key is None or draft.sender is None:
        raise ValueError("a message that is sent once has a key and a sender")
    with transaction.atomic():
        chain = _locked_chain(instead_of) if instead_of else []
        if found := _sent_before(draft):
            return found
        source = next((each for each in chain if instead_of and each.pk == instead_of.pk), None)
        if source and hidden.is_left_out(source.content, source.html):
            raise NotResendable(_AS_IT_IS)
        if source and (answer := _answer_of(chain, source, expected_last, again, anew=True)):
            return Resent(answer, created=False)
        message = _born(check(draft), db_now(), LaneFinder())
        _put_in_use([draft])
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
        raise Malformed("key", Fault.KEY_OF_ANOTHER_MESSAGE)
    return Resent(found, created=False)


def _locked_chain(message: Message) -> list[Message]:
    """Return every row of the message's chain, oldest first; the first row is locked."""
    first_pk = message.first_id or message.pk
    Message.objects.select_for_update().only("pk").get(pk=first_pk)
    return list(Message.objects.filter(Q(pk=first_pk) | Q(first_id=first_pk)).order_by("pk"))


def _locked_chains(asked: Sequence[int]) -> dict[int, list[Message]]:
    """Return every row of each message's chain, oldest first, without texts; the first rows are locked."""
    roots: dict[int, int] = {}
    for some in _batches(asked):
        roots |= {
            pk: first or pk for pk, first in Message.objects.filter(pk__in=some).values_list("pk", "first_id")
        }
    chains: dict[int, list[Message]] = defaultdict(list)
    # Locked in one order everywhere: two such calls cannot block each other.
    for some in _batches(sorted(set(roots.values()))):
        list(
            Message.objects.select_for_update()
            .filter(pk__in=some)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        for condition in (Q(pk__in=some), Q(first__in=some)):
            for each in Message.objects.filter(condition).only(*_STANDING).order_by("pk"):
                chains[each.first_id or each.pk].append(each)
    return {pk: chains[root] for pk, root in roots.items()}


def _batches(pks: Sequence[int]) -> Iterator[Sequence[int]]:
    return (pks[start : start + _BATCH] for start in range(0, len(pks), _BATCH))


def _obstacle(
    chain: list[Message], source: Message, *, anew: bool = False
) -> tuple[Obstacle, Message] | None:
    """Return the obstacle to resending `source`, and the row that causes it; None if there is none.

    `anew`: a person writes it anew, which is also allowed for a row that was sent and reported as lost.
    """
    if source.state != MessageState.FAILED and not (anew and source.was_lost):
        return Obstacle.NOT_FAILED, source
    if under_way := next((each for each in chain if not each.is_final), None):
        return Obstacle.UNDER_WAY, under_way
    delivered = next((each for each in chain if each.arrived), None)
    return (Obstacle.DELIVERED, delivered) if delivered else None


def _answer_of(
    chain: list[Message], source: Message, expected_last: UUID | None, again: bool, *, anew: bool = False
) -> Message | None:
    """Return the existing row that answers a resend; None if a new one is needed. Raises NotResendable."""
    obstacle, row = _obstacle(chain, source, anew=anew) or (None, source)
    if obstacle == Obstacle.NOT_FAILED:
        raise NotResendable(
            f"Only failed messages can be resent. This one is {source.get_state_display().lower()}."
        )
    if obstacle == Obstacle.UNDER_WAY:
        return row
    if expected_last is not None and chain[-1].key != expected_last:
        return chain[-1]
    if obstacle == Obstacle.DELIVERED and row.arrived_at is not None and not again:
        when = timezone.localtime(row.arrived_at)
        raise NotResendable(
            f"It was already delivered on {written(when)} at {when:%H:%M}. Choose “Resend anyway” to send it "
            "again."
        )
    return None


def _keep_left_out(born: Sequence[Message], ready: Sequence[Ready]) -> None:
    SealedValues.objects.keep(
        (message, each.envelope.secrets, each.draft.secrets_expire_at)
        for message, each in zip(born, ready, strict=True)
    )


def _put_in_use(drafts: Iterable[Draft]) -> None:
    """Mark templates that have messages, each only once, so that their rows are not contended for."""
    fresh = {draft.template.pk for draft in drafts if draft.template and not draft.template.in_use}
    if fresh:
        NotificationTemplate.objects.filter(pk__in=fresh, in_use=False).update(in_use=True)


def _born(ready: Ready, now: datetime, lanes: LaneFinder) -> Message:
    draft, envelope = ready
    message = Message(
        key=envelope.key,
        type=draft.type,
        destination=envelope.destination,
        **as_columns(envelope),
        sender=draft.sender.name if draft.sender else settings.SYSTEM_SENDER_NAME,
        sender_user_id=draft.sender.pk if draft.sender else None,
        recipient_name=draft.recipient.name if draft.recipient else "",
        client=draft.client,
        group=draft.group,
        user_id=draft.user.pk if draft.user else None,
        business_event=draft.business_event,
        template=draft.template,
        template_name=draft.template.name if draft.template else "",
    )
    _begin(message, envelope, now, lanes)
    return message


def _copied(
    source: Message, first_pk: int, by: Staff, now: datetime, lanes: LaneFinder, *, destination: str = ""
) -> Message | DeliveryError:
    """Return a new row, due at once, with the failed one's content, or the error that it would fail with."""
    copied = {name: getattr(source, name) for name in COPIED}
    copied |= {"destination": destination} if destination else {}
    new = Message(
        **copied, key=uuid4(), first_id=first_pk, resend_of=source, resent_by=by.name, resent_by_user_id=by.pk
    )
    new.possible_duplicate = source.restored_at is not None
    if error := sendable.refusal_of(source if source.says_less else new):
        return error
    _make_due(new, now, lanes)
    return new


def _begin(message: Message, envelope: Envelope, now: datetime, lanes: LaneFinder) -> None:
    """Set a row's first state: due at once, or FAILED if it can never be sent as it is."""
    channel = MessageType(message.type)
    if error := sendable.refusal(channel, envelope):
        message.created_at, message.state, message.lane_id = now, MessageState.FAILED, lanes.id(channel, "")
        message.failure_reason, message.failure_cause = error.reason, error.detail
        for name, value in stored(channels.of(channel).meaning(error.reason, error.detail)).items():
            setattr(message, name, value)
    else:
        _make_due(message, now, lanes)


def _make_due(message: Message, now: datetime, lanes: LaneFinder) -> None:
    channel = MessageType(message.type)
    message.created_at = message.due_at = now
    message.state = first_state(channel)
    message.lane_id = lanes.id(channel, channels.get(channel).lane(message.destination))
