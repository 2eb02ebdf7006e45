"""Media types of responses: plain JSON, or the versioned type that the client names in Accept."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from commlog.api.codes import Code
from commlog.api.errors import ApiError

JSON = "application/json"
V1, V2 = "application/vnd.mambu.v1+json", "application/vnd.mambu.v2+json"


def check(request: HttpRequest) -> None:
    """Raise ApiError (406) if only API v1 is accepted. `text/*` gets JSON: some clients send it by
    mistake.
    """
    if _wanted(request) is None and request.accepts(V1):
        source = f"Accept: this address answers {V2} and {JSON}, and no API v1"
        raise ApiError(406, Code.INVALID_API_OPERATION, source)


def answer_in_kind(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set the requested media type on the response, and Vary: Accept."""
    patch_vary_headers(response, ["Accept"])
    if response.get("Content-Type") == JSON:
        response["Content-Type"] = _wanted(request) or JSON


def _wanted(request: HttpRequest) -> str | None:
    """Return the client's preferred type, or None if it accepts neither of ours."""
    return request.get_preferred_type([JSON, V2])
