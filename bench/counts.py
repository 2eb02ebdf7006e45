"""A comparison of the counts of tries with the attempts themselves."""

from collections import Counter
from datetime import timedelta

from django.db.models import F, Sum

from notifications.models import WAITS, Attempt, LaneHour, LaneTally, Message
from notifications.rollups.hourly import EVER
from notifications.states import MessageState, Outcome

SUMS = {name: Sum(name) for name in LaneTally.SUMS}
Counts = Counter[tuple[object, ...]]


def said_by_attempts() -> Counts:
    """Count every ended attempt from its row."""
    found: Counts = Counter()
    for each in Attempt.objects.exclude(outcome="").select_related("message"):
        about = each.message.lane_id, each.outcome, each.failure_reason
        found[(*about, "tries")] += 1
        found[(*about, "retries")] += each.number > 1
        if each.outcome == Outcome.ACCEPTED:
            assert each.finished_at is not None
            took = max(timedelta(), each.finished_at - each.message.created_at)
            found[(*about, "waited")] += took // timedelta(milliseconds=1)
            if (column := sum(took.total_seconds() >= most for most in WAITS)) < len(WAITS):
                found[(*about, f"wait_{column}")] += 1
        elif each.message.state == MessageState.FAILED and each.number == each.message.attempt_count:
            found[(*about, "final")] += 1
    lost = Message.objects.filter(state=MessageState.FAILED, attempts__number=F("attempt_count"))
    for pk in lost.filter(attempts__outcome=Outcome.ACCEPTED).values_list("lane", flat=True):
        found[pk, "", "", "final"] += 1
    return +found


def said_by_counts() -> Counts:
    """Return the same numbers from the stored counts."""
    found: Counts = Counter()
    for rows in (LaneTally.objects.all(), LaneHour.objects.filter(minute__gt=EVER)):
        for row in rows.values("lane", "outcome", "reason").order_by().annotate(**SUMS):
            for name in SUMS:
                found[row["lane"], row["outcome"], row["reason"], name] += row[name]
    return +found


def wrong() -> list[str]:
    """Return the differences between the two."""
    counts, attempts = said_by_counts(), said_by_attempts()
    keys = {key for key in counts | attempts if counts[key] != attempts[key]}
    return [f"{key}: {counts[key]} for {attempts[key]}" for key in sorted(keys, key=str)]


def compared() -> dict[str, list[int]]:
    """Return each number over all lanes, by the attempts and by the counts."""
    attempts, counts = said_by_attempts(), said_by_counts()
    return {
        name: [sum(found[key] for key in found if key[-1] == name) for found in (attempts, counts)]
        for name in ("tries", "retries", "final", "waited")
    }
