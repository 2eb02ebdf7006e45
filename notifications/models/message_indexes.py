"""The indexes of messages. Each of them costs the senders at every change of state."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from notifications import channels
from notifications.models.spellings import Digits, Spelled
from notifications.states import FINAL, MessageState, MessageType

_FINAL = sorted(FINAL)
_SENDING = MessageState.SENDING_ASYNC


# Fields of which all messages together hold few values, and whether a message has one, by their index.
FEW_VALUES = {
    "message_sender": (("sender",), ~Q(sender="")),
    "message_resent_by": (("resent_by",), ~Q(resent_by="")),
    "message_event": (("event",), ~Q(event="")),
    "message_template": (("template", "template_name"), Q(template__isnull=False)),
}


def of_channels(types: Sequence[MessageType]) -> Q:
    """Return the condition that a message's channel is one of these.

    An IN would not imply an index's condition.
    """
    return reduce(or_, (Q(type=each) for each in types))


INDEXES = [
    models.Index(
        fields=["lane", "due_at", "id"],
        name="message_next",
        condition=Q(due_at__isnull=False, parked_at=None),
    ),
    models.Index(
        fields=["lane", "due_at", "id"],
        name="message_parked",
        condition=Q(due_at__isnull=False, parked_at__isnull=False),
    ),
    models.Index(
        fields=["lane", "failed_at"], name="message_failed_at", condition=Q(failed_at__isnull=False)
    ),
    models.Index(
        fields=["lane", "lease_until"], name="message_claimed", condition=Q(lease_until__isnull=False)
    ),
    # In the order of every log. Type and sent time: what is asked for by them is counted in it.
    models.Index(fields=["created_at", "id", "type", "sent_at"], name="message_listed"),
    # Most messages are SENT, and those the index above finds; every index costs the senders at each
    # change of state.
    models.Index(fields=["created_at", "id"], name="message_failed", condition=Q(state=MessageState.FAILED)),
    models.Index(fields=["state", "created_at", "id"], name="message_live", condition=~Q(state__in=_FINAL)),
    models.Index(fields=["sent_at", "id"], name="message_sent", condition=Q(sent_at__isnull=False)),
    # Of what is final: an entry for each message, where the others write one at each change of state.
    *(
        models.Index(fields=[*names, "created_at", "id"], name=name, condition=Q(state__in=_FINAL) & has_one)
        for name, (names, has_one) in FEW_VALUES.items()
    ),
    # Of what few messages are.
    *(
        models.Index(fields=["created_at", "id"], name=f"message_{short}", condition=condition)
        for short, condition in (
            ("detailed", ~Q(failure_cause="")),
            ("duplicate", Q(possible_duplicate=True)),
            ("no_words", Q(words_gone_at__isnull=False)),
            ("restored", Q(restored_at__isnull=False)),
        )
    ),
    models.Index(
        fields=["attempt_count", "created_at", "id"],
        name="message_retried",
        condition=Q(attempt_count__gt=2),
    ),
    # By whom it went to, however that is spelled.
    models.Index(Spelled("destination", "destination_fold"), "created_at", "id", name="message_spelled_to"),
    models.Index(
        Digits("destination", "destination_fold"),
        "created_at",
        "id",
        name="message_number",
        condition=of_channels(channels.BY_NUMBER),
    ),
    *(
        models.Index(fields=[name, "created_at", "id"], name=f"message_{short}", condition=~Q(**{name: ""}))
        for name, short in (
            ("failure_reason", "reason"),
            ("failure_meaning", "meaning"),
        )
    ),
    models.Index(
        Upper("reference_id"),
        "created_at",
        "id",
        name="message_referred",
        condition=~Q(reference_id=""),
    ),
    *(
        models.Index(
            fields=[name, "created_at", "id"],
            name=f"message_{name}",
            condition=Q(**{f"{name}__isnull": False}),
        )
        for name in ("client", "group", "user", "sender_user")
    ),
    *(
        models.Index(
            fields=[f"{name}_key", "created_at", "id"],
            name=f"message_{name}",
            condition=Q(**{f"{name}_key__isnull": False}),
        )
        for name in ("loan_account", "deposit_account", "repayment")
    ),
    # Of other channels no number of the provider is asked for, and most messages are theirs.
    models.Index(
        Upper("provider_id"),
        "created_at",
        "id",
        name="message_sms_referred",
        condition=of_channels(channels.NUMBERED) & ~Q(provider_id=""),
    ),
    models.Index(
        fields=["receipt_due_at"],
        name="message_receipt_due",
        condition=Q(state=_SENDING, receipt_due_at__isnull=False),
    ),
    models.Index(fields=["first"], name="message_chain", condition=Q(first__isnull=False)),
    models.Index(fields=["resend_of"], name="message_resend_of", condition=Q(resend_of__isnull=False)),
]
