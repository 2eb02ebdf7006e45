"""Client addresses: one spelling each, and the network that limits count."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.http import HttpRequest

_LONGEST = 100
_SITE_BITS = 64  # what a provider gives one customer of IPv6: whoever has one address of it has them all
# Proxies write a port too (Azure, HAProxy): 203.0.113.7:51234, [2001:db8::1]:443, [2001:db8::1].
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?")


def parse(text: str) -> str | None:
    """Return the address in a header or of a socket, without port and zone; None if there is none."""
    text = text.strip()[:_LONGEST]
    with_port = _WITH_PORT.fullmatch(text)
    bare = (with_port["six"] or with_port["four"]) if with_port else text
    try:
        found = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return str(_plain(found))


def address_of(request: HttpRequest) -> str | None:
    """Return the client address, verified by TrustedProxyMiddleware."""
    return parse(request.META.get("REMOTE_ADDR", ""))


def network_of(address: str | None) -> str:
    """Return what limits count as one client: an IPv4 address, a /64 of IPv6, or "" if unknown."""
    if address is None:
        return ""
    found = ip_address(address)
    return address if found.version == 4 else str(ip_network((int(found), _SITE_BITS), strict=False))


def _plain(found: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return IPv4-mapped addresses as IPv4: as ::ffff:192.0.2.1 all of IPv4 would be one /64."""
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found
