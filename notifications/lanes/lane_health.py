"""A lane's health by its results: messages delivered and failed lately, the last success, whether it fails.

The numbers are messages, not tries. A message counts once, at its last try: as delivered if the server or
gateway accepted it, as failed if not, whether it is retried or not. A later receipt changes nothing here. The
numbers are written in the transaction of the result (notifications.delivery.tallies), so all hosts share
them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q, Sum
from django.utils import timezone

from notifications.models import Lane, LaneTally
from notifications.states import Outcome

LATELY, THE_HOUR = timedelta(minutes=5), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LaneHealth:
    """A lane's numbers of the last five minutes and the last hour.

    `last_success` is None if none is known; `failing_since` is None if the lane is not failing.
    """

    delivered: int = 0
    failed: int = 0
    delivered_in_hour: int = 0
    failed_in_hour: int = 0
    last_success: datetime | None = None
    failing_since: datetime | None = None

    def __add__(self, other: "LaneHealth") -> "LaneHealth":
        return LaneHealth(
            self.delivered + other.delivered,
            self.failed + other.failed,
            self.delivered_in_hour + other.delivered_in_hour,
            self.failed_in_hour + other.failed_in_hour,
            latest(self.last_success, other.last_success),
        )

    @property
    def tried(self) -> int:
        return self.delivered + self.failed

    @property
    def tried_in_hour(self) -> int:
        return self.delivered_in_hour + self.failed_in_hour

    def words(self, now: datetime) -> str:
        """Return the numbers in words: `0 of 14 delivered in 5 minutes; last success 10:01`."""
        if self.tried:
            said = f"{self.delivered:,} of {self.tried:,} delivered in 5 minutes"
        elif self.tried_in_hour:
            said = f"{self.delivered_in_hour:,} of {self.tried_in_hour:,} delivered in the last hour"
        else:
            said = "nothing tried in the last hour"
        if self.tried and self.delivered:
            return said
        return (
            f"{said}; last success {clock(self.last_success, now)}"
            if self.last_success
            else f"{said}; no success on record"
        )


def clock(at: datetime, now: datetime) -> str:
    """Return a moment in the organisation's zone, as short as is clear: `10:01`, else `28 Nov 10:01`."""
    local, today = timezone.localtime(at), timezone.localtime(now)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b %H:%M}" if local.year == today.year else f"{local.day} {local:%b %Y %H:%M}"


def minute_of(at: datetime) -> int:
    """Return the minute in which a moment is counted."""
    return int(at.timestamp() // 60)


def health_of(lanes: Collection[Lane], now: datetime) -> dict[int, LaneHealth]:
    """Return the health of these lanes by id. One query over the tallies of an hour."""
    since = {
        name: Q(minute__gte=minute_of(now - span))
        for name, span in (("lately", LATELY), ("in_hour", THE_HOUR))
    }
    ended = {
        "delivered": Q(outcome=Outcome.ACCEPTED),
        "failed": Q(outcome__in=[Outcome.REFUSED, Outcome.UNKNOWN]),
    }
    rows = LaneTally.objects.filter(lane__in=lanes).values("lane").order_by()
    sums = {
        f"{name}_{span}": Sum("messages", filter=how & of, default=0)
        for name, how in ended.items()
        for span, of in since.items()
    }
    found = {row["lane"]: row for row in rows.annotate(last=Max("accepted_at"), **sums)}
    return {lane.pk: _health(lane, found.get(lane.pk, {})) for lane in lanes}


def _health(lane: Lane, row: Mapping[str, Any]) -> LaneHealth:
    last = latest(lane.accepted_at, row.get("last"))
    # What was tried before there were tallies is taken back like all else.
    delivered, failed, delivered_in_hour, failed_in_hour = (
        max(0, row.get(f"{name}_{span}", 0))
        for span in ("lately", "in_hour")
        for name in ("delivered", "failed")
    )
    failing_since = lane.failing_since if failed_in_hour and fails(lane, last) else None
    return LaneHealth(delivered, failed, delivered_in_hour, failed_in_hour, last, failing_since)


def fails(lane: Lane, last_success: datetime | None) -> bool:
    """Return whether nothing was accepted since the failures for which the lane was marked as failing."""
    return lane.failing_since is not None and (last_success is None or last_success < lane.failing_since)


def latest(*times: datetime | None) -> datetime | None:
    """Return the latest of the times that are not None."""
    return max((time for time in times if time is not None), default=None)
