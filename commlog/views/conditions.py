"""*More conditions* while being filled in: rows for other fields, names for what is typed."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from commlog import permissions
from commlog.log.condition_form import Row
from commlog.log.conditions import Given, withheld
from commlog.log.reading import PART
from commlog.models.menu_item import MenuItemType
from commlog.permissions import NEEDS
from commlog.recipients import people

_LISTS = {"client": MenuItemType.CLIENTS, "group": MenuItemType.GROUPS, "user": MenuItemType.USERS}


@require_safe
@permissions.can_read_messages
def row(request: HttpRequest) -> HttpResponse:
    """Return the row with its new field's or operator's inputs; values stay if they fit."""
    number = next((int(found.group(1)) for name in request.GET if (found := PART.fullmatch(name))), 1)
    field, operator = request.GET.get(f"f{number}", ""), request.GET.get(f"o{number}", "")
    values = tuple(value for value in request.GET.getlist(f"v{number}") if value and "\0" not in value)
    changed = request.headers.get("HX-Trigger-Name", "")
    given = Given(field, operator, () if changed == f"f{number}" else values)
    masked = not permissions.may_read_content(request.user)
    row = Row(number, withheld(given) if masked else given, masked=masked)
    return render(request, "log/conditions/condition.html", {"row": row, "focus": changed})


@require_safe
@permissions.can_read_messages
def suggest(request: HttpRequest, whom: str) -> HttpResponse:
    """Return options for what is typed: clients, groups or users. The input sends itself, whatever its
    name.
    """
    if whom not in _LISTS:
        raise Http404
    if not request.user.has_perm(NEEDS[_LISTS[whom]]):
        raise PermissionDenied(f"Looking up {whom}s needs the permission to view them.")
    typed = next(iter(request.GET.values()), "")
    return render(request, "log/conditions/suggestions.html", {"labels": people.suggest(whom, str(typed))})
