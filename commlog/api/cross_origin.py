"""CORS for API_ALLOWED_ORIGINS: scripts there send a key. Cookies and stored passwords are not allowed."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

_ASKED = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "*, Authorization",  # which no star covers
    "Access-Control-Max-Age": "3600",
}


def preflight(request: HttpRequest) -> HttpResponse | None:
    """Return the response to a CORS preflight; None for every other request."""
    if (
        request.method == "OPTIONS"
        and _allowed(request)
        and "Access-Control-Request-Method" in request.headers
    ):
        return HttpResponse(status=204, headers=_ASKED)
    return None


def mark(request: HttpRequest, response: HttpResponse) -> None:
    """Let the browser pass the response, with all headers, to the script."""
    if settings.API_ALLOWED_ORIGINS:
        patch_vary_headers(response, ["Origin"])
    if _allowed(request):
        response["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response["Access-Control-Expose-Headers"] = "*"


def _allowed(request: HttpRequest) -> bool:
    return request.headers.get("Origin") in settings.API_ALLOWED_ORIGINS
