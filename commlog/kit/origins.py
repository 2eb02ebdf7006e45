"""Where a request came from: one address in one spelling, and the network that it stands for."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.http import HttpRequest

_LONGEST = 100
_SITE_BITS = 64  # what a provider gives one customer of IPv6: whoever has one address of it has them all
# Proxies write a port too (Azure, HAProxy): 203.0.113.7:51234, [2001:db8::1]:443, [2001:db8::1].
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?")


def parse(text: str) -> str | None:
    """The address that a header or a socket names, without port and zone; None where it names none."""
    text = text.strip()[:_LONGEST]
    with_port = _WITH_PORT.fullmatch(text)
    bare = (with_port["six"] or with_port["four"]) if with_port else text
    try:
        found = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return str(_plain(found))


def address_of(request: HttpRequest) -> str | None:
    """Where the request came from; TrustedProxyMiddleware has seen to it that it is true."""
    return parse(request.META.get("REMOTE_ADDR", ""))


def network_of(address: str | None) -> str:
    """What limits count as one: an IPv4 address, a /64 of IPv6, or "" if unknown."""
    if address is None:
        return ""
    found = ip_address(address)
    return address if found.version == 4 else str(ip_network((int(found), _SITE_BITS), strict=False))


def _plain(found: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """IPv4 as itself: as ::ffff:192.0.2.1 the whole of IPv4 would be one /64."""
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found
