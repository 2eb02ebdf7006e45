"""Streams in the administration: topics, subscriptions and progress; cursors can be reset."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from commlog import audit, permissions
from commlog.administration import streams
from commlog.models.audit_entry import AuditAction
from notifications.models import StreamSubscription
from notifications.streams.subscriptions import ResetUnderWay


@require_safe
@permissions.can_view_administration
def index(request: HttpRequest) -> HttpResponse:
    """Show every subscription and topic."""
    context = {
        "subscriptions": streams.subscriptions_read(),
        "topics": streams.topics(),
        "hours": settings.STREAM_RETENTION_HOURS,
    }
    return render(request, "administration/streams/list.html", context)


@require_safe
@permissions.can_view_administration
def subscription(request: HttpRequest, key: UUID) -> HttpResponse:
    found = get_object_or_404(StreamSubscription, key=key)
    context = {
        "subscription": found,
        "partitions": streams.partitions(found),
        "can_manage": permissions.may_manage_streams(request.user),
    }
    return render(request, "administration/streams/subscription.html", context)


@require_POST
@permissions.can_manage_streams
def reset(request: HttpRequest, key: UUID, action: str) -> HttpResponse:
    """Move the cursors to the beginning or the end of what is retained."""
    found = get_object_or_404(StreamSubscription, key=key)
    if action not in streams.RESETS:
        raise Http404("Cursors are reset to the begin or to the end.")
    try:
        streams.reset(found, action)
    except ResetUnderWay:
        messages.error(request, "The position is already being reset. Try again in a moment.")
        return redirect("administration-stream", found.key)
    about = {"kind": "stream subscription", "key": found.key.hex, "label": found.owning_application}
    audit.record(
        permissions.staff(request), AuditAction.CHANGED, None, before=None, after={"cursors": action}, **about
    )
    messages.success(request, streams.RESETS[action])
    return redirect("administration-stream", found.key)
