"""The bytes of one mail: seven-bit, lines under 998 octets, CR LF throughout, which every server accepts.

Django's EmailMessage takes about ten times as long for the same mail; the tests parse both and compare.
"""

import binascii
import functools
import re
import time
from dataclasses import dataclass
from email.utils import formatdate
from uuid import UUID

from notifications.channels.base.contract import DeliveryError, Envelope, never
from notifications.channels.email.addresses import mailbox
from notifications.failures import Reason

_LINE = 998  # octets, RFC 5322 2.1.1
_FOLD = 76  # octets, RFC 2047 2
# 39 octets make 52 of base64 and, with =?utf-8?b?…?=, 64: beside "Subject: " still under 76.
_WORD_OCTETS = 39

# In a header: controls, and what some reader takes for a line end.
_FORBIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_LOOKS_ENCODED = "=?"  # would be decoded by the reader
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_BODY_PLAIN = re.compile(rf"(?:[\t\x20-\x7e]{{0,{_LINE}}}\n)*[\t\x20-\x7e]{{0,{_LINE}}}")
_LONG_RUN = re.compile(r"[^ ]{70,}")


@dataclass(frozen=True, slots=True)
class Sender:
    """The parsed DEFAULT_FROM_EMAIL or REPLY_TO_EMAIL."""

    address: str
    domain: str
    header: bytes  # without "From: "


@functools.lru_cache(maxsize=16)
def sender(text: str) -> Sender:
    """Parse `name <address>` or an address. Raises ValueError if it is neither, or not exactly one."""
    name, address = mailbox(text)
    written = f"<{address}>".encode()
    if not name:
        header = address.encode()
    elif _PRINTABLE.fullmatch(name) and _LOOKS_ENCODED not in name and len(name) < _FOLD:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        header = f'"{quoted}" '.encode() + written
    else:
        header = _encoded_words(name) + b"\r\n " + written
    return Sender(address, address.rpartition("@")[2], header)


def compose(envelope: Envelope, to: str, origin: Sender, reply_to: Sender | None = None) -> bytes:
    """Return the mail for one address. Raises DeliveryError(NEVER) for what no mail can carry."""
    try:
        plain = _normalised(envelope.body)
        html = _normalised(envelope.html)
        subject = _subject(envelope.subject)
        content = _alternatives(plain, html, envelope.key) if html else _part("plain", plain)
    except UnicodeEncodeError as error:  # lone surrogates
        raise _unsupported("the text contains characters that UTF-8 cannot write") from error
    return b"".join(
        (
            b"From: ",
            origin.header,
            b"\r\nReply-To: " + reply_to.header if reply_to else b"",
            # RFC 3834 5: no automatic reply comes back to what a program sent. What a person wrote does not
            # say so.
            b"" if envelope.by_person else b"\r\nAuto-Submitted: auto-generated",
            b"\r\nTo: ",
            to.encode("ascii"),
            b"\r\nSubject: ",
            subject,
            b"\r\nDate: ",
            _date(int(time.time())),
            # The same over all retries of this message, so that a receiver may recognise a repetition.
            f"\r\nMessage-ID: <{envelope.key.hex}@{origin.domain}>\r\nMIME-Version: 1.0\r\n".encode("ascii"),
            content,
        )
    )


@functools.lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second).encode("ascii")


def _unsupported(detail: str) -> DeliveryError:
    return never(Reason.UNSUPPORTED_ENCODING_EXCEPTION, detail)


def _normalised(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _subject(text: str) -> bytes:
    if _FORBIDDEN.search(text):
        raise _unsupported("the subject contains a line break or another control character")
    plain = _PRINTABLE.fullmatch(text) and text == text.strip() and _LOOKS_ENCODED not in text
    if plain and len(text) <= _FOLD - len("Subject: "):
        return text.encode("ascii")
    if plain and not _LONG_RUN.search(text):
        return _folded(text)
    return _encoded_words(text)


def _folded(text: str) -> bytes:
    """Return the text with line breaks before spaces, which the reader removes: nothing is added or lost."""
    lines, line = [], ""
    for piece in re.findall(r" *[^ ]+", text):
        if line and len(line) + len(piece) > _FOLD - len("Subject: "):
            lines.append(line)
            line = ""
        line += piece
    return "\r\n".join([*lines, line]).encode("ascii")


def _encoded_words(text: str) -> bytes:
    """Return RFC 2047 words of at most 64 octets, each of whole characters.

    The reader drops the spaces between them.
    """
    words, chunk = [], b""
    for character in text:
        encoded = character.encode()
        if len(chunk) + len(encoded) > _WORD_OCTETS:
            words.append(chunk)
            chunk = b""
        chunk += encoded
    return b"\r\n ".join(
        b"=?utf-8?b?" + binascii.b2a_base64(word, newline=False) + b"?=" for word in [*words, chunk]
    )


def _part(kind: str, text: str) -> bytes:
    """Return a text part: headers, an empty line, and the text with its last line ended.

    The lines of `text` end in line feeds alone.
    """
    if _BODY_PLAIN.fullmatch(text):
        encoding, content = b"7bit", text.replace("\n", "\r\n").encode("ascii")
    elif text.isascii():
        # Base64 of a plain text counts as a sign of spam; lines that are too long or odd are quoted instead.
        encoding, content = (
            b"quoted-printable",
            binascii.b2a_qp(text.encode("ascii"), istext=True).replace(b"\n", b"\r\n"),
        )
    else:
        encoding, content = b"base64", _base64_lines(text.replace("\n", "\r\n").encode())
    end = b"" if content.endswith(b"\n") else b"\r\n"
    head = b'Content-Type: text/%b; charset="utf-8"\r\nContent-Transfer-Encoding: %b\r\n\r\n' % (
        kind.encode(),
        encoding,
    )
    return head + content + end


def _base64_lines(octets: bytes) -> bytes:
    encoded = binascii.b2a_base64(octets, newline=False)
    return b"\r\n".join(encoded[start : start + 76] for start in range(0, len(encoded), 76))


def _alternatives(plain: str, html: str, key: UUID) -> bytes:
    """Return the multipart body of the text, if there is one, and the HTML."""
    parts = [_part("plain", plain), _part("html", html)] if plain else [_part("html", html)]
    boundary = b"=_" + key.hex.encode()
    while any(boundary in part for part in parts):  # only a text written for this key would hold it
        boundary += b"_"
    head = b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n'
    return head + b"".join(b"--" + boundary + b"\r\n" + part for part in parts) + b"--" + boundary + b"--\r\n"
