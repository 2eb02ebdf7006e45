"""Business events: what was reported, and the result for every template concerned."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q

from notifications.models.recipients import Client, Group


class BusinessEvent(models.Model):
    """An event as reported, and its trace. The trace copies names: later renames do not change it."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    name = models.CharField(max_length=64)
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, null=True, db_index=False, related_name="events"
    )
    group = models.ForeignKey(
        Group, on_delete=models.PROTECT, null=True, db_index=False, related_name="events"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    # Of the client, the group or the user, as it was called then.
    subject_name = models.CharField(max_length=310, default="")
    data = models.JSONField(default=dict)  # placeholder -> text
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    source = models.CharField(max_length=200, default="")  # who told it
    trace = models.JSONField(default=list)  # of notifications.events.trace.Entry
    message_count = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "event"
        indexes = [
            models.Index(fields=["received_at", "id"], name="event_received"),
            models.Index(
                fields=["client", "received_at", "id"], name="event_client", condition=Q(client__isnull=False)
            ),
            models.Index(
                fields=["group", "received_at", "id"], name="event_group", condition=Q(group__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.key.hex}"
