"""Messages: one communication to one destination, frozen when the row is created."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any, Self
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.db.models.query import ModelIterable

from notifications import channels
from notifications.failures import Reason
from notifications.failures.meanings import Level, Meaning
from notifications.masking import WITHHELD, Withheld, withhold
from notifications.models.business_event import BusinessEvent
from notifications.models.folds import FoldField
from notifications.models.lane import Lane
from notifications.models.message_indexes import INDEXES
from notifications.models.message_indexes import of_channels as of_channels
from notifications.models.recipients import Client, Group
from notifications.models.template import NotificationTemplate
from notifications.secrets.sealed import SealedHeadersField, SealedTextField
from notifications.secrets.urls import shortened, without_secret_parts
from notifications.states import (
    CLAIMABLE,
    FINAL,
    LIVE,
    PROVES_DELIVERY,
    PROVES_LOSS,
    MessageState,
    MessageType,
    Outcome,
    ReceiptStatus,
    WaitingReason,
)

_FINAL = sorted(FINAL)
LONGEST_REFERENCE = 200
# The due time of what may have been sent before its database was restored: it is never reached, so a person
# has to decide.
UNTIL_RELEASED = datetime(9000, 1, 1, tzinfo=UTC)
_SENDING = MessageState.SENDING_ASYNC
# As Message.arrived says it.
ARRIVED = Q(receipt_status__in=sorted(PROVES_DELIVERY)) | (
    Q(state=MessageState.SENT) & ~Q(receipt_status__in=sorted(PROVES_LOSS))
)


class _MaskedRows(ModelIterable):
    """The iterator over the rows of `withheld()`."""

    def __iter__(self) -> Iterator["Message"]:
        for row in super().__iter__():
            withhold(row)
            yield row


MOST_LEGS = 20  # into which a condition is worth taking apart


class MessageQuerySet(models.QuerySet["Message"]):
    """Queries for messages.

    `legs`: conditions that together equal one of the filters, each served by its own index. No index serves
    their OR in order, so a page is merged from the first rows of each (commlog.kit.paging). `masked`: whether
    the reader may not know contents and destinations.
    """

    legs: tuple[Q, ...] = ()
    masked = False
    _either = 0  # the place of their OR among the conditions

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone.legs, clone._either, clone.masked = self.legs, self._either, self.masked
        return clone

    def withheld(self) -> Self:
        """Return the same messages with each row masked (notifications.masking).

        Order and conditions do not change.
        """
        found = self._chain()  # type: ignore[attr-defined]
        found.masked, found._iterable_class = True, _MaskedRows
        return found

    def _values(self, *fields: Any, **expressions: Any) -> Self:
        if self.masked and (names := WITHHELD.intersection(each for each in fields if isinstance(each, str))):
            raise Withheld(names)
        return super()._values(*fields, **expressions)  # type: ignore[misc]

    def of_user(self, user_id: int) -> Self:
        """Return the messages to or from the member of staff."""
        return self.any_of(Q(user=user_id), Q(sender_user=user_id))

    def of_account(self, key: UUID) -> Self:
        """Return the messages about the loan account or the deposit account with this key."""
        return self.any_of(Q(loan_account_key=key), Q(deposit_account_key=key))

    def of_key(self, key: UUID) -> Self:
        """Return the message with this key, and those about the object with this key in the bank's core."""
        return self.any_of(
            *(
                Q(**{name: key})
                for name in ("key", "loan_account_key", "deposit_account_key", "repayment_key")
            )
        )

    def any_of(self, *legs: Q) -> Self:
        """Return the messages that meet one of the conditions, each of which has an index."""
        found = self.filter(reduce(or_, legs))
        if len(legs) > 1 and not self.legs:
            found.legs, found._either = legs, len(self.query.where.children)
        return found

    def of_leg(self, leg: Q) -> Self:
        """Return the messages of one leg.

        The leg replaces the OR of all legs, which would keep its index from being used.
        """
        found = self._chain()  # type: ignore[attr-defined]
        del found.query.where.children[self._either]
        found.legs = ()
        return found.filter(leg)

    def failed(self) -> Self:
        return self.filter(state=MessageState.FAILED)

    def live(self) -> Self:
        return self.filter(state__in=sorted(LIVE))

    def unanswered(self) -> Self:
        """Return the messages that have not arrived, in chains where nothing has arrived or is under way."""
        return self.filter(unanswered())


