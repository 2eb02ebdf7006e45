"""Erasure of people from messages.

What remains is that there were messages, when, on which channel, how they ended and why. Nothing of it can be
sent again.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import CharField, F
from django.db.models.functions import Cast, Coalesce

from notifications.content import COLUMNS
from notifications.failures import Reason
from notifications.failures.meanings import Meaning, stored
from notifications.forgetting.rows import dependents
from notifications.forgetting.words import EMPTIED
from notifications.models import (
    Attempt,
    BusinessEvent,
    DeliveryReceipt,
    LaneRefusal,
    Message,
    StreamEvent,
)
from notifications.models.folds import folds_of
from notifications.models.legal_hold import on_hold
from notifications.models.message import MessageQuerySet
from notifications.secrets.sealed import SealedTextField
from notifications.states import CLAIMABLE, FINAL, MessageState
from notifications.words import indexing

_CANCELLED = "Not sent: whom it was for was erased."
_NO_TEXT = "{}"  # of an event of a stream: readers may take it for JSON
# What a message is about in the bank's core names its owner there.
_ABOUT: dict[str, Any] = {
    COLUMNS[name]: "" if name == "reference_id" else None
    for name in ("loan_account_key", "deposit_account_key", "repayment_key", "reference_id")
}
_SAID: dict[str, Any] = EMPTIED | _ABOUT | {"failure_cause": "", "provider_id": ""}


def cancel(pks: Collection[int], at: datetime) -> int:
    """Fail those of the messages that no worker is sending. Returns how many."""
    failed = {"state": MessageState.FAILED, "due_at": None, "parked_at": None, "waiting_reason": ""}
    why = {"failure_reason": Reason.OTHER, "failure_cause": _CANCELLED, **stored(Meaning.UNSAID)}
    waiting = Message.objects.filter(pk__in=pks, state__in=sorted(CLAIMABLE))
    return waiting.update(**failed, **why, failed_at=at)


def stop_waiting(pks: Collection[int], at: datetime) -> None:
    """End the wait for receipts of those messages that a provider has accepted."""
    waiting = Message.objects.filter(pk__in=pks, state=MessageState.SENDING_ASYNC, lease_until=None)
    waiting.filter(receipt_due_at__gt=at).update(receipt_due_at=at)


def empty(pks: Collection[int], at: datetime, *, named: str) -> Counter[str]:
    """Remove content and recipient from those of the messages that are final; the recipient becomes `named`.

    Returns how many rows of each table were changed or deleted.
    """
    final = list(Message.objects.filter(pk__in=pks, state__in=sorted(FINAL)).values_list("pk", "key"))
    nobody = _folded({"destination": "", "recipient_name": named})
    return _take(final, at, nobody)


def is_left(messages: MessageQuerySet) -> bool:
    """Return whether any of these messages of an erased person still has content that no legal hold
    protects.
    """
    return messages.filter(~on_hold(), erased_at=None).exists()


def empty_words(pks: Collection[int], at: datetime) -> Counter[str]:
    """Remove the content of final messages to others that were created because of the person's events.

    They keep their recipients. Returns how many rows of each table were changed or deleted.
    """
    final = list(Message.objects.filter(pk__in=pks, state__in=sorted(FINAL)).values_list("pk", "key"))
    return _take(final, at, {})


def _take(rows: Collection[tuple[int, Any]], at: datetime, besides: dict[str, Any]) -> Counter[str]:
    pks, keys = [pk for pk, _ in rows], [key for _, key in rows]
    gone: Counter[str] = Counter()
    if not pks:
        return gone
    gone["messages"] = Message.objects.filter(pk__in=pks).update(
        **_SAID, **besides, erased_at=at, words_gone_at=Coalesce(F("words_gone_at"), at)
    )
    indexing.rewrite(pks, for_good=True)
    gone["attempts"] = Attempt.objects.filter(message__in=pks).update(
        detail="", late_detail="", provider_id=""
    )
    # A report is known by its number; the row's own takes its place, so that no two become one.
    gone["receipts"] = DeliveryReceipt.objects.filter(message__in=pks).update(
        detail="", provider_id=Cast("pk", CharField())
    )
    gone["stream_events"] = StreamEvent.objects.filter(key__in=keys).update(body=_NO_TEXT)
    for model, name, _ in dependents():
        if any(isinstance(field, SealedTextField) for field in model._meta.concrete_fields):
            model._base_manager.filter(**{f"{name}__in": pks}).delete()
    LaneRefusal.objects.filter(message_id__in=pks).delete()
    return gone


def empty_event(event: BusinessEvent, *, named: str) -> None:
    """Remove the content of an event and whom it was about; the event itself and its messages stay."""
    event.subject_name = named
    event.data = {}
    event.trace = [[*entry[:4], [], *entry[5:]] for entry in event.trace]
    event.save(update_fields=["subject_name", "data", "trace"])


def _folded(values: dict[str, Any]) -> dict[str, Any]:
    folds = {fold.name: fold for fold in folds_of(Message)}
    return values | {
        name: fold.fold_of(values[each] for each in fold.of)
        for name, fold in folds.items()
        if set(fold.of) <= set(values)
    }
