"""Resolving names and connecting to addresses, within a deadline."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Any

from notifications.channels.net.deadline import Deadline, DeadlineExceeded

# As socket.getaddrinfo gives it: the family and what connect() takes.
Address = tuple[int, Any]
Lookup = Callable[..., list[tuple[Any, Any, int, str, Any]]]
# What OpenSSL calls it where the other side answers in plain text.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG"})


def speaks_no_tls(error: BaseException) -> bool:
    """Return whether a handshake failed because the other side does not speak TLS at this port."""
    return isinstance(error, ssl.SSLError) and error.reason in _NO_TLS


def resolve(host: str, port: int, deadline: Deadline, lookup: Lookup | None = None) -> list[Address]:
    """Return every TCP address of this host, in the resolver's order. Raises OSError."""
    if _is_literal(host):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    else:
        found = _look_up_in_time(host, port, deadline, lookup or socket.getaddrinfo)
    addresses: list[Address] = [(family, address) for family, _, _, _, address in found]
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
    return addresses


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _look_up_in_time(
    host: str, port: int, deadline: Deadline, lookup: Lookup
) -> list[tuple[Any, Any, int, str, Any]]:
    """Look a name up in a thread, which is abandoned when time is up: the resolver cannot be interrupted."""
    found: list[Any] = []
    failed: list[Exception] = []
    ready = threading.Event()

    def work() -> None:
        try:
            found.extend(lookup(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that IDNA cannot write
            failed.append(error)
        finally:
            ready.set()

    threading.Thread(target=work, name="resolve", daemon=True).start()
    if not ready.wait(deadline.remaining()):
        raise DeadlineExceeded(f"the name {host} was not resolved in time")
    if failed:
        error = failed[0]
        raise (
            error
            if isinstance(error, OSError)
            else socket.gaierror(socket.EAI_NONAME, f"{host} is not a host name")
        )
    return found


class _Socket(socket.socket):
    """A socket that skips unneeded changes of its timeout.

    urllib3 sets the timeout twice per request: each a kernel call, and another thread's turn.
    """

    def settimeout(self, value: float | None) -> None:
        if value != self.gettimeout():
            super().settimeout(value)


def connect(addresses: Sequence[Address], deadline: Deadline, *, more: int = 0) -> socket.socket:
    """Return a connected socket that the deadline watches.

    Addresses are tried in turn. A silent one gets only its share of the time, and so does the first exchange
    over the connection if there are `more` addresses to try after these.
    """
    last: OSError = OSError("there is no address to connect to")
    for position, (family, address) in enumerate(addresses):
        sock = _Socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(deadline.remaining() / (len(addresses) - position + more))
            sock.connect(address)
            deadline.watch(sock)
            sock.settimeout(deadline.remaining() / (1 + more))
        except OSError as error:
            sock.close()
            last = error
        else:
            return sock
    raise last
