"""Jobs: bulk resends and exports; and the results of a resend's messages."""

from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from commlog.models.column_layout import LogKind
from notifications.models import Incident, Message
from notifications.text.days import written


class JobKind(models.TextChoices):
    """What a job does."""

    RESEND = "RESEND", "Bulk resend"
    EXPORT = "EXPORT", "Export"


class JobState(models.TextChoices):
    """The state of a job. The labels are shown on pages."""

    AWAITING_APPROVAL = "AWAITING_APPROVAL", "Waiting for approval"
    QUEUED = "QUEUED", "Queued"
    RUNNING = "RUNNING", "Running"
    PAUSED = "PAUSED", "Paused"
    DONE = "DONE", "Done"
    CANCELLED = "CANCELLED", "Cancelled"
    FAILED = "FAILED", "Failed"


OPEN = (JobState.AWAITING_APPROVAL, JobState.QUEUED, JobState.RUNNING, JobState.PAUSED)
ACTIVE = (JobState.QUEUED, JobState.RUNNING)  # a worker has it, or is to get it


class Wish(models.TextChoices):
    """A request to the worker that holds the job; obeyed at its next step."""

    NONE = "", "Go on"
    PAUSE = "PAUSE", "Pause"
    CANCEL = "CANCEL", "Cancel"


class Job(models.Model):
    """A job. Its state changes only by conditional UPDATE (commlog.jobs), and never after the end.

    Fixed at creation: the log (`log`, `whom`), its parameters (`pairs`), the newest message (`newest`).
    Without a worker an active job has `due_at`; with one, `lease_until`. `token` counts the workers: a late
    one can record nothing.
    """

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    kind = models.CharField(max_length=6, choices=JobKind.choices)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs", db_index=False
    )
    state = models.CharField(max_length=17, choices=JobState.choices)
    wish = models.CharField(max_length=6, choices=Wish.choices, default=Wish.NONE, blank=True)
    reason = models.TextField(default="")  # why it failed, was cancelled, or waits; for people

    # What it is about.
    log = models.CharField(max_length=7, choices=LogKind.choices, default=LogKind.LOG)
    whom = models.UUIDField(null=True)  # the key of the client, group or user whose log it is
    pairs = models.JSONField(default=list)
    newest = models.BigIntegerField(default=0)
    words = models.TextField(default="")  # the conditions for people
    options = models.JSONField(default=dict)  # what else its kind needs

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, null=True, related_name="jobs")

    # How far it is.
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    outcomes = models.JSONField(default=dict)  # outcome -> how many; together they are `done`
    rate = models.FloatField(null=True)  # a minute, lately
    # Since when, and from which number on, `rate` is being measured.
    mark_at = models.DateTimeField(null=True)
    mark_done = models.PositiveIntegerField(default=0)

    # Its life.
    token = models.PositiveIntegerField(default=0)
    # Workers lost while they had it, since what was kept last.
    losses = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    # When a worker took it last; at a pace, when that turn was due.
    served_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=JobKind.values), name="job_kind_known"),
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_known"),
            models.CheckConstraint(
                condition=Q(lease_until=None) | Q(state=JobState.RUNNING), name="job_lease_while_running"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ACTIVE, due_at__isnull=False, lease_until=None)
                | Q(state=JobState.RUNNING, due_at=None, lease_until__isnull=False)
                | (~Q(state__in=ACTIVE) & Q(due_at=None)),
                name="job_due_or_leased_while_active",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN, finished_at=None)
                | (~Q(state__in=OPEN) & Q(finished_at__isnull=False)),
                name="job_finished_with_time",
            ),
            models.CheckConstraint(
                condition=~Q(state=JobState.FAILED) | ~Q(reason=""), name="job_failed_with_reason"
            ),
            models.CheckConstraint(
                condition=Q(approver=None) | ~Q(approver=F("owner")), name="job_approved_by_another"
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "id"], name="job_owner"),
            models.Index(fields=["id"], name="job_open", condition=Q(state__in=OPEN)),
        ]

    def __str__(self) -> str:
        made = timezone.localtime(self.created_at)
        return f"{self.get_kind_display()} of {written(made)} {made:%H:%M}"

    @property
    def is_open(self) -> bool:
        """Whether it is unfinished."""
        return self.state in OPEN

    @property
    def left(self) -> int:
        return max(0, self.total - self.done)

    @property
    def time_left(self) -> timedelta | None:
        """The remaining time at the recent rate; None if unknown."""
        return (
            timedelta(minutes=self.left / self.rate) if self.rate and self.state == JobState.RUNNING else None
        )

    @property
    def duration(self) -> timedelta | None:
        return (self.finished_at or timezone.now()) - self.started_at if self.started_at else None


class JobItem(models.Model):
    """A message of a bulk resend; its outcome is written in the transaction that resends it."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items", db_index=False)
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="+", db_index=False)
    outcome = models.CharField(max_length=20, default="")  # commlog.bulk.Outcome; "": its turn has not come
    new = models.ForeignKey(Message, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "message"], name="job_item_once")]
        indexes = [
            models.Index(fields=["job", "id"], name="job_item_left", condition=Q(outcome="")),
            # For the database, which looks here before a message is deleted.
            models.Index(fields=["message"], name="job_item_message"),
            models.Index(fields=["new"], name="job_item_new", condition=Q(new__isnull=False)),
        ]
