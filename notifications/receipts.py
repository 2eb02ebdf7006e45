"""Delivery receipts of providers, in any order: awaited ones move messages on, others are shown."""

from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from notifications.database import sql
from notifications.database.clock import db_now
from notifications.delivery.leases import claim_of
from notifications.delivery.reports import standing
from notifications.delivery.results import conclude
from notifications.models import DeliveryReceipt, Message
from notifications.models.message import MessageQuerySet
from notifications.states import MessageState, ReceiptStatus

_BATCH = 200
_SENDING = MessageState.SENDING_ASYNC
_LIFE = (
    "type",
    "state",
    "lane_id",
    "token",
    "failures",
    "outcome",
    "possible_duplicate",
    "lease_until",
    "provider_id",
    "receipt_due_at",
)


def record(
    key: UUID, status: ReceiptStatus, *, provider_id: str = "", code: str = "", detail: str = ""
) -> bool:
    """Store a receipt once, and move on the message that waits for it. Returns whether the message exists."""
    if DeliveryReceipt.objects.filter(message__key=key, provider_id=provider_id, status=status).exists():
        return True
    with transaction.atomic():
        # The message is locked first: a result that is being recorded sees this receipt, or is seen by it.
        message = Message.objects.select_for_update().only(*_LIFE).filter(key=key).first()
        if message is None:
            return False
        now = db_now()
        about = {"code": code, "detail": detail, "received_at": now}
        _, new = DeliveryReceipt.objects.get_or_create(
            message=message, provider_id=provider_id, status=status, defaults=about
        )
        if new:
            _move_on(message, now)
    return True


def overdue(now: datetime) -> bool:
    """Return whether a message has waited long enough for its receipt."""
    if connection.vendor != "postgresql":
        return _late(now).exists()  # in a transaction it would keep all others from writing
    with transaction.atomic():
        sql.plan_in_order()
        return bool(_late(now).values_list("pk")[:1])


def expire(now: datetime) -> int:
    """Move on messages that waited long enough: SENT, or tried again if reported lost. Returns how many."""
    with transaction.atomic():
        sql.plan_in_order()
        late = _late(now).only(*_LIFE)
        if connection.features.has_select_for_update_skip_locked:
            late = late.select_for_update(skip_locked=True)
        rows = list(late[:_BATCH])
        for message in rows:
            _move_on(message, now)
    return len(rows)


def _late(now: datetime) -> MessageQuerySet:
    """Return the messages that waited long enough, oldest first.

    Unsorted, PostgreSQL would read all messages if it knew of none.
    """
    return Message.objects.filter(state=_SENDING, receipt_due_at__lte=now).order_by("receipt_due_at")


def _move_on(message: Message, now: datetime) -> None:
    found = standing(message.pk, message.provider_id)
    if message.state == _SENDING and message.lease_until is None and message.receipt_due_at is not None:
        conclude(claim_of(message), found, now=now, due_at=message.receipt_due_at)
    else:
        Message.objects.filter(pk=message.pk).update(receipt_status=found.status, receipt_at=found.at)
