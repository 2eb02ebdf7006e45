"""Middleware for all API responses, including those that no operation produces; pages get a request ID
too.
"""

import re
from collections.abc import Callable
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from commlog.api import cross_origin, rate_limits
from commlog.api.errors import of_status, speaks_api
from commlog.kit.log_lines import request_id

HEADER = "X-Request-Id"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")


class ProgramsMiddleware:
    """Adds a request ID to response and log, adds rate-limit headers, and answers unknown URLs in JSON."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        name = given if _GIVEN.fullmatch(given) else uuid4().hex
        request_id.set(name)  # until the next one: Django writes of an answer behind all middleware
        if not speaks_api(request):
            page = self.get_response(request)
            page[HEADER] = name
            return page
        response = cross_origin.preflight(request) or self.get_response(request)
        if response.status_code == 404 and not _is_json(response):
            response = of_status(request, 404)  # in development Django answers with a page of its own
        response[HEADER] = name
        cross_origin.mark(request, response)
        for header, value in rate_limits.told(request).items():
            response[header] = value
        return response


def _is_json(response: HttpResponse) -> bool:
    return response.get("Content-Type", "").startswith(("application/json", "application/problem+json"))
