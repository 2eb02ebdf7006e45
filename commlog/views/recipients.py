"""Clients, groups and users: their lists, and the tabs Overview and Communications of each."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from commlog import permissions
from commlog.log.places import Place
from commlog.models.column_layout import LogKind
from commlog.recipients.forms import MemberForm
from commlog.recipients.kinds import KINDS, messages_of
from commlog.recipients.lists import listing
from commlog.recipients.profile import profile
from commlog.views import screen
from notifications.models import Group


@require_safe
@permissions.can_list_recipients
def index(request: HttpRequest, kind: str) -> HttpResponse:
    """The list of clients, of groups or of users."""
    found = {
        "listing": listing(request.GET, KINDS[kind]),
        "may_create": permissions.may_create_recipient(request.user, kind),
    }
    return render(request, "recipients/list.html", found)


@require_safe
@permissions.can_view_recipient
def overview(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    """Who it is, how it is reached, and which clients belong to a group or which groups a client belongs
    to.
    """
    return show_overview(request, get_object_or_404(KINDS[kind].objects, key=key))


def show_overview(
    request: HttpRequest, recipient: Any, member_form: MemberForm | None = None
) -> HttpResponse:
    """The overview, with the form for a new member as it came back."""
    shown = profile(recipient, request.user)
    if isinstance(recipient, Group) and shown.may_edit:
        member_form = member_form or MemberForm(group=recipient)
    return render(
        request, "recipients/overview.html", {"profile": shown, "member_form": member_form, "tab": "overview"}
    )


@require_safe
@vary_on_headers("HX-Request")
@permissions.can_read_recipient_log
def communications(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    """The recipient's log: every tool of the log, over the recipient's messages."""
    recipient = get_object_or_404(KINDS[kind].objects, key=key)
    return screen.show(
        request,
        Place(LogKind[kind.upper()], key),
        scope=messages_of(recipient, permissions.messages_for(request.user)),
        template="recipients/communications.html",
        page=lambda: {"profile": profile(recipient, request.user), "tab": "communications"},
    )
