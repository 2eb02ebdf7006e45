"""The administration: its start page, the audit trail, the retry policy."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from commlog import permissions, trail
from commlog.listing import listing
from commlog.models import AuditEntry
from commlog.retry_page import CHANNELS, FIELDS, drawn


@require_safe
@permissions.can_view_administration
def overview(request: HttpRequest) -> HttpResponse:
    """What there is to administer."""
    return render(request, "administration/overview.html")


@require_safe
@permissions.can_view_administration
def audit(request: HttpRequest) -> HttpResponse:
    """Who did what, the latest first."""
    shown = listing(request.GET, form=trail.TrailForm, scope=AuditEntry.objects.all(), narrow=trail.narrow, sorting=trail.NEWEST_FIRST)
    return render(request, "administration/audit.html", {"listing": shown})


@require_safe
@permissions.can_view_administration
def retry_policy(request: HttpRequest) -> HttpResponse:
    """When failed messages are tried again, channel by channel. Read-only: operators set it in the environment."""
    return render(request, "administration/retry_policy.html", {"fields": FIELDS, "policies": [drawn(channel) for channel in CHANNELS]})
