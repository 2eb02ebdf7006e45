"""What a bulk resend can do with a message. Together with what is left, the numbers of these are the
total.
"""

from django.db.models import TextChoices

from notifications.outbox import Obstacle


class Outcome(TextChoices):
    """What became of a message of a bulk resend. The labels are the words of the report."""

    RESENT = "RESENT", "Queued again as new entries"
    DELIVERED = Obstacle.DELIVERED.value, "Left out: delivered meanwhile"
    UNDER_WAY = Obstacle.UNDER_WAY.value, "Left out: being sent already"
    RESENT_SINCE = Obstacle.RESENT_SINCE.value, "Left out: resent by somebody else meanwhile"
    UNSENDABLE = Obstacle.UNSENDABLE.value, "Left out: would fail again at once"
    NOT_FAILED = Obstacle.NOT_FAILED.value, "Left out: not failed"


LEFT = "LEFT"  # their turn has not come
JOB_PARTS: dict[str, str] = {**{outcome.value: outcome.label for outcome in Outcome}, LEFT: "Not done"}
