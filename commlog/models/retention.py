"""Retention periods and retention runs."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone

from notifications.models import NotificationTemplate
from notifications.states import MessageType

# A new or shorter period deletes nothing sooner than so much later.
GRACE = timedelta(hours=24)
LONGEST = 36_500  # days


class Kept(models.TextChoices):
    """What has a period. The labels are shown on pages."""

    WORDS = "WORDS", "Text of messages"
    MESSAGES = "MESSAGES", "Messages"
    ATTEMPTS = "ATTEMPTS", "Attempts"
    RECEIPTS = "RECEIPTS", "Delivery receipts"
    EVENTS = "EVENTS", "Business events"
    AUDIT = "AUDIT", "Audit trail"
    READINGS = "READINGS", "Who has read messages"


OF_MESSAGES = (Kept.WORDS, Kept.MESSAGES)  # these can have other periods by channel and template


class RetentionPeriod(models.Model):
    """A retention period in days. Without a row, or without days, it is for ever.

    With a channel or a template it is an exception to the period of all messages; the template's takes
    precedence. `days` applies from `starts_at`, the previous value until then. An exception that `ends` no
    longer applies after that.
    """

    what = models.CharField(max_length=8, choices=Kept.choices)
    channel = models.CharField(max_length=16, choices=MessageType.choices, blank=True, default="")
    template = models.ForeignKey(NotificationTemplate, on_delete=models.CASCADE, null=True, related_name="+")
    days = models.PositiveIntegerField(null=True)
    days_before = models.PositiveIntegerField(null=True)
    ends = models.BooleanField(default=False)
    starts_at = models.DateTimeField()
    # How far the messages were walked through for it: what is older has gone, or is RetentionObstacle.
    reached_at = models.DateTimeField(null=True)
    reached_pk = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(what__in=Kept.values), name="retention_known"),
            models.CheckConstraint(
                condition=Q(days=None) | Q(days__gte=1, days__lte=LONGEST), name="retention_days_possible"
            ),
            models.CheckConstraint(
                condition=Q(channel="", template=None) | Q(what__in=OF_MESSAGES),
                name="retention_exception_of_messages",
            ),
            models.CheckConstraint(
                condition=Q(channel="") | Q(template=None), name="retention_exception_of_one"
            ),
            models.CheckConstraint(
                condition=Q(ends=False) | ~Q(channel="", template=None), name="retention_exception_ends"
            ),
            models.UniqueConstraint(
                fields=["what", "channel"], condition=Q(template=None), name="retention_once"
            ),
            models.UniqueConstraint(
                fields=["what", "template"],
                condition=Q(template__isnull=False),
                name="retention_of_template_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()}{f' of {self.of}' if self.of else ''}"

    @property
    def of(self) -> str:
        """What it is an exception for; "" for the general period."""
        return self.template.name if self.template else self.get_channel_display() if self.channel else ""

    @property
    def scope(self) -> tuple[str, int | None]:
        return self.channel, self.template_id

    def days_at(self, moment: datetime) -> int | None:
        """Return the days that apply at the time; None: for ever."""
        return self.days if moment >= self.starts_at else self.days_before

    def over_at(self, moment: datetime) -> bool:
        """Return whether the exception has ended at the time."""
        return self.ends and moment >= self.starts_at


class RetentionRun(models.Model):
    """A night's deletion, or a count of what will be deleted. Never deleted: it is the record of deletions.

    While a worker holds it, `lease_until` is set; `token` counts the workers. The triggers protect audit
    entries made after `audit_until`, and access records made after `readings_until`.
    """

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    counts_only = models.BooleanField(default=False)
    as_of = models.DateTimeField()  # the moment from which ages are counted
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    token = models.PositiveIntegerField(default=0)
    waits = models.CharField(max_length=200, default="")  # why it does nothing at present
    gone = models.JSONField(default=dict)  # Kept -> how many
    stayed = models.JSONField(default=dict)  # RetentionObstacle's reason -> how many messages
    places = models.JSONField(default=dict)  # how far each part of it has come
    longest_batch = models.FloatField(default=0)  # seconds
    audit_until = models.DateTimeField(null=True)
    readings_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["counts_only"], condition=Q(finished_at=None), name="retention_run_open_once"
            )
        ]
        indexes = [models.Index(fields=["counts_only", "-id"], name="retention_run_newest")]

    def __str__(self) -> str:
        return f"Retention of {timezone.localtime(self.as_of):%-d %b %Y}"


class RetentionFile(models.Model):
    """A file of deleted rows, written before their deletion."""

    run = models.ForeignKey(RetentionRun, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(max_length=200)
    what = models.CharField(max_length=8, choices=Kept.choices)
    rows = models.PositiveIntegerField()
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class RetentionObstacle(models.Model):
    """A chain of messages that is due but cannot be deleted; checked again every night."""

    class Why(models.TextChoices):
        LIVE = "LIVE", "not yet sent or failed for good"
        HOLD = "HOLD", "on legal hold"
        JOB = "JOB", "part of an unfinished job"
        INCIDENT = "INCIDENT", "part of an open incident"

    what = models.CharField(max_length=8, choices=Kept.choices)
    chain = models.BigIntegerField()  # the id of its first message
    why = models.CharField(max_length=8, choices=Why.choices)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["what", "chain"], name="retention_obstacle_once")]
        indexes = [models.Index(fields=["why"], name="retention_obstacle_why")]

    def __str__(self) -> str:
        return f"{self.chain} is {self.get_why_display()}"
