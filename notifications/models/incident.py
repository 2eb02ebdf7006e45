"""Incidents: periods in which lanes failed or were in trouble together."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone

from notifications.models.lane import Lane
from notifications.models.message import Message


class Incident(models.Model):
    """Lanes that failed at about the same time, until all of them have recovered."""

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["opened_at"], name="incident_open", condition=Q(closed_at=None))]

    def __str__(self) -> str:
        return f"Incident of {timezone.localtime(self.opened_at):%-d %b %Y %H:%M}"

    @property
    def unconfirmed(self) -> bool:
        """Whether it closed although it is not known whether all of its lanes work again."""
        return self.closed_at is not None and any(part.unconfirmed for part in self.lanes.all())


class IncidentLane(models.Model):
    """A lane's part in an incident.

    Messages that failed there for good from `began_at` until it recovered failed because of the incident.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="lanes")
    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, db_index=False, related_name="+")
    cause = models.TextField()  # what its server or receiver said
    began_at = models.DateTimeField()  # its first failure
    opened_at = models.DateTimeField()
    well_since = models.DateTimeField(null=True)  # set while it is not known whether that lasts
    recovered_at = models.DateTimeField(null=True)
    # It stopped failing because nobody used it: whether it works again is not known.
    unconfirmed = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lane"], condition=Q(recovered_at=None), name="incident_of_lane_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.lane} since {self.began_at}"


class IncidentNotice(models.Model):
    """A message that reported an incident."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="notices")
    message = models.ForeignKey(Message, on_delete=models.PROTECT, db_index=False, related_name="+")

    def __str__(self) -> str:
        return f"{self.message}"
