"""Links of messages that are not sent yet."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from notifications.models.message import Message
from notifications.secrets.sealed import SealedTextField
from notifications.states import FINAL


class SealedLinks(models.QuerySet["SealedLink"]):
    """Read by a claim; deleted with the result that ends the message."""

    def of(self, messages: Collection[int]) -> dict[int, str]:
        """The sealed links by message, without a query where there are no messages."""
        return dict(self.filter(message__in=messages).values_list("message", "link")) if messages else {}

    def keep(self, sealed: Iterable[tuple[Message, str]]) -> None:
        """Store those of the messages that have any, but of what failed at once: nobody will send it."""
        kept = [SealedLink(message=message, link=link) for message, link in sealed if link]
        if kept := [each for each in kept if not each.message.is_final]:
            SealedLink.objects.bulk_create(kept)

    def wipe(self, messages: Collection[int]) -> None:
        """Delete the links of those that have ended; the others need theirs for the next try."""
        if messages:
            self.filter(message__in=messages, message__state__in=FINAL).delete()

    def wipe_left(self, *, before: datetime) -> None:
        """Delete what a message left that ended in another way, and what was stored before that moment."""
        self.filter(Q(message__state__in=FINAL) | Q(message__created_at__lt=before)).delete()


class SealedLink(models.Model):
    """The link that its message's text leaves out (notifications/secrets/links.py)."""

    message = models.OneToOneField(Message, on_delete=models.CASCADE, primary_key=True, related_name="+")
    link = SealedTextField()

    objects: ClassVar[models.Manager["SealedLink"]] = SealedLinks.as_manager()
