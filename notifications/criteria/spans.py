"""Time ranges of criteria. Days are the organisation's."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from notifications.criteria.operators import Operator

Bounds = tuple[datetime | None, datetime | None]  # from this moment on, and before that one
_SKEW = timedelta(minutes=1)  # by which the clocks of machines may differ: what was just sent counts
_A_TICK = timedelta(microseconds=1)  # what the databases tell apart


def bounds(operator: Operator, values: Sequence[str], clock: datetime) -> Bounds:
    """Return the range of the operator at the moment `clock`, in its zone.

    Ranges are used because indexes serve them, and not functions.
    """
    zone = clock.tzinfo or UTC
    if operator == Operator.LAST_HOURS:
        return clock.astimezone(UTC) - timedelta(hours=int(values[0])), clock + _SKEW
    if not values or operator == Operator.LAST_DAYS:
        first, after = _relative(operator, values, clock.date())
        return _midnight(first, zone), _midnight(after, zone)
    begin, end = edges(values[0], zone)
    if operator == Operator.ON:
        day = begin.astimezone(zone).date()
        return _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    if operator == Operator.BETWEEN:
        return begin, edges(values[1], zone)[1]
    return {
        Operator.AFTER: (end, None),
        Operator.AFTER_INCLUSIVE: (begin, None),
        Operator.BEFORE: (None, begin),
        Operator.BEFORE_INCLUSIVE: (None, end),
    }[operator]


def _relative(operator: Operator, values: Sequence[str], today: date) -> tuple[date, date]:
    """Return the first day of the range and the day after it.

    Weeks begin on Monday; the last n days include today.
    """
    if operator == Operator.YESTERDAY:
        return today - timedelta(days=1), today
    if operator in (Operator.THIS_WEEK, Operator.LAST_WEEK):
        monday = today - timedelta(days=today.weekday() + (7 if operator == Operator.LAST_WEEK else 0))
        return monday, monday + timedelta(days=7)
    if operator in (Operator.THIS_MONTH, Operator.LAST_MONTH):
        first = today.replace(day=1)
        if operator == Operator.LAST_MONTH:
            return (first - timedelta(days=1)).replace(day=1), first
        return first, (first + timedelta(days=32)).replace(day=1)
    if operator == Operator.THIS_YEAR:
        return date(today.year, 1, 1), date(today.year + 1, 1, 1)
    back = int(values[0]) if operator == Operator.LAST_DAYS else 0
    return max(today - timedelta(days=back), date(1900, 1, 1)), today + timedelta(days=1)


def is_reversed(first: str, last: str, zone: tzinfo) -> bool:
    """Return whether `last`, a day of the zone or a moment, is over before `first` begins."""
    begin, end = edges(first, zone)[0], edges(last, zone)[1]
    return end.astimezone(UTC) <= begin.astimezone(UTC)


def edges(value: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the start of the day or the moment, and the start of what follows it."""
    if len(value) == 10:
        day = date.fromisoformat(value)
        return _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    moment = datetime.fromisoformat(value)
    return moment, moment + _A_TICK


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)
