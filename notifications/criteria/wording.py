"""Criteria in the words of a clerk."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType

from django.utils import timezone

from notifications.criteria.fields import FIELDS, Field
from notifications.criteria.operators import Kind, Operator
from notifications.criteria.reading import Criterion

_SHOWN_VALUES = 3


def in_words(
    criterion: Criterion,
    names: Mapping[str, str] = MappingProxyType({}),
    *,
    fields: Callable[[str], Field | None] = FIELDS.get,
) -> str:
    """What the criterion asks of its field: `is one of Failed, Waiting`. `names`: what keys are called."""
    field = fields(criterion.field)
    assert field is not None, "a criterion is made by parse, which knows its field"
    if criterion.operator == Operator.LAST_DAYS:
        return f"is in the last {int(criterion.values[0]):,} days"
    if field.kind == Kind.BOOLEAN:
        return (
            "yes"
            if (criterion.values == ("true",)) != (criterion.operator == Operator.DIFFERENT_THAN)
            else "no"
        )
    shown = [_value(field, value, names) for value in criterion.values[:_SHOWN_VALUES]]
    more = len(criterion.values) - len(shown)
    said = (
        " and ".join(shown)
        if criterion.operator == Operator.BETWEEN
        else ", ".join(shown) + (f" and {more:,} more" if more else "")
    )
    return f"{criterion.operator.label} {said}".strip()


def _value(field: Field, value: str, names: Mapping[str, str]) -> str:
    if field.kind == Kind.DATE_TIME:
        if len(value) == 10:
            day = date.fromisoformat(value)
            return f"{day.day} {day:%b %Y}"
        moment = timezone.localtime(datetime.fromisoformat(value), timezone.get_default_timezone())
        return f"{moment.day} {moment:%b %Y %H:%M:%S}"
    return names.get(value) or dict(field.choices).get(value, value)
