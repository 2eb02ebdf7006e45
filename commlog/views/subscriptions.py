"""The tab Subscriptions of a client or group: which templates it is subscribed to."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from commlog import permissions
from commlog.recipients import subscriptions
from commlog.recipients.kinds import KINDS, url_of
from commlog.recipients.profile import profile
from notifications import events


@require_safe
@permissions.can_view_recipient
def index(request: HttpRequest, kind: str, key: UUID) -> HttpResponse:
    owner = get_object_or_404(KINDS[kind].objects.select_related("credit_officer"), key=key)
    shown = {
        "profile": profile(owner, request.user),
        "tab": "subscriptions",
        "choices": events.choices(owner),
    }
    return render(
        request,
        "recipients/subscriptions.html",
        shown | {"opens_templates": permissions.may_view_templates(request.user)},
    )


@require_POST
@permissions.can_edit_recipient
def choose(request: HttpRequest, kind: str, key: UUID, template: UUID) -> HttpResponse:
    owner = get_object_or_404(KINDS[kind].objects, key=key)
    asked = get_object_or_404(events.concerning(owner), key=template)
    subscribed = request.POST.get("subscribed") == "1"
    subscriptions.choose(owner, asked, subscribed=subscribed, by=permissions.staff(request))
    messages.success(
        request,
        f"{owner.name} is now {'subscribed to' if subscribed else 'unsubscribed from'} “{asked.name}”.",
    )
    return redirect(url_of(owner, "subscriptions"))
