"""Providers' answers in a form that may be stored, and the delay that they ask for."""

import codecs
import re
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LIMIT = 8 * 1024  # bytes of UTF-8 that are kept of an answer

# C0 and C1 controls but for tab and line feed, the separators that break lines in some viewers, lone
# surrogates (no database takes them).
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SECONDS = re.compile(r"([0-9]{1,400})(?:\.[0-9]*)?", re.ASCII)
_LONGEST = 1e9  # seconds; what is obeyed of it is for others to say


def in_words(said: bytes, charset: str = "") -> str:
    """Return the text of these bytes: in the charset named, else in UTF-8, else in Windows-1252."""
    said = said[: LIMIT * 2]
    with suppress(LookupError, UnicodeError, ValueError):
        if charset and codecs.lookup(charset)._is_text_encoding:
            return said.decode(charset, "replace")
    text = said.decode("utf-8", "replace")
    return (
        text
        if "\ufffd" not in text or any("\x7f" < each != "\ufffd" for each in text)
        else said.decode("cp1252", "replace")
    )


def unpacked(said: bytes, encoding: str, most: int) -> bytes:
    """Return the beginning of a body that was sent compressed unasked, at most `most` bytes of it."""
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return said
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # gzip or zlib by their heads; deflate without one
        with suppress(zlib.error):
            return zlib.decompressobj(bits).decompress(said, most)
    return said


def cleaned(said: str | bytes, most: int = LIMIT) -> str:
    """Return the text without control characters, cut to `most` bytes."""
    if isinstance(said, bytes):
        said = in_words(said)
    text = _UNWANTED.sub(" ", said[: LIMIT * 2].replace("\r\n", "\n")).strip()
    encoded = text.encode()
    return text if len(encoded) <= most else encoded[: most - 3].decode("utf-8", "ignore") + "…"


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110 10.2.3), a number or an HTTP date; else None."""
    value = (value or "").strip()
    if seconds := _SECONDS.fullmatch(value):
        return min(float(seconds[1]), _LONGEST)
    try:
        at = parsedate_to_datetime(value)
        return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, OverflowError, TypeError):
        return None
