"""Evaluation of a template's conditions: the log's criteria, applied to values."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from django.utils import timezone

from notifications import criteria
from notifications.criteria import Criterion, Kind, Operator
from notifications.templating.catalogue import field_of
from notifications.templating.values import day_of

_NEGATIVE = {
    Operator.DIFFERENT_THAN: Operator.EQUALS,
    Operator.NOT_IN: Operator.IN,
    Operator.NOT_CONTAINS: Operator.CONTAINS,
    Operator.NOT_EMPTY: Operator.EMPTY,
}
_LONGEST_SHOWN = 60


def parse(field: str, operator: str, values: Sequence[str]) -> Criterion:
    """Return the condition for these strings.

    Raises Malformed if there is no such placeholder or operator.
    """
    return criteria.parse(field, operator, values, fields=field_of)


def read(stored: Sequence[Mapping[str, Any]]) -> list[Criterion]:
    """Return the conditions stored in a template's row."""
    return [parse(one["field"], one["operator"], one["values"]) for one in stored]


def write(conditions: Sequence[Criterion]) -> list[dict[str, Any]]:
    """Return the conditions in the form of a template's row."""
    return [
        {"field": one.field, "operator": one.operator.value, "values": list(one.values)} for one in conditions
    ]


@lru_cache(maxsize=1024)
def in_words(condition: Criterion) -> str:
    """Describe a condition: `Amount is more than 100`."""
    field = field_of(condition.field)
    return f"{field.label if field else condition.field} {criteria.in_words(condition, fields=field_of)}"


def failing(
    conditions: Sequence[Criterion], values: Mapping[str, str], *, any_of: bool, now: datetime
) -> list[str]:
    """Return why the conditions are not met, one sentence each; [] if they are."""
    failed = [one for one in conditions if not holds(one, values, now=now)]
    if not failed or (any_of and len(failed) < len(conditions)):
        return []
    return [f"{in_words(one)} (actual: {_was(values.get(one.field, ''))})" for one in failed]


def holds(condition: Criterion, values: Mapping[str, str], *, now: datetime) -> bool:
    """Return whether one condition is met."""
    opposite = _NEGATIVE.get(condition.operator)
    if opposite:
        return not holds(Criterion(condition.field, opposite, condition.values), values, now=now)
    value, operator = values.get(condition.field, ""), condition.operator
    if operator == Operator.EMPTY:
        return not value
    field = field_of(condition.field)
    kind = field.kind if field else Kind.STRING
    if kind in (Kind.NUMBER, Kind.MONEY):
        return _by_size(operator, condition.values, value)
    if kind == Kind.DATE_TIME:
        return _by_time(operator, condition, value, now)
    return _by_text(operator, condition.values, value)


def _by_text(operator: Operator, wanted: Sequence[str], value: str) -> bool:
    lowered = value.lower()
    asked: dict[Operator, Callable[[], bool]] = {
        Operator.EQUALS: lambda: lowered == wanted[0].lower(),
        Operator.EQUALS_CASE_SENSITIVE: lambda: value == wanted[0],
        Operator.IN: lambda: value in wanted,
        Operator.CONTAINS: lambda: wanted[0].lower() in lowered,
        Operator.STARTS_WITH: lambda: lowered.startswith(wanted[0].lower()),
        Operator.STARTS_WITH_CASE_SENSITIVE: lambda: value.startswith(wanted[0]),
    }
    return asked[operator]()


def _by_size(operator: Operator, wanted: Sequence[str], value: str) -> bool:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return False
    if not number.is_finite():
        return False
    bounds = [Decimal(each) for each in wanted]
    if operator == Operator.BETWEEN:
        return bounds[0] <= number <= bounds[1]
    if operator == Operator.MORE_THAN:
        return number > bounds[0]
    return number < bounds[0] if operator == Operator.LESS_THAN else number == bounds[0]


def _by_time(operator: Operator, condition: Criterion, value: str, now: datetime) -> bool:
    zone = timezone.get_default_timezone()
    try:
        if day := day_of(condition.field, value):
            # A day is on that day, wherever its bounds lie.
            moment = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
        else:
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    except ValueError:
        return False
    start, end = criteria.bounds(operator, condition.values, now.astimezone(zone))
    return (start is None or start <= moment) and (end is None or moment < end)


def _was(value: str) -> str:
    if not value:
        return "empty"
    return f"“{value}”" if len(value) <= _LONGEST_SHOWN else f"“{value[:_LONGEST_SHOWN]}…”"
