"""Outcomes of a message in a bulk resend. With those left, they add up to the total."""

from django.db.models import TextChoices

from notifications.outbox import Obstacle


class Outcome(TextChoices):
    """The outcome of a message of a bulk resend. The labels are shown in the report."""

    RESENT = "RESENT", "Resent as new entries"
    DELIVERED = Obstacle.DELIVERED.value, "Skipped: already delivered"
    UNDER_WAY = Obstacle.UNDER_WAY.value, "Skipped: already being sent"
    RESENT_SINCE = Obstacle.RESENT_SINCE.value, "Skipped: already resent by someone else"
    UNSENDABLE = Obstacle.UNSENDABLE.value, "Skipped: would fail again immediately"
    NOT_FAILED = Obstacle.NOT_FAILED.value, "Skipped: not failed"


LEFT = "LEFT"  # their turn has not come
JOB_PARTS: dict[str, str] = {**{outcome.value: outcome.label for outcome in Outcome}, LEFT: "Not processed"}
