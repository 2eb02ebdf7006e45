"""One HTTP exchange over requests, under one deadline, that reports truthfully whether anything was sent.

The size of the answer is limited. There is no Session: so there are no cookies, no redirects, no .netrc and
no proxy variables, by construction. urllib3 keeps connections per host.
"""

import functools
import http.client
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from notifications.channels.base.detail import cleaned, in_words, unpacked
from notifications.channels.http.connection import HOSTS, KEPT, Adapter, Admit, Call, thread
from notifications.channels.net.connecting import speaks_no_tls
from notifications.channels.net.deadline import Deadline

CAP = 64 * 1024  # bytes of an answer's body that are read at most


class NotHandedOver(Exception):
    """Nothing of the request left this machine."""


class NoAnswer(Exception):
    """The request left, at least in part, and no status came back: it may have arrived."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `whole` is False if the body was cut at the CAP, broke off or ran out of time."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = True

    @property
    def summary(self) -> str:
        """The answer as it is stored: the status, then its text."""
        if not self.body:
            return f"HTTP {self.status}"
        said = self.headers.get("Content-Type", "")
        charset = _charset(said) if "charset" in said.lower() else ""
        return cleaned(f"HTTP {self.status}: {in_words(self.body, charset)}")


@functools.lru_cache(maxsize=64)
def _charset(content_type: str) -> str:
    return requests.utils.get_encoding_from_headers(CaseInsensitiveDict({"content-type": content_type})) or ""


class Connections:
    """Kept connections to any receivers. One instance per channel, used by several threads."""

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._adapter = Adapter(pool_connections=HOSTS, pool_maxsize=KEPT)

    def exchange(self, request: requests.PreparedRequest, seconds: float) -> Answer:
        """Send and read within `seconds`. Raises NotHandedOver, NoAnswer, and what `admit` raises."""
        if self._process != os.getpid():
            self._start()  # forked: the parent's connections are not ours
        with Deadline(seconds) as deadline:
            call = thread.call = Call(self._admit, deadline)
            try:
                response: Any = self._adapter.send(request)
            except (
                requests.RequestException,
                urllib3.exceptions.HTTPError,
                http.client.HTTPException,
                OSError,
            ) as error:
                return _without_response(call, error)
            return _read(response)

    def close(self) -> None:
        self._adapter.close()


def _without_response(call: Call, error: Exception) -> Answer:
    if call.status:
        # The status line is the answer; what follows it only explains.
        return Answer(call.status, whole=False)
    why = f"no answer within {call.deadline.seconds:g} seconds" if call.deadline.expired else innermost(error)
    if call.written:
        raise NoAnswer(why) from error
    raise NotHandedOver(why) from error


def _read(response: urllib3.BaseHTTPResponse) -> Answer:
    body, whole = b"", False
    try:
        body = response.read(CAP + 1, decode_content=False)
        whole = len(body) <= CAP
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
        body = _so_far(error)  # the status stands; `whole` tells that the text does not
    finally:
        if whole:
            response.release_conn()
        else:
            response.close()
    body, packed = body[:CAP], response.headers.get("Content-Encoding")
    return Answer(response.status, response.headers, unpacked(body, packed, CAP) if packed else body, whole)


def _so_far(error: Exception) -> bytes:
    """Return what arrived of a chunked body before it broke off: whole chunks, and a part of the next."""
    outer = next((part for part in error.args if isinstance(part, http.client.IncompleteRead)), None)
    inner = outer.__cause__ if outer else None
    return (outer.partial if outer else b"") + (
        inner.partial if isinstance(inner, http.client.IncompleteRead) else b""
    )


def innermost(error: BaseException) -> str:
    """Return the text of the original error inside the wrappers of requests and urllib3."""
    error = _unwrapped(error)
    if isinstance(error, http.client.BadStatusLine):
        return _not_http(getattr(error, "line", ""))
    if speaks_no_tls(error):
        return "the receiver does not speak TLS at this port: is it an http address?"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return cleaned(str(text) or type(error).__name__)


_FRAME = re.compile(r"\x00\x00[\x00-\xff][\x04\x07]", re.DOTALL)  # SETTINGS or GOAWAY come first


def _not_http(line: str) -> str:
    """Describe what answered instead of an HTTP/1.1 server, by the first bytes it sent (as Latin-1)."""
    if line.startswith(("\x15\x03", "\x16\x03")):
        return "the receiver speaks TLS, not an HTTP/1.1 answer: the address must begin with https"
    if _FRAME.match(line) or line.upper().startswith("PRI * HTTP/2"):
        return "the receiver speaks HTTP/2, not an HTTP/1.1 answer"
    shown = repr(line.strip()[:80])
    return (
        cleaned(f"not an HTTP/1.1 answer: {shown}")
        if line.strip("' \r\n")
        else "the receiver closed the connection without an answer"
    )


def _unwrapped(error: BaseException) -> BaseException:
    for _ in range(8):
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = (
                next((part for part in error.args if isinstance(part, BaseException)), None)
                or error.__cause__
            )
        if inner is None:
            break
        error = inner
    return error
