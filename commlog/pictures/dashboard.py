"""The pictures of the dashboard: what was sent and failed, lanes, and how soon."""

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
    """All of them, over the same time."""

    picture: Picture
    lanes: Sequence[LaneLine]
    promise: Promise
    whole: bool  # whether all of the time is counted
    periods: Sequence[Period] = tuple(PERIODS.values())


def period_of(asked: str) -> Period:
    """Return what a page asks for; a day, where that is nothing we know."""
    return PERIODS.get(asked, PERIODS["24h"])


def _incidents(since: datetime) -> list[tuple[datetime, datetime | None, str]]:
    """When incidents began and ended, and what they were; those that lasted beyond this."""
    those = Incident.objects.filter(Q(closed_at=None) | Q(closed_at__gte=since))
    return [
        (each.opened_at, each.closed_at, f"{each}: {', '.join(str(part.lane) for part in each.lanes.all())}")
        for each in those.prefetch_related("lanes__lane").order_by("opened_at")
    ]


def pictures(period: Period, now: datetime) -> Pictures:
    """Draw them. Nine queries at the most, whatever there is; days are whole ones."""
    first = begins(period, now)[0]
    midnight = timezone.localtime(first).replace(hour=0, minute=0)
    hours = reading.hours(midnight)
    return Pictures(
        picture(hours, period, now, _incidents(first)),
        lines(reading.lanes(first, _MOST_LANES)),
        promise(hours),
        reading.all_counted(),
    )
