"""gzip for what programs are answered.

Pages are not compressed, and no answer that shows a secret (DECISIONS.md 108).
"""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from commlog.api.errors import speaks_api

SHOWN_ONCE = {"Cache-Control": "no-store, no-transform"}  # the headers of an answer with a secret
_SMALL = 1_024  # bytes that are not worth the work
_LEVEL = 1  # a third larger than the usual 6, in a third of the time
_TAKEN = re.compile(r"(^|,)\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*(,|$))|,|$)", re.IGNORECASE)


class CompressionMiddleware:
    """Compresses JSON above 1 KB for callers that take it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if speaks_api(request) and _worth_it(response):
            patch_vary_headers(response, ["Accept-Encoding"])
            if _TAKEN.search(request.headers.get("Accept-Encoding", "")):
                _compress(response)
        return response


def _worth_it(response: HttpResponseBase) -> bool:
    if "json" not in response.get("Content-Type", "") or "no-transform" in response.get("Cache-Control", ""):
        return False
    return response.streaming or len(cast(HttpResponse, response).content) > _SMALL


def _compress(response: HttpResponseBase) -> None:
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = _packed(cast(Iterable[bytes], response.streaming_content))
        del response["Content-Length"]
    elif isinstance(response, HttpResponse):
        response.content = b"".join(_packed([response.content]))
        response["Content-Length"] = str(len(response.content))
    response["Content-Encoding"] = "gzip"
    if response.get("ETag", "").startswith('"'):  # the bytes are others, what they say is the same
        response["ETag"] = f"W/{response['ETag']}"


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(_LEVEL, wbits=zlib.MAX_WBITS | 16)  # 16: as gzip
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
