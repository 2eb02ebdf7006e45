"""Error pages; API clients get the API's response."""

import sys

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader

from commlog import audit
from commlog.api.errors import of_status, speaks_api, unavailable_answer
from commlog.kit.log_lines import request_id
from commlog.kit.return_address import LONGEST
from notifications.database import availability
from notifications.database.availability import Trouble

_LONGEST_PATH = 200


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, showing nothing of the request: its host name may be the cause. 413: too large."""
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return _too_much(request)
    if speaks_api(request):
        return of_status(request, 400)
    return HttpResponse(loader.render_to_string("errors/400.html"), status=400)


def _too_much(request: HttpRequest) -> HttpResponse:
    if speaks_api(request):
        return of_status(request, 413)
    place = request.get_full_path()
    most = {
        "place": place if len(place) <= _LONGEST_PATH else "",
        "size": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
        "fields": settings.DATA_UPLOAD_MAX_NUMBER_FIELDS,
    }
    return HttpResponse(loader.render_to_string("errors/413.html", most), status=413)


def address_too_long(request: HttpRequest, length: int) -> HttpResponse:
    """414: the URL is longer than any that Commlog produces."""
    if speaks_api(request):
        return of_status(
            request, 414, source=f"the address has {length:,} characters, at most {LONGEST:,} are allowed"
        )
    place = request.path if len(request.path) <= _LONGEST_PATH else ""
    return HttpResponse(
        loader.render_to_string("errors/414.html", {"length": length, "most": LONGEST, "place": place}),
        status=414,
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: names the missing permission. The refusal is audited."""
    audit.denied(request, str(exception))
    return render(request, "errors/403.html", {"reason": str(exception)}, status=403)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 of a form without a valid token: usually a page opened before the last sign-in."""
    return render(request, "errors/stale_form.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if speaks_api(request):
        return of_status(request, 404)
    return render(request, "errors/404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 in database trouble. Without the frame, which may fail again."""
    trouble = availability.trouble_of(sys.exc_info()[1])
    if trouble:
        return unavailable(request, trouble)
    if speaks_api(request):
        return of_status(request, 500)
    named = {"request_id": request_id.get()}
    return HttpResponse(loader.render_to_string("errors/500.html", named), status=500)


def unavailable(request: HttpRequest, trouble: Trouble) -> HttpResponse:
    """503. Never says that nothing was saved: an earlier part may have been."""
    if speaks_api(request):
        return unavailable_answer(request, trouble)
    changes = request.method not in ("GET", "HEAD")
    about = {"trouble": trouble, "changes": changes, "request_id": request_id.get()}
    page = loader.render_to_string("errors/503.html", about)
    return HttpResponse(page, status=503, headers={"Retry-After": str(availability.RETRY_AFTER)})
