"""The media types of answers: plain JSON, or by the name of the version that a client asks for in Accept."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from commlog.api.codes import Code
from commlog.api.errors import ApiError

JSON = "application/json"
V1, V2 = "application/vnd.mambu.v1+json", "application/vnd.mambu.v2+json"


def check(request: HttpRequest) -> None:
    """Raise ApiError (406) for API v1 alone. Who asks for text gets JSON: some send `text/*` by mistake."""
    if _wanted(request) is None and request.accepts(V1):
        source = f"Accept: this address answers {V2} and {JSON}, and no API v1"
        raise ApiError(406, Code.INVALID_API_OPERATION, source)


def answer_in_kind(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give the answer the media type that was asked for, and say that it depends on Accept."""
    patch_vary_headers(response, ["Accept"])
    if response.get("Content-Type") == JSON:
        response["Content-Type"] = _wanted(request) or JSON


def _wanted(request: HttpRequest) -> str | None:
    """The type that the client likes best, or None where it names neither of ours."""
    return request.get_preferred_type([JSON, V2])
