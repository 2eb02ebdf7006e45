"""Request bodies: read once, limited in size, and parsed by the strict JSON parser."""

import re
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from gunicorn.http.errors import ParseException

from commlog.api.codes import Code
from commlog.api.errors import ApiError
from commlog.api.json_input import parse
from commlog.api.skeleton import Skeleton
from notifications.faults import Fault, Malformed

_LARGEST_SKELETON = 5_000_000  # bytes
_PIECE = 1_000_000  # bytes
_LEAST_BYTES = 25  # of a value, on average: short ones take many times their bytes once they are read
_TEXTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_JSON = ("application/json", "text/json")


def raw(request: HttpRequest, *, most: int | None = None) -> bytes:
    """Return the bytes of the body. Raises ApiError if it exceeds `most` or its media type is not JSON.

    Long texts of a body over API_LARGEST_BODY are dropped while it is read, which bounds memory.
    """
    known = getattr(request, "_commlog_body", None)
    if known is not None:
        return cast(bytes, known)
    most = settings.API_LARGEST_BODY if most is None else most
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and int(length[:20]) > most:
        source = f"the body has {int(length[:20]):,} bytes, at most {most:,} are allowed"
        raise ApiError(413, Code.BODY_TOO_LARGE, source)
    _check_type(request)
    at_once = min(most, settings.API_LARGEST_BODY)
    content = _next(request, at_once + 1)
    if len(content) > at_once:
        content = _without_texts(request, content, most)
    request._commlog_body = content  # type: ignore[attr-defined]
    return content


def _without_texts(request: HttpRequest, content: bytes, most: int) -> bytes:
    """Return the whole body without its long texts; `content` is its beginning."""
    skeleton, length = Skeleton(), 0
    while content:
        length += len(content)
        if length > most:
            raise ApiError(413, Code.BODY_TOO_LARGE, f"the body has more than {most:,} bytes")
        skeleton.add(content)
        if len(skeleton) > _LARGEST_SKELETON:
            source = f"the body has more than {_LARGEST_SKELETON:,} bytes besides its long texts"
            raise ApiError(413, Code.BODY_TOO_LARGE, source)
        content = _next(request, _PIECE)
    return bytes(skeleton)


def _next(request: HttpRequest, most: int) -> bytes:
    return _in_chunks(request, most) if _ends_by_itself(request) else request.read(most)


def _ends_by_itself(request: HttpRequest) -> bool:
    """Return whether the body is chunked and was read to its end: Django reads no body without a length."""
    return "HTTP_TRANSFER_ENCODING" in request.META and bool(request.META.get("wsgi.input_terminated"))


def _in_chunks(request: HttpRequest, most: int) -> bytes:
    try:
        return cast(bytes, request.META["wsgi.input"].read(most))
    # The server closes the connection: nobody knows where the next call begins.
    except (ParseException, OSError) as error:
        raise ApiError(400, Code.INVALID_PARAMETERS, "the body: its chunks are broken") from error


def read(
    request: HttpRequest, *, most: int | None = None, keep: frozenset[str] | None = None, exact: bool = False
) -> Any:
    """Return the body's JSON value. Raises ApiError if there is none, Malformed. `keep`, `exact`: see
    json_input.
    """
    content = raw(request, most=most)
    if not content.strip():
        source = "the body is missing"
        if "HTTP_TRANSFER_ENCODING" in request.META and not _ends_by_itself(request):
            source += "; send it with a Content-Length, not in chunks"
        raise ApiError(400, Code.MISSING_ENTITY_JSON, source)
    if _has_more_values(content, values := max(_LARGEST_SKELETON, settings.API_LARGEST_BODY) // _LEAST_BYTES):
        raise ApiError(413, Code.BODY_TOO_LARGE, f"the body has more than {values:,} values")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("JSON", Fault.NOT_UTF8, byte=error.start + 1) from error
    return parse(text, keep=keep, exact=exact)


def _has_more_values(content: bytes, most: int) -> bool:
    """Return whether there are more than `most` values; strings are parsed only if commas suggest so."""
    if _marks(content) <= most:
        return False
    found = end = 0
    for text in _TEXTS.finditer(content):
        found += _marks(content, end, text.start())
        end = text.end()
        if found > most:
            return True
    return found + _marks(content, end) > most


def _marks(content: bytes, start: int = 0, end: int | None = None) -> int:
    """Return how many values begin in the range if none of it is inside a string."""
    return sum(content.count(each, start, end) for each in (b",", b"[", b"{"))


def _check_type(request: HttpRequest) -> None:
    given = (request.content_type or "").lower()
    if given and given not in _JSON and not (given.startswith("application/") and given.endswith("+json")):
        source = f"Content-Type must be application/json, not {given[:80]}"
        raise ApiError(415, Code.UNSUPPORTED_MEDIA_TYPE, source)
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise ApiError(415, Code.UNSUPPORTED_MEDIA_TYPE, "the charset of JSON is UTF-8")
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise ApiError(415, Code.UNSUPPORTED_MEDIA_TYPE, "send the body without Content-Encoding")
