"""Clients, groups and users: lists, and the tabs Overview and Communications."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from commlog import permissions
from commlog.access import recording
from commlog.log.places import Place
from commlog.models.column_layout import LogKind
from commlog.pictures.spark import spark
from commlog.recipients.forms import MemberForm
from commlog.recipients.kinds import KINDS, messages_of
from commlog.recipients.lists import listing
from commlog.recipients.profile import profile
from commlog.recipients.timeline import timeline
from commlog.views import screen
from notifications.models import Client, Group


@require_safe
@permissions.can_list_recipients
def index(request: HttpRequest, kind: str) -> HttpResponse:
    found = {
        "listing": listing(request.GET, KINDS[kind]),
        "may_create": permissions.may_create_recipient(request.user, kind),
    }
    return render(request, "recipients/list.html", found)


@require_safe
@permissions.can_view_recipient
def overview(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    """Show contact data, and a group's clients or a client's groups."""
    return show_overview(request, get_object_or_404(KINDS[kind].objects, key=key))


def show_overview(
    request: HttpRequest, recipient: Any, member_form: MemberForm | None = None
) -> HttpResponse:
    """Show the overview, with the form for a new member as submitted."""
    shown, drawn = profile(recipient, request.user), None
    if isinstance(recipient, Group) and shown.may_edit:
        member_form = member_form or MemberForm(group=recipient)
    if isinstance(recipient, Client) and shown.communications_url:
        drawn = spark(messages_of(recipient, permissions.messages_for(request.user)), timezone.now())
    lines = timeline(recipient, request.user)
    recording.listed(request, [line.message for line in lines or () if line.message])
    found = {"profile": shown, "member_form": member_form, "timeline": lines}
    return render(request, "recipients/overview.html", found | {"tab": "overview", "spark": drawn})


@require_safe
@vary_on_headers("HX-Request")
@permissions.can_read_recipient_log
def communications(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    """Show the recipient's log: every tool of the log, over the recipient's messages."""
    recipient = get_object_or_404(KINDS[kind].objects, key=key)
    return screen.show(
        request,
        Place(LogKind[kind.upper()], key),
        scope=messages_of(recipient, permissions.messages_for(request.user)),
        template="recipients/communications.html",
        page=lambda: {
            "profile": profile(recipient, request.user),
            "tab": "communications",
            "readers_url": reverse(f"{kind}-readers", args=[key])
            if permissions.may_view_access(request.user)
            else "",
        },
    )
