"""*Why was nothing sent?*: events, and the result of every template that each concerns."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from commlog import permissions
from commlog.kit.keyset_list import listing
from commlog.kit.limits import A_PAGE, TookTooLong, time_limit
from commlog.live import parts
from commlog.message_templates import events as event_lookup
from commlog.recipients.kinds import KINDS, url_of
from notifications import events
from notifications.models import BusinessEvent


@require_safe
@permissions.can_read_events
def index(request: HttpRequest) -> HttpResponse:
    scope = BusinessEvent.objects.defer("trace", "data")
    try:
        with time_limit(A_PAGE):
            found = listing(
                request.GET,
                form=event_lookup.EventsForm,
                scope=scope,
                narrow=event_lookup.narrow,
                sorting=event_lookup.NEWEST_FIRST,
            )
    except TookTooLong:
        found = listing(
            request.GET,
            form=event_lookup.EventsForm,
            scope=scope.none(),
            narrow=event_lookup.narrow,
            sorting=event_lookup.NEWEST_FIRST,
        )
        return render(request, "events/list.html", {"listing": found, "slow": True})
    return render(request, "events/list.html", {"listing": found})


@require_safe
@permissions.can_read_events
def event(request: HttpRequest, key: UUID) -> HttpResponse:
    found = get_object_or_404(BusinessEvent.objects.select_related("client", "group", "user"), key=key)
    about = found.client or found.group or found.user
    opens = about is not None and permissions.may_view_recipient(request.user, _kind(found))
    shown = {
        "event": found,
        "words": events.in_words(found.name),
        "lines": event_lookup.lines_of(found, request.user),
    }
    shown |= {
        "tells": permissions.may_read_content(request.user),
        "about_url": url_of(about) if about and opens else "",
        "kind": KINDS[_kind(found)].label.lower() if about else "",
    }
    shown |= {"templates_url": reverse("templates") if permissions.may_view_templates(request.user) else ""}
    return parts.render(request, "events/event.html", shown)


def _kind(found: BusinessEvent) -> str:
    return "client" if found.client_id else "group" if found.group_id else "user"
