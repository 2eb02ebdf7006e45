"""Secret values that texts of messages leave out until they are sent (notifications/secrets/hidden.py)."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q

from notifications.models.message import Message
from notifications.secrets.sealed import SealedTextField
from notifications.states import MessageState

KEPT = timedelta(hours=24)  # after a failure, so that it can be resent


class SealedValuesQuerySet(models.QuerySet["SealedValues"]):
    """Queries for sealed values: read by a claim, deleted once the message is sent."""

    def of(self, messages: Collection[int], now: datetime) -> dict[int, str]:
        """Return those that have not expired, by message id. No query if there are no messages."""
        valid = Q(expires_at=None) | Q(expires_at__gt=now)
        found = self.filter(valid, message__in=messages) if messages else self.none()
        return dict(found.values_list("message", "values"))

    def of_chain(self, first: int) -> models.QuerySet["SealedValues"]:
        """Return those of a chain of resends: one row, which belongs to its last entry."""
        return self.filter(Q(message=first) | Q(message__first=first))

    def hand_on(self, first: int, to: int) -> None:
        """Move the chain's values to this entry of it."""
        self.of_chain(first).update(message=to, kept_until=None)

    def keep(self, sealed: Iterable[tuple[Message, str, datetime | None]]) -> None:
        """Store the values of those messages that have any, and when they expire."""
        found = [
            SealedValues(message=message, values=values, expires_at=expires_at)
            for message, values, expires_at in sealed
            if values
        ]
        if found:
            SealedValues.objects.bulk_create(found)

    def wipe(self, messages: Collection[int]) -> None:
        """Delete those of the messages that were sent; the others may need theirs."""
        if messages:
            self.filter(message__in=messages, message__state=MessageState.SENT).delete()

    def wipe_left(self, now: datetime) -> int:
        """Delete expired values, and those of messages that were sent, or failed longer ago than KEPT.

        Returns how many were deleted. The time since a failure counts from the first time that it is seen
        here.
        """
        failed = Q(message__state=MessageState.FAILED)
        self.filter(failed, kept_until=None).update(kept_until=now + KEPT)
        over = failed & Q(kept_until__lte=now) | Q(message__state=MessageState.SENT) | Q(expires_at__lte=now)
        return self.filter(pk__in=list(self.filter(over).values_list("pk", flat=True))).delete()[0]


class SealedValues(models.Model):
    """The values that a message's texts leave out."""

    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="+")
    values = SealedTextField()
    expires_at = models.DateTimeField(null=True)  # when they open nothing any more; None: never
    kept_until = models.DateTimeField(null=True)  # once the message has failed

    objects: ClassVar[models.Manager["SealedValues"]] = SealedValuesQuerySet.as_manager()

    class Meta:
        verbose_name = "secret values"
