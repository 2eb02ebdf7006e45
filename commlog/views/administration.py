"""The administration: start page, audit trail, retry policy."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from commlog import permissions
from commlog.administration.audit_log import reading
from commlog.administration.retry_page import CHANNELS, FIELDS, drawn
from commlog.kit.keyset_list import listing
from commlog.models import AuditEntry
from notifications.database import replica


@require_safe
@permissions.can_view_administration
def overview(request: HttpRequest) -> HttpResponse:
    return render(request, "administration/overview.html", {"replica": replica.state()})


@require_safe
@permissions.can_view_administration
def audit(request: HttpRequest) -> HttpResponse:
    scope = AuditEntry.objects.select_related("key")
    shown = listing(request.GET, scope=scope, form=reading.TrailForm, narrow=reading.narrow)
    return render(request, "administration/audit_log/list.html", {"listing": shown})


@require_safe
@permissions.can_view_administration
def retry_policy(request: HttpRequest) -> HttpResponse:
    """Show when failed messages are retried. Operators set it in the environment."""
    return render(
        request,
        "administration/retry_policy.html",
        {"fields": FIELDS, "policies": [drawn(channel) for channel in CHANNELS]},
    )
