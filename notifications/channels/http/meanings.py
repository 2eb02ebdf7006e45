"""The meanings of HTTP statuses and of broken connections, for webhooks and for gateways that say no more.

Sources: RFC 9110 15 (status codes), RFC 6585 4 (429), RFC 8470 5.2 (425); the words are those of glibc's
getaddrinfo, of Python's ssl (OpenSSL) and of our own (http/exchange.py, net/connecting.py).
"""

import re

from notifications.failures.meanings import Meaning

_OF_STATUS = {
    **dict.fromkeys((400, 409, 411, 412, 414, 415, 422), Meaning.NOT_ACCEPTED),
    **dict.fromkeys((401, 403, 407), Meaning.RECEIVER_SIGN_IN),
    **dict.fromkeys((404, 405, 421), Meaning.WRONG_PLACE),
    410: Meaning.GONE,
    413: Meaning.TOO_LARGE,
    429: Meaning.TOO_MANY,
    **dict.fromkeys((408, 425, 502, 503, 504), Meaning.BUSY),
}
_OF_HUNDREDS = {3: Meaning.WRONG_PLACE, 4: Meaning.UNSAID, 5: Meaning.SERVER_FAILED}
_STATUS = re.compile(r"HTTP (\d{3})\b")
_NAME = re.compile(
    r"name or service not known|name resolution|no address associated|nodename nor servname"
    r"|was not resolved in time|is not a host name|the name has no address",
    re.IGNORECASE,
)
_TLS = re.compile(
    r"certificate|does not speak TLS|speaks TLS|\bSSL\b|\b(?:START)?TLS\b|handshake|hostname mismatch",
    re.IGNORECASE,
)


def of_answer(said: str) -> Meaning | None:
    """Return the meaning of a stored answer, `HTTP 404: …`; None if the text is none."""
    found = _STATUS.match(said)
    if found is None:
        return None
    status = int(found[1])
    return _OF_STATUS.get(status) or _OF_HUNDREDS.get(status // 100)


def of_line(said: str) -> Meaning:
    """Return the meaning of a missing answer, by what happened to the connection."""
    if _NAME.search(said):
        return Meaning.NAME_NOT_FOUND
    return Meaning.CERTIFICATE if _TLS.search(said) else Meaning.UNREACHABLE
