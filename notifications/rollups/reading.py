"""Queries of the counts: messages sent and failed in each hour, results of lanes, delivery times.

A message that failed before any try never belonged to a lane, and is not counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any, NamedTuple

from django.db.models import F, Sum

from notifications.lanes.lane_health import minute_of
from notifications.models import WAITS, Backfill, Lane, LaneHour, LaneTally
from notifications.rollups.hourly import EVER, hour_of
from notifications.states import MessageType, Outcome

SOON = 10.0  # seconds: the promise
_SOON = [f"wait_{number}" for number in range(WAITS.index(SOON) + 1)]
_WAITS = [f"wait_{number}" for number in range(len(WAITS))]
_TRIED = frozenset({Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN})


class Hour(NamedTuple):
    """A channel's messages in an hour, given by its first minute since 1970.

    `sent`: accepted by their provider. `soon`: accepted within ten seconds of their creation. `failed`: for
    good.
    """

    minute: int
    channel: MessageType
    sent: int
    soon: int
    failed: int


@dataclass(slots=True)
class LaneFigures:
    """Results of a lane's tries, and the times from messages' creation to their acceptance."""

    lane: Lane
    tried: int = 0
    accepted: int = 0
    failed: int = 0  # messages, for good
    waits: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float | None:
        """The share of its tries that was accepted; None if nothing was tried."""
        return self.accepted / self.tried if self.tried else None

    def quantile(self, part: float) -> float | None:
        """Return the seconds within which this share of the messages was accepted.

        None if none was, or if it took longer than the last of WAITS.
        """
        return quantile([self.waits[name] for name in _WAITS], self.accepted, part)


def quantile(counts: Sequence[int], whole: int, part: float) -> float | None:
    """Return the seconds within which the share `part` of `whole` lies. `counts` are those between WAITS.

    Within an interval, waits are taken to be spread evenly. None if it lies beyond the last of WAITS.
    """
    wanted = part * whole
    if not whole:
        return None
    for below, up_to, least, most in zip(
        accumulate(counts, initial=0), accumulate(counts), (0.0, *WAITS), WAITS, strict=False
    ):
        if up_to >= wanted and up_to > below:
            return least + (most - least) * (wanted - below) / (up_to - below)
    return None


def all_counted() -> bool:
    """Return whether all attempts from before there were counts are counted."""
    return not Backfill.objects.exists()


def hours(since: datetime) -> list[Hour]:
    """Return each hour's numbers by channel, beginning with the hour of `since`. Two queries."""
    found: defaultdict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    sums = {name: Sum(name) for name in ("tries", "final", *_SOON)}
    for row in _rows(since, ["minute", "outcome"], sums, channel=F("lane__channel")):
        here = found[hour_of(row["minute"]), row["channel"]]
        here["failed"] += row["final"]
        if row["outcome"] == Outcome.ACCEPTED:
            here["sent"] += row["tries"]
            here["soon"] += sum(row[name] for name in _SOON)
    return [
        Hour(minute, MessageType(channel), here["sent"], here["soon"], here["failed"])
        for (minute, channel), here in sorted(found.items())
    ]


def lanes(since: datetime, most: int) -> list[LaneFigures]:
    """Return the lanes' figures from the hour of `since`, those with the most tries first. Three queries."""
    found: defaultdict[int, LaneFigures] = defaultdict(lambda: LaneFigures(Lane()))
    sums = {name: Sum(name) for name in ("tries", "final", *_WAITS)}
    for row in _rows(since, ["lane", "outcome"], sums):
        here = found[row["lane"]]
        here.failed += row["final"]
        here.tried += row["tries"] if row["outcome"] in _TRIED else 0
        if row["outcome"] == Outcome.ACCEPTED:
            here.accepted += row["tries"]
            here.waits.update({name: row[name] for name in _WAITS})
    first = sorted(found, key=lambda pk: (-found[pk].tried, pk))[:most]
    rows = Lane.objects.in_bulk(first)
    for pk in first:
        found[pk].lane = rows[pk]
    return [found[pk] for pk in first]


def _rows(since: datetime, by: Iterable[str], sums: dict[str, Sum], **also: F) -> Iterator[dict[str, Any]]:
    first = hour_of(minute_of(since))
    for counts in (LaneHour.objects.filter(minute__gt=EVER), LaneTally.objects.all()):
        rows = counts.filter(minute__gte=first).order_by()
        yield from rows.values(*by, **also).annotate(**sums)
