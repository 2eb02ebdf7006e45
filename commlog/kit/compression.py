"""gzip for pages and API responses; never for a response that shows a secret once (DECISIONS.md 108)."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from secrets import randbelow
from typing import cast

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

SHOWN_ONCE = {"Cache-Control": "no-store, no-transform"}  # the headers of an answer with a secret
_SMALL = 1_024  # bytes that are not worth the work
_LEVEL = 1  # a third larger than the usual 6, in a third of the time
_MOST_ADDED = 100  # bytes
_TAKEN = re.compile(r"(^|,)\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*(,|$))|,|$)", re.IGNORECASE)
# Of gzip: its mark, deflate, "a name follows", no time, the fastest, an unknown system.
_HEAD = b"\x1f\x8b\x08\x08\0\0\0\0\x04\xff"


class CompressionMiddleware:
    """Compresses pages and JSON above 1 KB for clients that accept it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if _worth_it(response):
            patch_vary_headers(response, ["Accept-Encoding"])
            if _TAKEN.search(request.headers.get("Accept-Encoding", "")):
                _compress(response)
        return response


def shown_once(response: HttpResponse) -> HttpResponse:
    """Mark a page that shows a key or a secret for the only time."""
    for name, value in SHOWN_ONCE.items():
        response[name] = value
    return response


def _worth_it(response: HttpResponseBase) -> bool:
    kind = response.get("Content-Type", "")
    if not (kind.startswith("text/html") or "json" in kind) or "Content-Encoding" in response:
        return False
    if "no-transform" in response.get("Cache-Control", ""):
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
    """Yield gzip data. A file name of random length, which nobody reads, hides the exact length of the
    content.
    """
    yield _HEAD + b"x" * randbelow(_MOST_ADDED) + b"\0"
    packer = zlib.compressobj(_LEVEL, wbits=-zlib.MAX_WBITS)
    checksum = length = 0
    for piece in pieces:
        checksum, length = zlib.crc32(piece, checksum), length + len(piece)
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush() + checksum.to_bytes(4, "little") + (length & 0xFFFFFFFF).to_bytes(4, "little")
