"""The addresses that a webhook may reach: users' URLs must not lead into Commlog's own network (SSRF)."""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Net = ipaddress.IPv4Network | ipaddress.IPv6Network

# Where clouds hand out credentials: refused even inside an allowed network.
_METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in (
        "169.254.169.254",  # AWS, Google, Azure, most others
        "169.254.170.2",  # AWS containers
        "169.254.170.23",
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's host
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",
        "fd20:ce::254",  # Google
    )
)

# What Python's is_global lets pass, or has let pass in some version, although it leads somewhere else than it
# says.
_REFUSED = tuple(
    ipaddress.ip_network(net)
    for net in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "240.0.0.0/4",
        "64:ff9b::/96",  # NAT64: an IPv4 address in disguise
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local of old
    )
)


def canonical(address: IP) -> IP:
    """Return the IPv4 address inside an IPv6 spelling, or the address without its zone.

    Such spellings are ::ffff:a.b.c.d and ::a.b.c.d.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    number = int(address)
    if number >> 32 in (0, 0xFFFF) and number > 1:  # 0 and 1 are :: and ::1
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    return ipaddress.IPv6Address(number)


def literal(host: str) -> IP | None:
    """Return the address that a resolver reads from a host without asking, or None.

    Examples: 2130706433, 0x7f.1, 017700000001, [::1].
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return canonical(ipaddress.ip_address(bare))
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(bare.rstrip(".")))
    except (OSError, UnicodeError):
        return None


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's rules: WEBHOOK_ALLOWED_NETS."""

    allowed: Sequence[Net] = ()

    def in_allowed_net(self, address: IP) -> bool:
        """Return whether the operator allowed this address, which then may be called on any port."""
        address = canonical(address)
        return address not in _METADATA and any(
            address.version == net.version and address in net for net in self.allowed
        )

    def permits(self, address: IP) -> bool:
        """Return whether this address may be connected to."""
        address = canonical(address)
        if address in _METADATA:
            return False
        if self.in_allowed_net(address):
            return True
        if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
            return False
        return not any(address.version == net.version and address in net for net in _REFUSED)