def unanswered() -> Q:
    """Return the condition that a message has not arrived, nor anything of its chain, and none is under way.

    CASE keeps PostgreSQL from turning the subqueries into anti-joins: as long as its statistics say that
    there are no resends, those read all of them for each row, which took minutes where it now takes seconds.
    """
    chain = Message.objects.filter(
        ARRIVED | Q(state__in=sorted(LIVE)), first=Coalesce(OuterRef("first"), OuterRef("pk"))
    )
    root = Message.objects.filter(ARRIVED, pk=OuterRef("first"))
    answered = ARRIVED | Exists(chain) | Exists(root)
    return Q(Exact(Case(When(answered, then=Value(1)), default=Value(0)), 0))


def reference_of(reference_id: str, provider_id: str, channel: str) -> str:
    """Return the sender's reference; for an SMS without one, its provider's number."""
    return reference_id or (provider_id if channels.of(channel).numbered else "")


class Message(models.Model):
    """A row in the log. Its content never changes; its state does by conditional UPDATE, never once final."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    type = models.CharField(max_length=16, choices=MessageType.choices)
    state = models.CharField(max_length=20, choices=MessageState.choices)
    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, db_index=False, related_name="+")

    # What is sent, and where to.
    destination = models.TextField()
    destination_fold = FoldField("destination", sparse=True)
    subject = models.TextField(default="")
    content = models.TextField(default="")
    html = models.TextField(default="")
    method = models.CharField(max_length=5, default="")
    content_type = models.CharField(max_length=40, default="")
    headers = SealedHeadersField(default=dict)
    auth_username = models.TextField(default="")
    auth_password = SealedTextField(default="")

    # Who sent it to whom, as they were called then; later renames do not rewrite the log.
    sender = models.CharField(max_length=200)
    sender_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        related_name="sent_messages",
    )
    recipient_name = models.CharField(max_length=310, default="")
    recipient_name_fold = FoldField("recipient_name", sparse=True)
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, null=True, db_index=False, related_name="messages"
    )
    group = models.ForeignKey(
        Group, on_delete=models.PROTECT, null=True, db_index=False, related_name="messages"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False, related_name="messages"
    )
    event = models.CharField(max_length=64, default="")
    # What it was made from. No index: it would cost the senders at each change of state, and the event's
    # trace names its messages. So the database cannot look for them when an event is deleted.
    business_event = models.ForeignKey(
        BusinessEvent, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="messages"
    )
    template = models.ForeignKey(
        NotificationTemplate, on_delete=models.PROTECT, null=True, db_index=False, related_name="messages"
    )
    template_name = models.CharField(max_length=255, default="")
    # What it is about in the bank's core, as the sender told it: nothing of that is stored here.
    loan_account_key = models.UUIDField(null=True)
    deposit_account_key = models.UUIDField(null=True)
    repayment_key = models.UUIDField(null=True)
    reference_id = models.CharField(max_length=LONGEST_REFERENCE, default="", db_default="")

    # Its life.
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # set while nobody has claimed it
    # Since when it waits apart from the rest of its lane, because its destination failed while the circuit
    # was open.
    parked_at = models.DateTimeField(null=True)
    token = models.PositiveIntegerField(default=0)  # the fence: counts the claims
    lease_until = models.DateTimeField(null=True)  # set while a worker has claimed it
    waiting_reason = models.CharField(max_length=32, choices=WaitingReason.choices, default="")
    attempt_count = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)  # attempts that used up a try: refused or unknown
    abandons = models.PositiveIntegerField(default=0)  # attempts whose worker died before anything left
    failure_reason = models.CharField(max_length=40, choices=Reason.choices, default="")
    failure_cause = models.TextField(default="")
    # What that means, once it has FAILED, and the same coarsely (notifications.failures.meanings).
    failure_meaning = models.CharField(max_length=20, choices=Meaning.choices, default="", db_default="")
    failed_at = models.DateTimeField(null=True)  # when its last try failed
    failure_level = models.CharField(max_length=9, choices=Level.choices, default="", db_default="")
    outcome = models.CharField(max_length=9, choices=Outcome.choices, default="")
    possible_duplicate = models.BooleanField(default=False)
    provider_id = models.CharField(max_length=200, default="")
    # When its database was found to have been restored from a backup: until then it, or a resend of it, may
    # have been sent.
    restored_at = models.DateTimeField(null=True)
    # What the provider reported since. While it is SENDING_ASYNC with a receipt due, no worker has it and
    # nothing sweeps it.
    receipt_due_at = models.DateTimeField(null=True)
    receipt_status = models.CharField(max_length=11, choices=ReceiptStatus.choices, default="")
    receipt_at = models.DateTimeField(null=True)

    # When retention took its text (notifications.forgetting.words).
    words_gone_at = models.DateTimeField(null=True)
    # When somebody was erased of whom it told (notifications.forgetting.people).
    erased_at = models.DateTimeField(null=True)

    # The chain of resends.
    first = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, db_index=False, related_name="chain"
    )
    resend_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, db_index=False, related_name="resends"
    )
    resent_by = models.CharField(max_length=200, default="")
    resent_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )

    masked = False  # whether this row in memory is what `withheld()` leaves of one

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=list(MessageState)), name="message_state_known"),
            models.CheckConstraint(condition=Q(type__in=list(MessageType)), name="message_type_known"),
            models.CheckConstraint(
                condition=Q(state=MessageState.SENT, sent_at__isnull=False)
                | (~Q(state=MessageState.SENT) & Q(sent_at=None)),
                name="message_sent_with_time",
            ),
            models.CheckConstraint(
                condition=Q(lease_until=None) | Q(state=_SENDING), name="message_claim_while_sending"
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(CLAIMABLE), due_at__isnull=False)
                | (~Q(state__in=sorted(CLAIMABLE)) & Q(due_at=None)),
                name="message_due_while_unclaimed",
            ),
            models.CheckConstraint(
                condition=~Q(state=MessageState.FAILED) | ~Q(failure_reason=""),
                name="message_failed_with_reason",
            ),
            models.CheckConstraint(
                condition=Q(waiting_reason="") | Q(state=MessageState.WAITING),
                name="message_reason_while_waiting",
            ),
            models.UniqueConstraint(
                fields=["first"],
                condition=Q(first__isnull=False) & ~Q(state__in=_FINAL),
                name="message_one_live_in_chain",
            ),
        ]
        indexes = INDEXES

    def __str__(self) -> str:
        return f"{self.type} {self.key.hex}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row. Raises Withheld for a masked one."""
        if self.masked:
            raise Withheld(WITHHELD)
        super().save(*args, **kwargs)

    @property
    def shown_destination(self) -> str:
        """The destination, without the secret parts of a webhook's URL."""
        hides = channels.of(self.type).secret_destination and not self.masked
        return shortened(self.destination) if hides else self.destination

    def shown_detail(self, said: str) -> str:
        """Return a server's words about this message, without the secret parts of a webhook's URL."""
        if self.masked:
            return ""
        return (
            without_secret_parts(said, self.destination)
            if channels.of(self.type).secret_destination
            else said
        )

    @property
    def reference(self) -> str:
        return reference_of(self.reference_id, self.provider_id, self.type)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def says_less(self) -> bool:
        """Whether some of its content was removed: then it is never sent again."""
        return self.words_gone_at is not None or self.erased_at is not None

    @property
    def retries(self) -> int:
        """The number of retries so far (the API's numRetries): tries that count, less the first one."""
        under_way = self.state in (MessageState.SENDING_ASYNC, MessageState.SENT)
        return max(0, self.failures + under_way - 1)

    @property
    def may_have_been_delivered(self) -> bool:
        """Whether it is FAILED, but was handed over once without an answer or a report since."""
        return (
            self.state == MessageState.FAILED and self.outcome == Outcome.UNKNOWN and not self.receipt_status
        )

    @property
    def lost_sight_of(self) -> bool:
        """Whether it is not known to be sent, but it or a resend may have been before the restore."""
        return self.restored_at is not None and self.outcome == Outcome.UNKNOWN and not self.receipt_status

    @property
    def awaits_decision(self) -> bool:
        """Whether a person must have it sent or ended after a restore."""
        return self.due_at == UNTIL_RELEASED

    @property
    def arrived(self) -> bool:
        """Whether it was sent and not lost on the way.

        Also true if it failed as far as we knew, and was reported as delivered.
        """
        return self.receipt_status in PROVES_DELIVERY or (
            self.sent_at is not None and self.receipt_status not in PROVES_LOSS
        )

    @property
    def arrived_at(self) -> datetime | None:
        """When it was sent, or when its provider reported its arrival."""
        return self.sent_at or (self.receipt_at if self.receipt_status in PROVES_DELIVERY else None)

    @property
    def was_lost(self) -> bool:
        """Whether it is SENT, but its provider reported later that it did not arrive."""
        return self.state == MessageState.SENT and self.receipt_status in PROVES_LOSS

    @property
    def has_no_receipt(self) -> bool:
        """Whether it is SENT because the receipt that was asked for never came."""
        return self.state == MessageState.SENT and self.receipt_due_at is not None and not self.receipt_status
