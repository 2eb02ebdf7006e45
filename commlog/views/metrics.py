"""/metrics: for Prometheus, by a token or from a network."""

from ipaddress import ip_address

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from commlog.kit import origins
from commlog.metrics import requests
from commlog.metrics.sending import Sending
from notifications.database import replica
from notifications.database.clock import db_now


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return all metrics in the text format; 404 for clients that may not see them."""
    if not _may_read(request):
        raise Http404
    sending = CollectorRegistry()
    sending.register(Sending(db_now()))
    text = generate_latest(requests.of_all_processes()) + replica.read(lambda: generate_latest(sending))
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    if not (settings.METRICS_TOKEN or settings.METRICS_NETS):
        return False
    given = request.headers.get("Authorization", "")
    if settings.METRICS_TOKEN and not constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}"):
        return False
    address = origins.address_of(request)
    return not settings.METRICS_NETS or (
        address is not None and any(ip_address(address) in network for network in settings.METRICS_NETS)
    )
