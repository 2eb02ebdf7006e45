"""One HTTP exchange over requests: under one deadline, with a cap on the answer, and honest about what left this machine.

No Session: so there are no cookies, no redirects, no .netrc and no proxy variables, by construction. urllib3 keeps connections per host.
"""

import functools
import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from notifications.channels.connecting import Address, connect
from notifications.channels.deadline import Deadline
from notifications.channels.detail import cleaned, in_words

CAP = 64 * 1024  # bytes of an answer's body that are read at most
IDLE = 4.0  # seconds; Node and Apache close a kept connection after 5, and a request into a closing one has an unknown outcome
HOSTS = 64  # how many hosts keep connections
KEPT = 16  # connections kept per host

Admit = Callable[[str, int, Deadline], Sequence[Address]]  # host and port to the addresses that may be connected to


class NotHandedOver(Exception):
    """Nothing of the request left this machine."""


class NoAnswer(Exception):
    """The request left, at least in part, and no status came back: it may have arrived."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `whole` is False where the body was cut at the CAP, broke off or ran out of time."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = True

    @property
    def summary(self) -> str:
        """The answer as it is stored: status, then its text."""
        if not self.body:
            return f"HTTP {self.status}"
        charset = requests.utils.get_encoding_from_headers(CaseInsensitiveDict(self.headers)) if "charset" in self._media_type else ""
        return cleaned(f"HTTP {self.status}: {in_words(self.body, charset or '')}")

    @property
    def _media_type(self) -> str:
        return next((value.lower() for name, value in self.headers.items() if name.lower() == "content-type"), "")


class _Call:
    """The state of one exchange, found by the connection through its thread: urllib3 has no other way to hand it down."""

    __slots__ = ("admit", "deadline", "status", "written")

    def __init__(self, admit: Admit, deadline: Deadline) -> None:
        self.admit = admit
        self.deadline = deadline
        self.written = False  # something was given to the kernel
        self.status = 0  # of the final status line, once it was read


_thread = threading.local()


class _Response(http.client.HTTPResponse):
    """Skips every interim answer (http.client skips 100 alone, so 103 Early Hints looked like the result) and notes the final status."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS or not 100 <= status < 200:
                _thread.call.status = status
                return version, status, reason
            http.client.parse_headers(self.fp)

    def _check_close(self) -> bool:
        # A connection that switched protocols speaks no HTTP any more (RFC 9110, 15.2.2); http.client would keep it.
        return self.status == http.HTTPStatus.SWITCHING_PROTOCOLS or super()._check_close()  # type: ignore[misc]


class _Watched:
    """What both kinds of connection do differently from urllib3's."""

    sock: socket.socket | None
    used = 0.0

    def _new_conn(self) -> socket.socket:
        call: _Call = _thread.call
        addresses = call.admit(self._dns_host, self.port, call.deadline)  # type: ignore[attr-defined]
        return connect(addresses, call.deadline)

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        _thread.call.deadline.watch(self.sock)  # the TLS socket, where it is one; its handshake was bounded by its timeout

    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is not None:
            _thread.call.deadline.watch(self.sock)
        super().request(*args, **options)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _thread.call.written = True
        super().send(data)  # type: ignore[misc]

    def getresponse(self) -> Any:
        response = super().getresponse()  # type: ignore[misc]
        self.used = time.monotonic()
        return response

    @property
    def is_connected(self) -> bool:
        return bool(super().is_connected) and time.monotonic() - self.used < IDLE  # type: ignore[misc]


class _PlainConnection(_Watched, HTTPConnection):
    response_class = _Response


class _TlsConnection(_Watched, HTTPSConnection):
    response_class = _Response


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


@functools.cache
def trust() -> ssl.SSLContext:
    """Whom we believe: the system's certificate store (an organisation's own authority is there) and the bundle of requests."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=trust(), **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[Any, Any]:
        parts = urllib3.util.parse_url(request.url)
        return {"scheme": parts.scheme, "host": parts.host, "port": parts.port}, {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The context of the pool verifies; loading the bundle anew for each connection takes 15 ms."""


def prepared(method: str, url: str, headers: Mapping[str, str], body: bytes) -> requests.PreparedRequest:
    """A request whose URL is already in the form that goes out; preparing it by requests costs more than sending it."""
    request = requests.PreparedRequest()
    request.method = method
    request.url = url
    request.headers = CaseInsensitiveDict(headers)
    request.headers["Content-Length"] = str(len(body))
    request.headers["Accept-Encoding"] = "identity"  # and nothing is decoded: no bombs
    request.body = body
    return request


class Wire:
    """Exchanges. One for a channel, used from several threads."""

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._adapter = _Adapter(pool_connections=HOSTS, pool_maxsize=KEPT)

    def exchange(self, request: requests.PreparedRequest, seconds: float) -> Answer:
        """Send and read the answer, all within `seconds`. Raises NotHandedOver or NoAnswer, and what `admit` raises."""
        if self._process != os.getpid():
            self._start()  # forked: the parent's connections are not ours
        with Deadline(seconds) as deadline:
            call = _thread.call = _Call(self._admit, deadline)
            try:
                response = self._adapter.send(request, stream=True, timeout=seconds)
            except (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
                return _without_response(call, error)
            return _read(response)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._adapter.close()


def _without_response(call: _Call, error: Exception) -> Answer:
    if call.status:
        return Answer(call.status, whole=False)  # the status line is the answer; what follows it only explains
    why = f"no answer within {call.deadline.seconds:g} seconds" if call.deadline.expired else innermost(error)
    if call.written:
        raise NoAnswer(why) from error
    raise NotHandedOver(why) from error


def _read(response: requests.Response) -> Answer:
    raw = response.raw
    body, whole = b"", False
    try:
        body = raw.read(CAP + 1, decode_content=False)
        whole = len(body) <= CAP
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError):
        pass  # the status stands; `whole` tells that the text does not
    finally:
        if whole:
            raw.release_conn()
        else:
            raw.close()
    return Answer(response.status_code, response.headers, body[:CAP], whole)


def innermost(error: BaseException) -> str:
    """The words of what really happened, out of the wrappings of requests and urllib3."""
    error = _unwrapped(error)
    if isinstance(error, http.client.BadStatusLine):
        return _not_http(getattr(error, "line", ""))
    if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
        return "the receiver does not speak TLS at this port: is it an http address?"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return cleaned(str(text) or type(error).__name__)


_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG"})


def _not_http(line: str) -> str:
    """What spoke instead of an HTTP/1.1 server, by the first bytes it sent (as Latin-1)."""
    if line.startswith(("\x15\x03", "\x16\x03")):
        return "the receiver speaks TLS, not an HTTP/1.1 answer: the address must begin with https"
    if line.startswith("\x00\x00") or line.upper().startswith("PRI * HTTP/2"):
        return "the receiver speaks HTTP/2, not an HTTP/1.1 answer"
    shown = repr(line.strip()[:80])
    return cleaned(f"not an HTTP/1.1 answer: {shown}") if line.strip("' \r\n") else "the receiver closed the connection without an answer"


def _unwrapped(error: BaseException) -> BaseException:
    for _ in range(8):
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((part for part in error.args if isinstance(part, BaseException)), None) or error.__cause__
        if inner is None:
            break
        error = inner
    return error
