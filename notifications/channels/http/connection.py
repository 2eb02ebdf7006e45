"""Connections of requests and urllib3 under one deadline, which record whether anything was sent.

No work is repeated per message: what depends only on the URL is cached, and the only calls to the kernel are
one write, one read and a check that the connection is still open.
"""

import functools
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from notifications.channels.net.connecting import Address, connect
from notifications.channels.net.deadline import Deadline

# seconds; Node and Apache close a kept connection after 5, and a request into a closing one has an unknown
# outcome
IDLE = 4.0
HOSTS = 64  # how many hosts keep connections
KEPT = 16  # connections kept per host
_PORTS = {"http": 80, "https": 443}

# Host and port to the addresses that may be connected to.
Admit = Callable[[str, int, Deadline], Sequence[Address]]


class Call:
    """The state of one exchange, found through its thread: urllib3 has no other way to pass it on."""

    __slots__ = ("admit", "deadline", "status", "written")

    def __init__(self, admit: Admit, deadline: Deadline) -> None:
        self.admit = admit
        self.deadline = deadline
        self.written = False  # something was given to the kernel
        self.status = 0  # of the final status line, once it was read


thread = threading.local()  # its `call`


class _Response(http.client.HTTPResponse):
    """A response that skips every interim answer and records the final status.

    http.client skips only 100, so that 103 looked final.
    """

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == http.HTTPStatus.SWITCHING_PROTOCOLS or not 100 <= status < 200:
                thread.call.status = status
                return version, status, reason
            http.client.parse_headers(self.fp)

    def _check_close(self) -> bool:
        # A connection that switched protocols speaks no HTTP any more (RFC 9110, 15.2.2); http.client would
        # keep it.
        return self.status == http.HTTPStatus.SWITCHING_PROTOCOLS or super()._check_close()  # type: ignore[misc]


class _Watched:
    """The differences of both kinds of connection from urllib3's."""

    sock: socket.socket | None
    used = 0.0
    _pieces: list[bytes] | None = None  # of a request that is being put together

    def _new_conn(self) -> socket.socket:
        call: Call = thread.call
        addresses = call.admit(self._dns_host, self.port, call.deadline)  # type: ignore[attr-defined]
        return connect(addresses, call.deadline)

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        assert self.sock is not None
        # The TLS socket, where it is one; its handshake was bounded by its timeout.
        thread.call.deadline.watch(self.sock)
        # From here on the watchdog sees to the time: a timeout of its own costs a socket a poll each time.
        self.sock.settimeout(None)

    def request(self, *args: Any, **options: Any) -> None:
        """Send head and body in one write: two cost the kernel, and the receiver, twice as much."""
        if self.sock is not None:
            thread.call.deadline.watch(self.sock)
        self._pieces = []
        try:
            super().request(*args, **options)  # type: ignore[misc]
        finally:
            pieces, self._pieces = self._pieces, None
        self.send(b"".join(pieces))

    def send(self, data: Any) -> None:
        if self._pieces is not None:
            self._pieces.append(data)
            return
        if self.sock is None:
            self.connect()
        thread.call.written = True
        super().send(data)  # type: ignore[misc]

    def getresponse(self) -> Any:
        response = super().getresponse()  # type: ignore[misc]
        self.used = time.monotonic()
        return response

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self.used < IDLE and bool(super().is_connected)  # type: ignore[misc]


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
    """Return the TLS context: the certificates of the system and of requests.

    An organisation's own authority is among the system's.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


class Place(NamedTuple):
    """The parts of a URL that a request needs, parsed once."""

    key: Any  # of its pool of connections
    pool: dict[str, Any]  # what the pool is made from
    path: str


class Adapter(HTTPAdapter):
    """The adapter of requests, without its work on each request: proxies, certificates, cookies."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=trust(), **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        self._place = functools.lru_cache(maxsize=1024)(self._read)

    def _read(self, url: str) -> Place:
        parts = urllib3.util.parse_url(url)
        scheme = parts.scheme or ""
        context = self.poolmanager.connection_pool_kw | {
            "scheme": scheme,
            "host": parts.host,
            "port": parts.port or _PORTS[scheme],
        }
        return Place(self.poolmanager.key_fn_by_scheme[scheme](context), context, parts.request_uri)

    def get_connection_with_tls_context(self, request: Any, *_: Any, **__: Any) -> Any:
        place = self._place(request.url)
        return self.poolmanager.connection_from_pool_key(place.key, request_context=dict(place.pool))

    def request_url(self, request: Any, proxies: Any) -> str:
        return self._place(request.url).path

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Do nothing: the pool's context verifies, and loading the bundle for each connection takes 15 ms."""

    def build_response(self, req: Any, resp: Any) -> Any:
        """Return urllib3's answer: that of requests would look for cookies, which nobody keeps."""
        return resp


def prepared(method: str, url: str, headers: Mapping[str, str], body: bytes) -> requests.PreparedRequest:
    """Return a request for a URL in its final form. Preparing it by requests costs more than sending it."""
    request = requests.PreparedRequest()
    request.method = method
    request.url = url
    # Nothing is decoded: no bombs.
    request.headers = CaseInsensitiveDict(
        {**headers, "Content-Length": str(len(body)), "Accept-Encoding": "identity"}
    )
    request.body = body
    return request
