"""What the texts of messages leave out, until they are sent (notifications/secrets/hidden.py)."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from notifications.models.message import Message
from notifications.secrets.sealed import SealedTextField
from notifications.states import MessageState

KEPT = timedelta(hours=24)  # after a failure, so that it can be resent


class SealedValuesQuerySet(models.QuerySet["SealedValues"]):
    """Read by a claim; deleted once the message is sent."""

    def of(self, messages: Collection[int]) -> dict[int, str]:
        """The sealed values by message, without a query where there are no messages."""
        return dict(self.filter(message__in=messages).values_list("message", "values")) if messages else {}

    def of_chain(self, first: int) -> models.QuerySet["SealedValues"]:
        """Those of a chain of resends: one row, which goes along with its last entry."""
        return self.filter(Q(message=first) | Q(message__first=first))

    def hand_on(self, first: int, to: int) -> None:
        """Give what its chain has to this entry of it."""
        self.of_chain(first).update(message=to)

    def keep(self, sealed: Iterable[tuple[Message, str]]) -> None:
        """Store those of the messages that have any."""
        found = [SealedValues(message=message, values=values) for message, values in sealed if values]
        if found:
            SealedValues.objects.bulk_create(found)

    def wipe(self, messages: Collection[int]) -> None:
        """Delete those of the messages that were sent; the others may need theirs."""
        if messages:
            self.filter(message__in=messages, message__state=MessageState.SENT).delete()

    def wipe_left(self, now: datetime) -> int:
        """Delete those of messages that were sent, or failed longer ago than KEPT. Returns how many."""
        failed_at = Coalesce("message__failed_at", "message__created_at")
        over = Q(message__state=MessageState.FAILED, failed_at__lt=now - KEPT)
        found = self.annotate(failed_at=failed_at).filter(over | Q(message__state=MessageState.SENT))
        return self.filter(pk__in=list(found.values_list("pk", flat=True))).delete()[0]


class SealedValues(models.Model):
    """The values that its message's texts leave out."""

    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="+")
    values = SealedTextField()

    objects: ClassVar[models.Manager["SealedValues"]] = SealedValuesQuerySet.as_manager()

    class Meta:
        verbose_name = "secret values"
