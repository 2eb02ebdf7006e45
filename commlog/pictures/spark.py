"""Sparkline of a client's messages in the last thirty days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.template.defaultfilters import pluralize
from django.utils import timezone

from commlog.kit.limits import A_COUNT, TookTooLong, time_limit
from notifications.models.message import MessageQuerySet
from notifications.states import MessageState

DAYS = 30
_MOST = 2_000  # messages; of more, the latest are drawn
_HEIGHT = 40.0


@dataclass(frozen=True, slots=True)
class Day:
    """A day's bar: failed on top of the others."""

    x: int
    failed_y: float
    failed: float
    other_y: float
    other: float
    words: str


@dataclass(frozen=True, slots=True)
class Spark:
    """The days that have messages, and a summary in words."""

    days: Sequence[Day]
    words: str


def spark(messages: MessageQuerySet, now: datetime) -> Spark | None:
    """Return the sparkline by day of creation; None if there are no messages, or counting takes too long."""
    today = timezone.localtime(now).date()
    since = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(DAYS - 1)
    rows = messages.filter(created_at__gte=since).order_by("-created_at", "-pk")
    try:
        with time_limit(A_COUNT):
            found = list(rows.values_list("created_at", "state")[: _MOST + 1])
    except TookTooLong:
        return None
    if not found:
        return None
    counts = {number: [0, 0] for number in range(DAYS)}
    for created_at, state in found[:_MOST]:
        number = DAYS - 1 - (today - timezone.localtime(created_at).date()).days
        if number in counts:
            counts[number][state == MessageState.FAILED] += 1
    most = max(map(sum, counts.values())) or 1
    failed = sum(day[1] for day in counts.values())
    whole = _messages(len(found)) if len(found) <= _MOST else f"the latest {_MOST:,} messages"
    return Spark(
        [
            _day(number, day[0], day[1], most, today - timedelta(DAYS - 1 - number))
            for number, day in counts.items()
            if sum(day)
        ],
        f"{whole} in {DAYS} days, {failed:,} failed",
    )


def _day(number: int, other: int, failed: int, most: int, day: date) -> Day:
    other_height, failed_height = (round(_HEIGHT * each / most, 2) for each in (other, failed))
    return Day(
        x=number * 10,
        other_y=round(_HEIGHT - other_height, 2),
        other=other_height,
        failed_y=round(_HEIGHT - other_height - failed_height, 2),
        failed=failed_height,
        words=f"{day.day} {day:%b}: {_messages(other + failed)}, {failed:,} failed",
    )


def _messages(number: int) -> str:
    return f"{number:,} message{pluralize(number)}"
