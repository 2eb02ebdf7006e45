"""Lanes: what fails, slows down, is paused or limited together."""

from django.db import models
from django.db.models import Q

from notifications.states import Circuit, MessageType


class Lane(models.Model):
    """A channel and the provider or destination host behind it. Made by the outbox when a first message needs it."""

    channel = models.CharField(max_length=16, choices=MessageType.choices)
    name = models.CharField(max_length=300)
    # How many messages of this lane may be claimed at once, over all workers and machines.
    cap = models.PositiveIntegerField(default=200)
    # How many messages a second may leave; the bucket holds what was not used of it lately. Times of the bucket are Unix times.
    rate = models.FloatField(null=True)
    tokens = models.FloatField(default=0)
    tokens_at = models.FloatField(default=0)
    # How many a second its provider took when it last asked for fewer; it grows from then on (notifications.lanes). Unix time.
    pace = models.FloatField(null=True)
    paced_at = models.FloatField(null=True)
    # Held back by a person, or because its provider is in trouble.
    paused_at = models.DateTimeField(null=True)
    circuit = models.CharField(max_length=9, choices=Circuit.choices, default=Circuit.CLOSED)
    opened_at = models.DateTimeField(null=True)
    trouble = models.TextField(default="")  # what opened it
    worked_at = models.DateTimeField(null=True)  # when, since it opened, a destination that had not failed was last delivered to
    probe_at = models.DateTimeField(null=True)  # when one message to a destination that failed may try again
    probes = models.PositiveIntegerField(default=0)  # tries in a row, since it opened, that may have been received
    marked_until = models.DateTimeField(null=True)  # while it is held back: what was due until then is marked as WAITING

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "name"], name="lane_once"),
            models.CheckConstraint(
                condition=Q(circuit=Circuit.CLOSED, probe_at=None) | (~Q(circuit=Circuit.CLOSED) & Q(probe_at__isnull=False)),
                name="lane_open_with_probe",
            ),
            models.CheckConstraint(condition=Q(rate=None) | Q(rate__gt=0), name="lane_rate_positive"),
            models.CheckConstraint(
                condition=Q(pace=None, paced_at=None) | Q(pace__gt=0, paced_at__isnull=False), name="lane_pace_with_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} by {self.name}"


class FailingDestination(models.Model):
    """A destination that failed because of its lane since the circuit of the lane opened. Its messages wait apart from the others."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, db_index=False, related_name="failing")
    digest = models.CharField(max_length=64)  # SHA-256 of the destination, which may be a URL with a secret in it
    failed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lane", "digest"], name="failing_destination_once")]

    def __str__(self) -> str:
        return f"{self.lane}: {self.digest[:8]}"


class ChannelSwitch(models.Model):
    """What an administrator has said about a channel. Without a row it is on."""

    channel = models.CharField(max_length=16, choices=MessageType.choices, unique=True)
    enabled = models.BooleanField(default=True)  # off: what comes fails, with a reason that says so
    paused_at = models.DateTimeField(null=True)  # paused: what comes waits

    def __str__(self) -> str:
        return self.get_channel_display()
