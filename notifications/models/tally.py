"""Counts of tries by outcome: by worker and minute as they are recorded, later by hour."""

from django.db import models

from notifications.models.lane import Lane
from notifications.states import Outcome

# Seconds from a message's creation to its provider's yes; what took longer than the last has no column.
WAITS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0)


class Counts(models.Model):
    """Counts of a lane's tries in a period, by outcome and reason.

    The outcome "" is for messages that failed without another try, because their provider reported later that
    it had not delivered them.
    """

    minute = models.PositiveIntegerField()  # since 1970; the first of the time
    outcome = models.CharField(max_length=9, choices=Outcome.choices, default="")
    reason = models.CharField(max_length=40, default="")
    tries = models.IntegerField(default=0)
    retries = models.IntegerField(default=0)  # those of them that were not their messages' first
    final = models.IntegerField(default=0)  # after how many of them their message was FAILED
    # Of accepted ones: milliseconds from the creation of their messages in all, and how many took less than
    # which of WAITS, but not less than the one before.
    waited = models.BigIntegerField(default=0)
    wait_0 = models.IntegerField(default=0)
    wait_1 = models.IntegerField(default=0)
    wait_2 = models.IntegerField(default=0)
    wait_3 = models.IntegerField(default=0)
    wait_4 = models.IntegerField(default=0)
    wait_5 = models.IntegerField(default=0)
    wait_6 = models.IntegerField(default=0)
    wait_7 = models.IntegerField(default=0)
    wait_8 = models.IntegerField(default=0)
    wait_9 = models.IntegerField(default=0)
    wait_10 = models.IntegerField(default=0)
    wait_11 = models.IntegerField(default=0)

    SUMS = ("tries", "retries", "final", "waited", *(f"wait_{number}" for number in range(len(WAITS))))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.tries} {self.outcome}"


class LaneTally(Counts):
    """The counts of one worker in one minute.

    Each worker has rows of its own, so none waits for another. `messages`: a message counts only in the
    minute of its latest try: a later try subtracts it from the earlier minute, and a row may go below zero;
    the sum over all workers does not.
    """

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, db_index=False, related_name="tallies")
    worker = models.CharField(max_length=100)
    messages = models.IntegerField(default=0)
    accepted_at = models.DateTimeField(null=True)  # the last success

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lane", "minute", "worker", "outcome", "reason"], name="lane_tally_once"
            )
        ]


class LaneHour(Counts):
    """The counts of all workers in one hour of the organisation's zone, once its tallies are old.

    Minute 0 holds the totals since counting began, including hours that were deleted.
    """

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, db_index=False, related_name="hours")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["minute", "lane", "outcome", "reason"], name="lane_hour_once")
        ]


class Backfill(models.Model):
    """The range of attempts that ended before there were counts, and are still to be counted."""

    before = models.DateTimeField()  # what ended later has been counted
    newest = models.BigIntegerField()  # no attempt with a higher id is left
    oldest = models.BigIntegerField(default=1)  # none with a lower one is meant
