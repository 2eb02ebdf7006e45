"""Descriptions of criteria in a clerk's words."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType

from django.utils import timezone

from notifications.criteria.fields import FIELDS, Field
from notifications.criteria.operators import COUNTED_BACK, Kind, Operator
from notifications.criteria.parsing import Criterion
from notifications.text.days import written

_SHOWN_VALUES = 3


def in_words(
    criterion: Criterion,
    names: Mapping[str, str] = MappingProxyType({}),
    *,
    fields: Callable[[str], Field | None] = FIELDS.get,
) -> str:
    """Describe what the criterion asks of its field: `is one of Failed, Waiting`.

    `names`: display names of keys.
    """
    field = fields(criterion.field)
    assert field is not None, "a criterion is made by parse, which knows its field"
    if criterion.operator in COUNTED_BACK:
        unit = "hours" if criterion.operator == Operator.LAST_HOURS else "days"
        return f"is in the last {int(criterion.values[0]):,} {unit}"
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
            return written(date.fromisoformat(value))
        moment = timezone.localtime(datetime.fromisoformat(value), timezone.get_default_timezone())
        return f"{written(moment)} {moment:%H:%M:%S}"
    return names.get(value) or dict(field.choices).get(value, value)
