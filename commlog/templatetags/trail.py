"""The audit trail, and values of tables, in words."""

from collections.abc import Sequence
from typing import Any

from django import template

from commlog.administration.audit_log.reading import changes

register = template.Library()
register.filter("changes", changes)


@register.filter
def item(values: Sequence[Any], place: int) -> Any:
    """The value at that place."""
    return values[place]
