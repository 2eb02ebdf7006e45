"""Audit entries and table values in words."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.template import RequestContext

from commlog import permissions
from commlog.administration.audit_log import reading
from commlog.models import AuditEntry

register = template.Library()


@register.simple_tag(takes_context=True)
def changes(context: RequestContext, entry: AuditEntry) -> list[tuple[str, str, str]]:
    """Return the changes: name, before, after."""
    return reading.changes(entry, masked=_is_masked(context))


@register.simple_tag(takes_context=True)
def about(context: RequestContext, entry: AuditEntry) -> str:
    """Return what an audit entry is about."""
    return reading.about(entry, masked=_is_masked(context))


def _is_masked(context: RequestContext) -> bool:
    return not permissions.may_read_content(context["request"].user)


@register.filter
def item(values: Sequence[Any], place: int) -> Any:
    """Return the value at that index."""
    return values[place]
