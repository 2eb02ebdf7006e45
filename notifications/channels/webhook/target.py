"""A webhook's URL: parsed once, by the parser that also sends, and checked before and while connecting."""

import functools
import ipaddress
import logging
import re
import socket
from dataclasses import dataclass

import requests
import urllib3

from notifications.channels.base.contract import never
from notifications.channels.net.connecting import Address, Lookup, resolve
from notifications.channels.net.deadline import Deadline
from notifications.channels.webhook.addresses import IP, Rules, literal
from notifications.failures import Reason

_log = logging.getLogger(__name__)

_USUAL_PORTS = {"http": 80, "https": 443}
# Parsers differ about these, and a difference between two parsers is how a check is got round.
_SUSPICIOUS = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]")
_HOST = re.compile(r"(?=.{1,254}$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?|\[[0-9A-Fa-f:.]+\]")
_LONGEST = 2048  # characters of a URL


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a URL."""

    url: str  # as it goes out: percent-encoded, the host in punycode, without a fragment
    scheme: str
    host: str
    port: int
    address: IP | None  # where the host is an address, however it is spelled


@functools.lru_cache(maxsize=1024)
def read(url: str) -> Target:
    """Parse a URL. Raises DeliveryError(NEVER)."""
    scheme = url.partition(":")[0].lower()
    if not url.strip():
        raise never(Reason.UNDEFINED_DESTINATION, "the message has no URL")
    if "://" not in url:
        raise never(Reason.UNDEFINED_DESTINATION, "this is not a URL; one begins with https://")
    if scheme not in _USUAL_PORTS:
        raise never(Reason.INVALID_HTTP_PROTOCOL, "the URL does not begin with https://")
    if _SUSPICIOUS.search(url) or len(url) > _LONGEST:
        raise never(
            Reason.UNDEFINED_DESTINATION,
            "the URL is too long or contains a space, a backslash or a control character",
        )
    try:
        request = requests.Request("POST", url).prepare()
        parts = urllib3.util.parse_url(request.url or "")
        port = urllib3.util.parse_url(url).port  # requests drops a port of 0 and would take the usual one
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise never(Reason.UNDEFINED_DESTINATION, "the URL cannot be read") from error
    host = parts.host or ""
    if (
        "@" in url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]
        or parts.auth is not None
    ):
        raise never(
            Reason.UNDEFINED_DESTINATION,
            "the URL contains a username or password; they have their own fields",
        )
    if not _HOST.fullmatch(host) or port == 0:
        raise never(Reason.UNDEFINED_DESTINATION, "the URL names no usable host")
    out = parts._replace(fragment=None).url
    return Target(out, scheme, host, parts.port or _USUAL_PORTS[scheme], literal(host))


Origin = tuple[str, str, int]


def origin(url: str) -> Origin:
    """Return scheme, host and port of a URL, however spelled (RFC 6454). Raises DeliveryError(NEVER)."""
    target = read(url)
    host = str(target.address) if target.address is not None else target.host.lower().removesuffix(".")
    return target.scheme, host, target.port


@dataclass(frozen=True, slots=True)
class Guard:
    """The check of targets: by spelling first, by every address when connecting."""

    rules: Rules
    allow_http: bool
    lookup: Lookup = socket.getaddrinfo

    def check(self, target: Target) -> None:
        """Check what needs no resolver. Raises DeliveryError(NEVER)."""
        if target.scheme != "https" and not self.allow_http:
            raise never(
                Reason.INVALID_HTTP_PROTOCOL,
                "webhooks go to https addresses only; WEBHOOK_ALLOW_HTTP=1 allows plain http",
            )
        if target.address is not None:
            self._judge(target.host, target.port, [target.address])

    def admit(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """Return the addresses to connect to, after permitting every one of them.

        The addresses checked are those connected to, without a second look-up. Raises DeliveryError(NEVER) if
        one of them is refused, OSError if the name does not resolve.
        """
        spelled = literal(host)
        found = resolve(str(spelled) if spelled is not None else host, port, deadline, self.lookup)
        self._judge(host, port, [ipaddress.ip_address(address[0].partition("%")[0]) for _, address in found])
        return found

    def _judge(self, host: str, port: int, addresses: list[IP]) -> None:
        for address in addresses:
            if not self.rules.permits(address):
                _log.warning("webhook to %s refused: %s is not a permitted address", host, address)
                raise never(
                    Reason.BLACKLISTED_URL,
                    f"{host} leads to an address in a private or reserved network. WEBHOOK_ALLOWED_NETS can "
                    "allow the network, "
                    "and WEBHOOK_ALLOW_HTTP=1 plain http.",
                )
        if port not in _USUAL_PORTS.values() and not all(map(self.rules.in_allowed_net, addresses)):
            raise never(
                Reason.BLACKLISTED_URL,
                f"{host}: port {port} is not 80 or 443. Other ports can be called inside "
                "WEBHOOK_ALLOWED_NETS only "
                "(plain http needs WEBHOOK_ALLOW_HTTP=1).",
            )
