"""Lanes: messages that fail, slow down, are paused or limited together."""

from django.db import models
from django.db.models import Q

from notifications.states import Circuit, MessageType


class Lane(models.Model):
    """A channel and the provider or host behind it. Created by the outbox with a first message."""

    channel = models.CharField(max_length=16, choices=MessageType.choices)
    name = models.CharField(max_length=300)
    # How many messages of this lane may be claimed at once, over all workers and machines.
    cap = models.PositiveIntegerField(default=200)
    # How many messages a second may leave; the bucket holds what was not used of it lately. Times of the
    # bucket are Unix times.
    rate = models.FloatField(null=True)
    tokens = models.FloatField(default=0)
    tokens_at = models.FloatField(default=0)
    # How many a second its provider took when it last asked for fewer; it grows from then on
    # (notifications.lanes). Unix time.
    pace = models.FloatField(null=True)
    paced_at = models.FloatField(null=True)
    # Held back by a person, or because its provider is in trouble.
    paused_at = models.DateTimeField(null=True)
    paused_by = models.CharField(max_length=200, default="", db_default="")
    circuit = models.CharField(max_length=9, choices=Circuit.choices, default=Circuit.CLOSED)
    opened_at = models.DateTimeField(null=True)
    trouble = models.TextField(default="")  # what opened it
    # when, since it opened, a destination that had not failed was last delivered to
    worked_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)  # when one message to a destination that failed may try again
    # Tries in a row, since it opened, that may have been received.
    probes = models.PositiveIntegerField(default=0)
    # While it is held back: what was due until then is marked as WAITING.
    marked_until = models.DateTimeField(null=True)
    # How it does, by its results (notifications.lanes.lane_health). Nothing has been accepted since
    # `failing_since` unless a time says so.
    accepted_at = models.DateTimeField(null=True)  # the last success among the tallies that are gone
    # The first of the failures after which it was said to be failing.
    failing_since = models.DateTimeField(null=True)
    failing_with = models.TextField(default="", db_default="")  # the last of them

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "name"], name="lane_once"),
            models.CheckConstraint(
                condition=Q(circuit=Circuit.CLOSED, probe_at=None)
                | (~Q(circuit=Circuit.CLOSED) & Q(probe_at__isnull=False)),
                name="lane_open_with_probe",
            ),
            models.CheckConstraint(condition=Q(rate=None) | Q(rate__gt=0), name="lane_rate_positive"),
            models.CheckConstraint(
                condition=Q(pace=None, paced_at=None) | Q(pace__gt=0, paced_at__isnull=False),
                name="lane_pace_with_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} by {self.name}"


# What a lane is while its circuit is closed.
SOUND = {
    "circuit": Circuit.CLOSED,
    "opened_at": None,
    "probe_at": None,
    "worked_at": None,
    "probes": 0,
    "trouble": "",
    "marked_until": None,
}


class FailingDestination(models.Model):
    """A destination that failed because of its lane since the circuit opened: its messages wait apart."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, db_index=False, related_name="failing")
    # SHA-256 of the destination, which may be a URL with a secret in it
    digest = models.CharField(max_length=64)
    failed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lane", "digest"], name="failing_destination_once")]

    def __str__(self) -> str:
        return f"{self.lane}: {self.digest[:8]}"


class LaneRefusal(models.Model):
    """A failed try on a lane not yet known to fail. The schedule deletes old ones."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, db_index=False, related_name="refusals")
    message_id = models.BigIntegerField()
    at = models.DateTimeField()
    whom = models.CharField(max_length=32)  # stands for the destination; of a webhook, for the message
    answer = models.CharField(max_length=100)  # what two refusals that are alike share
    of_lane = models.BooleanField()  # about the session, the server, or nobody knows what
    throttled = models.BooleanField()
    # Of the lane, or of this message alone: nobody knows.
    unclear = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes = [models.Index(fields=["lane", "at"], name="lane_refusal_at")]

    def __str__(self) -> str:
        return f"{self.answer} at {self.at}"


class ChannelSwitch(models.Model):
    """An administrator's setting for a channel. Without a row it is on."""

    channel = models.CharField(max_length=16, choices=MessageType.choices, unique=True)
    enabled = models.BooleanField(default=True)  # off: what comes fails, with a reason that says so
    paused_at = models.DateTimeField(null=True)  # paused: what comes waits
    paused_by = models.CharField(max_length=200, default="", db_default="")

    def __str__(self) -> str:
        return self.get_channel_display()
