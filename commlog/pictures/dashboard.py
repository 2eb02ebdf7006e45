"""The charts of the dashboard: sent and failed, lanes, and time to delivery."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from commlog.pictures.bars import PERIODS, Period, Picture, begins, picture
from commlog.pictures.promise import LaneLine, Promise, lines, promise
from notifications.models import Incident
from notifications.rollups import reading

_MOST_LANES = 12


@dataclass(frozen=True, slots=True)
class Pictures:
    """All charts, over the same period."""

    picture: Picture
    lanes: Sequence[LaneLine]
    promise: Promise
    whole: bool  # whether all of the time is counted
    periods: Sequence[Period] = tuple(PERIODS.values())


def period_of(asked: str) -> Period:
    """Return the requested period; a day if it is unknown."""
    return PERIODS.get(asked, PERIODS["24h"])


def _incidents(since: datetime) -> list[tuple[datetime, datetime | None, str]]:
    """Return begin, end and description of incidents that lasted beyond `since`."""
    those = Incident.objects.filter(Q(closed_at=None) | Q(closed_at__gte=since))
    return [
        (each.opened_at, each.closed_at, f"{each}: {', '.join(str(part.lane) for part in each.lanes.all())}")
        for each in those.prefetch_related("lanes__lane").order_by("opened_at")
    ]


def pictures(period: Period, now: datetime) -> Pictures:
    """Return the charts, with at most nine queries; days are whole days."""
    first = begins(period, now)[0]
    midnight = timezone.localtime(first).replace(hour=0, minute=0)
    hours = reading.hours(midnight)
    return Pictures(
        picture(hours, period, now, _incidents(first)),
        lines(reading.lanes(first, _MOST_LANES)),
        promise(hours),
        reading.all_counted(),
    )
