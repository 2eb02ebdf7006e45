"""Parsing of EMAIL_URL: scheme://user:password@host:port.

The scheme sets security and default port: smtp 25 unencrypted, smtp+tls 587 by STARTTLS, smtps (or smtp+ssl)
465 with TLS from the first byte (RFC 8314 3.3).
"""

import re
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import unquote

EXAMPLES = "smtp://host:25, smtp+tls://user:password@host:587 or smtps://user:password@host:465"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(
    r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*",
    re.IGNORECASE | re.ASCII,
)
_URL = re.compile(
    r"(?P<scheme>[A-Za-z+]+)://(?:(?P<username>[^:/?#]*)(?::(?P<password>[^/?#]*))?@)?"
    r"(?P<host>[^/?#@:\[\]]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<rest>.*)",
    re.DOTALL,
)
# The other way round, a connection hangs or breaks.
_TLS_FROM_THE_FIRST_BYTE = {25: False, 465: True, 587: False}


class _Scheme(NamedTuple):
    """How a connection to a mail server is secured, and the default port."""

    port: int
    starttls: bool = False
    implicit_tls: bool = False


_SCHEMES = {
    "smtp": _Scheme(25),
    "smtp+tls": _Scheme(587, starttls=True),
    "smtps": _Scheme(465, implicit_tls=True),
    "smtp+ssl": _Scheme(465, implicit_tls=True),
}


def read(text: str) -> dict[str, Any]:
    """Return Django's EMAIL_* settings. Raises ValueError without quoting the text: it contains a
    password.
    """
    found = _URL.fullmatch(text)
    scheme = _SCHEMES.get(found["scheme"].lower()) if found else None
    if not found or not scheme:
        raise ValueError("it does not begin with one of these schemes")
    if found["rest"].strip("/"):
        raise ValueError(
            "it goes on after host and port; in user name and password, write / as %2F, ? as %3F and # as %23"
        )
    username, password = (unquote(found[part] or "") for part in ("username", "password"))
    port = int(found["port"] or scheme.port)
    if not is_host(found["host"]) or not 0 < port < 65_536:
        raise ValueError("its host or port cannot be")
    if _TLS_FROM_THE_FIRST_BYTE.get(port, scheme.implicit_tls) != scheme.implicit_tls:
        raise ValueError(
            f"port {port} {'does not speak' if scheme.implicit_tls else 'speaks'} TLS from the first byte"
        )
    if bool(username) != bool(password):
        raise ValueError("a user name and a password come together")
    if not (username + password).isascii() or _CONTROL.search(username + password):
        raise ValueError("the username or password contains a character that SMTP cannot carry")
    return {
        "EMAIL_HOST": found["host"].strip("[]"),
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": username,
        "EMAIL_HOST_PASSWORD": password,
        "EMAIL_USE_TLS": scheme.starttls,
        "EMAIL_USE_SSL": scheme.implicit_tls,
    }


def is_host(text: str) -> bool:
    """Return whether it is a URL's host name or address. Names of containers may have an underscore."""
    if text.startswith("["):
        return text.endswith("]") and _is_address(text[1:-1])
    return len(text) < 255 and _HOST.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
