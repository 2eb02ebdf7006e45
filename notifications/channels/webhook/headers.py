"""The headers of a webhook: those that the template's author may set, and ours."""

import base64
import re
from collections.abc import Mapping

from notifications.channels.base.contract import Envelope
from notifications.faults import Fault
from notifications.secrets.sealed import HIDDEN, names_a_secret
from notifications.secrets.urls import without_secret_parts

IDEMPOTENCY_KEY = "x-notifications-idempotency-key"  # Mambu's name: the same over all retries of one message
USER_AGENT = "Commlog"

# The author's words for the three content types (Mambu's names) and what they mean.
CONTENT_TYPES: dict[str, str] = {
    "PLAIN_TEXT": "text/plain",
    "APPLICATION_JSON": "application/json",
    "APPLICATION_XML": "application/xml",
}

# RFC 8259 knows no charset parameter; without one, text is read as Latin-1 by some and XML by its
# declaration.
_SENT_AS = {
    "text/plain": "text/plain; charset=utf-8",
    "application/json": "application/json",
    "application/xml": "application/xml; charset=utf-8",
}

_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_VALUE = re.compile(r"[\x20-\x7e]{0,4096}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MOST = 50  # headers
_SHORTEST_SECRET = 4  # characters; shorter ones would tear words apart, and are none

# They frame the request, belong to one hop or are ours to say; an author who sets them is overruled.
_RESERVED = frozenset(
    {
        "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "te", "trailer",
        "connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate",
        "upgrade", "expect", "user-agent", "accept-encoding", IDEMPOTENCY_KEY,
    }
)  # fmt: skip
_RESERVED_PREFIX = "webhook-"  # Standard Webhooks' signatures


def is_reserved(name: str, *, signed_in: bool = False) -> bool:
    """Return whether an author's header is left out. `signed_in`: there are a user name and a password."""
    name = name.lower()
    return name in _RESERVED or name.startswith(_RESERVED_PREFIX) or (signed_in and name == "authorization")


def problem(headers: Mapping[str, str]) -> str:
    """Return what is wrong with an author's headers, in words for a form; "" if nothing is."""
    if len(headers) > _MOST:
        return f"there are more than {_MOST} headers"
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            return "a header's name has letters, digits and hyphens only, at most 64"
        if not _VALUE.fullmatch(value):
            return (
                f"the value of the header {name} contains a line break or a character outside ASCII, or is "
                "too long"
            )
    return ""


def username_problem(username: str) -> Fault | None:
    """Return the fault in a user name of Basic authentication (RFC 7617 2), or None."""
    return Fault.COLON_IN_USERNAME if ":" in username else password_problem(username)


def password_problem(password: str) -> Fault | None:
    """Return the fault in a password of Basic authentication (RFC 7617 2), or None."""
    return Fault.CONTROL_CHARACTER if _CONTROL.search(password) else None


def outgoing(envelope: Envelope) -> dict[str, str]:
    """Return every header except those of framing. The author's come first and never replace ours."""
    signed_in = bool(envelope.auth_username or envelope.auth_password)
    headers = {
        name: value.strip()
        for name, value in envelope.headers.items()
        if not is_reserved(name, signed_in=signed_in)
    }
    headers["Content-Type"] = _SENT_AS[mime(envelope.content_type)]
    headers["User-Agent"] = USER_AGENT
    headers[IDEMPOTENCY_KEY] = str(envelope.key)
    if signed_in:
        pair = f"{envelope.auth_username}:{envelope.auth_password}".encode("utf-8", "replace")  # RFC 7617 2.1
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
    return headers


def without_secrets(said: str, sent: Mapping[str, str], envelope: Envelope) -> str:
    """Return an answer without the secrets that were sent: some receivers echo them."""
    values = {
        envelope.auth_password,
        *envelope.signing_secrets,
        *(value for name, value in sent.items() if names_a_secret(name)),
    }
    words = {word for value in values for word in (value, value.rpartition(" ")[2])}  # of "Bearer x", x too
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST_SECRET:
            said = said.replace(word, HIDDEN)
    return without_secret_parts(said, envelope.destination)


def mime(content_type: str) -> str:
    """Return the content type, plain text by default. Raises KeyError for one outside the three."""
    content_type = content_type or "text/plain"
    if content_type not in _SENT_AS:
        raise KeyError(content_type)
    return content_type
