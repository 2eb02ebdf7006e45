"""Answers of webhooks' receivers, and the class of each.

They cover every status, and breaking off or never ending at each step.
"""

import functools
import zlib
from collections.abc import Callable
from typing import Any

from bench.hostile.servers import RawHttp, reset
from notifications.channels.base.contract import Failure
from notifications.failures import Reason
from notifications.states import Outcome

Class = tuple[Reason, Failure, Outcome]
Behaviour = Callable[[RawHttp, Any], None]

UNKNOWN = (Reason.HTTP_ERROR_WHILE_SENDING, Failure.TRANSIENT, Outcome.UNKNOWN)
NOT_SENT = (Reason.HTTP_ERROR_WHILE_SENDING, Failure.TRANSIENT, Outcome.REFUSED)
REFUSED = (Reason.INVALID_HTTP_RESPONSE, Failure.TRANSIENT, Outcome.REFUSED)
GONE = (Reason.INVALID_HTTP_RESPONSE, Failure.PERMANENT, Outcome.REFUSED)
STATUSES = range(100, 600)


def class_of_status(status: int) -> Class | None:
    """Return the class of an answer with this status; None if it is a success."""
    if 200 <= status < 300:
        return None
    if status < 200 and status != 101:
        return UNKNOWN  # an interim answer, and the final one never comes
    return GONE if status == 410 else REFUSED


def any_status(server: RawHttp, sock: Any) -> None:
    """Answer with the status that ends the path of the last request.

    After an interim status nothing follows but the end.
    """
    status = int(server.requests[-1].split(b" ", 2)[1].rpartition(b"/")[2])
    body = b"" if status in (204, 304) else b"why?"
    location = b"Location: http://127.0.0.1:1/\r\nRetry-After: 1\r\n"
    sock.sendall(b"HTTP/1.1 %d X\r\n" % status + location + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    if status < 200:
        drop(server, sock)


def endless(head: bytes, chunk: bytes) -> Behaviour:
    def behave(server: RawHttp, sock: Any) -> None:
        sock.sendall(head)
        while not server.stopped.is_set():
            sock.sendall(chunk)

    return behave


def then(octets: bytes, action: Behaviour) -> Behaviour:
    def behave(server: RawHttp, sock: Any) -> None:
        sock.sendall(octets)
        action(server, sock)

    return behave


def hang(server: RawHttp, sock: Any) -> None:
    server.stopped.wait(20)


def drop(server: RawHttp, sock: Any) -> None:
    sock.shutdown(2)


NO_STATUS: dict[str, Behaviour] = {
    "drop": drop,
    "reset": lambda server, sock: reset(sock),
    "hang": hang,
    "drip": lambda server, sock: server.drip(sock, b"HTTP/1.1 200 OK\r\n" * 9),
    "half a status": then(b"HTTP/1.1 20", drop),
    "garbage": then(b"\x00\x01\x02\r\n\r\n", drop),
    "not HTTP": then(b"220 mail ESMTP\r\n", hang),
    "a status line without an end": endless(b"HTTP/1.1 200 ", b"x" * 4096),
    "endless 100": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "endless 103": endless(b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"),
    "dripped 100": lambda server, sock: server.drip(sock, b"HTTP/1.1 100 Continue\r\n\r\n" * 9, 0.02),
}


@functools.cache
def _bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b"\x00" * 2**20) for _ in range(100)) + packer.flush()


AFTER_STATUS: dict[str, Behaviour] = {
    "drop": drop,
    "reset": lambda server, sock: reset(sock),
    "hang in the headers": hang,
    "dripped headers": lambda server, sock: server.drip(sock, b"X-Long: " + b"x" * 500),
    "endless headers": endless(b"", b"X-One: more\r\n"),
    "a header of 70 KB": then(b"X: " + b"x" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n", hang),
    "200 headers": then(b"X-One: more\r\n" * 200 + b"Content-Length: 0\r\n\r\n", hang),
    "a body cut short": then(b"Content-Length: 100\r\n\r\nabc", drop),
    "a dripped body": lambda server, sock: server.drip(sock, b"\r\n" + b"x" * 500, 0.02),
    "a body that hangs": then(b"Content-Length: 100\r\n\r\nabc", hang),
    "a body of 100 MB": endless(b"Content-Length: 104857600\r\n\r\n", b"x" * 65536),
    "an endless body": endless(b"\r\n", b"x" * 65536),
    "endless chunks": endless(b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
    "bad chunks": then(b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", hang),
    "a bad length": then(b"Content-Length: many\r\n\r\nabc", hang),
    "a bomb of 100 MB": lambda server, sock: sock.sendall(
        b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_bomb()) + _bomb()
    ),
    "a redirection to itself": lambda server, sock: sock.sendall(
        b"Location: /hook\r\nContent-Length: 0\r\n\r\n"
    ),
}
