"""Attempts: each try at sending a message, opened before the call and closed after it."""

from django.db import models
from django.db.models import Q

from notifications.failures import Reason
from notifications.models.message import Message
from notifications.states import Outcome


class Attempt(models.Model):
    """One try. It is stored before any I/O, so that every call to a provider has its row."""

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="attempts", db_index=False)
    number = models.PositiveIntegerField()
    token = models.PositiveIntegerField()
    worker = models.CharField(max_length=100)
    due_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    # Single-shot right to let bytes leave. Without it nothing was sent; with it and no answer, it may have
    # been.
    permitted_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=9, choices=Outcome.choices, default="")
    failure_reason = models.CharField(max_length=40, choices=Reason.choices, default="")
    detail = models.TextField(default="")
    provider_id = models.CharField(max_length=200, default="")
    # What came back after the lease had lapsed: kept here, it changes no message.
    late_outcome = models.CharField(max_length=9, choices=Outcome.choices, default="")
    late_detail = models.TextField(default="")
    late_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["message", "number"], name="attempt_number_once"),
            models.UniqueConstraint(fields=["message"], condition=Q(outcome=""), name="attempt_open_once"),
            models.CheckConstraint(condition=Q(outcome__in=["", *Outcome]), name="attempt_outcome_known"),
            models.CheckConstraint(
                condition=Q(outcome="", finished_at=None) | (~Q(outcome="") & Q(finished_at__isnull=False)),
                name="attempt_closed_with_time",
            ),
            models.CheckConstraint(
                condition=~Q(outcome=Outcome.REFUSED) | ~Q(failure_reason=""),
                name="attempt_refused_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.message_id}"
