"""Legal holds: they keep messages from deletion, whatever their retention period."""

from datetime import datetime
from typing import Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from notifications.models.message import MOST_LEGS, Message
from notifications.models.recipients import Client, Group


class LegalHolds(models.QuerySet["LegalHold"]):
    """Queries for legal holds."""

    def active(self, now: datetime | None = None) -> Self:
        """Return the holds that are neither lifted nor expired."""
        later = Q(until=None) | Q(until__gt=now or Now())
        return self.filter(later, lifted_at=None)


class LegalHold(models.Model):
    """A hold on all messages of a client or a group, on one message, or on those that meet conditions.

    The conditions are `pairs`, copied from a custom view; they apply to present and future messages while the
    hold lasts.
    """

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    reason = models.CharField(max_length=500)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    placed_by_name = models.CharField(max_length=320)
    placed_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True)  # none: until somebody lifts it
    lifted_at = models.DateTimeField(null=True)
    lifted_by_name = models.CharField(max_length=320, default="")

    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="holds")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, null=True, related_name="holds")
    # What it is about, as it was called then: a message's key, the name of a client, group or view.
    label = models.CharField(max_length=320)
    pairs = models.JSONField(null=True)
    words = models.TextField(default="")  # the conditions for people
    looked_through = models.BigIntegerField(default=0)  # up to which message its conditions were asked

    objects = LegalHolds.as_manager()

    class Meta:
        verbose_name = "legal hold"
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="legal_hold_with_reason"),
            models.CheckConstraint(condition=Q(client=None) | Q(group=None), name="legal_hold_of_one"),
            models.CheckConstraint(
                condition=Q(lifted_at=None) | ~Q(lifted_by_name=""), name="legal_hold_lifted_by_somebody"
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gt=F("placed_at")), name="legal_hold_ends_later"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def active(self) -> bool:
        return self.lifted_at is None and (self.until is None or timezone.now() < self.until)

    @property
    def about(self) -> str:
        """The kind of thing on hold."""
        if self.client_id or self.group_id:
            return "Client" if self.client_id else "Group"
        return "Message" if self.pairs is None else "View"


class HeldMessage(models.Model):
    """A message that a hold names or that its conditions have matched.

    While this row exists, the database itself refuses to delete the message.
    """

    hold = models.ForeignKey(LegalHold, on_delete=models.CASCADE, related_name="messages", db_index=False)
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="held")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hold", "message"], name="held_message_once")]

    def __str__(self) -> str:
        return f"{self.message_id} by {self.hold_id}"


def holds_on(message: Message) -> list[LegalHold]:
    """Return the active holds on a message."""
    by = Q(pk__in=HeldMessage.objects.filter(message=message).values("hold"))
    for name in ("client", "group"):
        if (pk := getattr(message, f"{name}_id")) is not None:
            by |= Q(**{name: pk})
    return list(LegalHold.objects.active().filter(by).order_by("pk"))


def on_hold() -> Q:
    """Return the condition that a message is on legal hold. It is defined only here.

    For a hold by conditions it covers the messages matched so far (commlog.retention.holds evaluates the
    conditions again before anything is deleted).
    """
    holds = LegalHold.objects.active()
    named = HeldMessage.objects.filter(message=OuterRef("pk"), hold__in=holds.values("pk"))
    return (
        Q(Exists(holds.filter(client=OuterRef("client"))))
        | Q(Exists(holds.filter(group=OuterRef("group"))))
        | Q(Exists(named))
    )


def legs_on_hold() -> list[Q]:
    """Return the same as conditions that are each served by an index. One statement."""
    active = LegalHold.objects.active()
    held = active.values_list("client", "group").exclude(client=None, group=None).distinct()[: MOST_LEGS + 1]
    those = [{"client": client} if client else {"group": group} for client, group in held]
    if len(those) > MOST_LEGS:
        those = [{f"{name}__in": active.exclude(**{name: None}).values(name)} for name in ("client", "group")]
    named = HeldMessage.objects.filter(hold__in=active.values("pk"))
    return [*(Q(**each) for each in those), Q(pk__in=named.values("message"))]
