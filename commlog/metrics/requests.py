"""Counts and durations of requests. Each process counts; those of one host are read together."""

import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, values
from prometheus_client.multiprocess import MultiProcessCollector

from commlog.api.errors import speaks_api
from commlog.live.parts import SEEN

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# What is asked for is known by its route: there are as many labels as we have addresses.
API_CALLS = Counter("commlog_api_requests", "Calls of the API.", ["operation", "status"])
API_SECONDS = Histogram("commlog_api_seconds", "What calls of the API took.", ["operation"], buckets=_SECONDS)
PAGES = Counter("commlog_page_requests", "Pages that were asked for.", ["page", "status"])
PAGE_SECONDS = Histogram(
    "commlog_page_seconds",
    "What pages took; by itself: an open page asked what had changed.",
    ["page", "by_itself"],
    buckets=_SECONDS,
)


class MetricsMiddleware:
    """Counts responses; outermost, so that the duration includes everything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        _count(request, response.status_code, time.perf_counter() - began)
        return response


def _count(request: HttpRequest, status: int, seconds: float) -> None:
    found = request.resolver_match
    if speaks_api(request):
        method = request.method if request.method in _METHODS else "other"
        operation = f"{method} /{found.route}" if found else "no such operation"
        API_CALLS.labels(operation, status).inc()
        API_SECONDS.labels(operation).observe(seconds)
    elif not request.path_info.startswith(settings.STATIC_URL):
        page = found.view_name if found else "no such page"
        PAGES.labels(page, status).inc()
        PAGE_SECONDS.labels(page, "yes" if SEEN in request.headers else "no").observe(seconds)


def of_all_processes() -> CollectorRegistry:
    """Return the counts of this host's processes; only this process's if they share no directory."""
    if not values.ValueClass._multiprocess:
        return REGISTRY
    shared = CollectorRegistry()
    MultiProcessCollector(shared)
    return shared
