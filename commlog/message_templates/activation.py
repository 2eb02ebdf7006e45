"""Forecast of a template's messages once it is active, from recent events."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from commlog.kit.limits import A_COUNT, TookTooLong, counted, time_limit
from notifications import events
from notifications.models import BusinessEvent, NotificationTemplate

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_MOST_COUNTED = 100_000
_MOST_TRIED = 200
_MOST_MADE = 2_000  # messages, in the head alone


@dataclass(frozen=True, slots=True)
class Forecast:
    """Recent events of a template, and the messages it would have produced."""

    days: int  # that were looked at: 1, or 7 where nothing came in one
    events: int | None  # that came in these days; None: too many to count in time
    tried: int = 0  # the latest of them, which the template was tried with
    messages: int = 0  # what it made of those

    @property
    def a_day(self) -> int | None:
        """Messages a day: exact if every event was tried, else extrapolated, or None."""
        if not self.events or self.days > 1:
            return None
        return self.messages if self.events == self.tried else round(self.events * self.messages / self.tried)


def forecast(template: NotificationTemplate, *, now: datetime) -> Forecast | None:
    """Return what the template would do with its event's recent occurrences; None: manual, or too slow."""
    if not template.event:
        return None
    try:
        lately = _since(template, now - _DAY, now, days=1)
        return lately if lately.tried else _since(template, now - _WEEK, now, days=7)
    except TookTooLong:
        return None


def _since(template: NotificationTemplate, since: datetime, now: datetime, *, days: int) -> Forecast:
    came = BusinessEvent.objects.filter(name=template.event, received_at__gte=since)
    with time_limit(A_COUNT):
        related = came.select_related("client__credit_officer", "group__credit_officer", "user")
        latest = list(related.order_by("-received_at", "-id")[:_MOST_TRIED])
    tried, messages = events.rehearse(template, latest, now=now, most=_MOST_MADE)
    number = len(latest) if len(latest) < _MOST_TRIED else _count(template, since)
    return Forecast(days, number, tried, messages)


def _count(template: NotificationTemplate, since: datetime) -> int | None:
    try:
        with time_limit(A_COUNT):
            found = counted(
                BusinessEvent.objects.filter(name=template.event, received_at__gte=since), _MOST_COUNTED
            )
    except TookTooLong:
        return None
    return found if found <= _MOST_COUNTED else None
