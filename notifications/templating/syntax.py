"""Placeholders to text. There is no template engine: a placeholder is a name in braces, and nothing but its value takes its place.

What a value holds is never looked at again, so a client who is called {CLIENT_EMAIL} or {0.__class__} is written to by that name.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from html import escape
from urllib.parse import quote

from notifications.templating.decimals import is_plain

PLACEHOLDER = re.compile(r"\{(CF:[^{}\r\n]{1,200}|[A-Za-z_][A-Za-z0-9_]{0,63})\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Place(Enum):
    """Where a text goes, which says what must not be taken for anything but text there."""

    TEXT = "TEXT"
    LINE = "LINE"  # a subject: no line break reaches the mail's head
    HTML = "HTML"
    XML = "XML"
    JSON = "JSON"
    URL = "URL"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A literal text and the placeholder that follows it."""

    literal: str
    name: str  # "" at the end
    quoted: bool  # of a JSON text: whether the placeholder stands inside a string


def names_in(text: str) -> list[str]:
    """The placeholders of a text, each once, in order."""
    return list(dict.fromkeys(found.group(1) for found in PLACEHOLDER.finditer(text)))


def fill(text: str, values: Mapping[str, str], place: Place = Place.TEXT) -> str:
    """The text with the values in place of their names; a missing value is empty."""
    made = "".join(
        piece.literal + (_WRITTEN[place](values.get(piece.name, ""), piece.quoted) if piece.name else "") for piece in _pieces(text)
    )
    return _CONTROL.sub(" ", made).strip() if place is Place.LINE else made


@lru_cache(maxsize=512)
def _pieces(text: str) -> tuple[_Piece, ...]:
    pieces, start, quoted = [], 0, False
    for found in PLACEHOLDER.finditer(text):
        literal = text[start : found.start()]
        quoted = _ends_quoted(literal, quoted)
        pieces.append(_Piece(literal, found.group(1), quoted))
        start = found.end()
    return (*pieces, _Piece(text[start:], "", quoted))


def _ends_quoted(literal: str, quoted: bool) -> bool:
    """Whether what follows this part of a JSON text stands inside a string."""
    escaped = False
    for letter in literal:
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = quoted
        elif letter == '"':
            quoted = not quoted
    return quoted


def _json(value: str, quoted: bool) -> str:
    """Inside a string its characters; outside a number as it is, anything else as a string, and nothing as null."""
    if quoted:
        return json.dumps(value)[1:-1]
    if not value:
        return "null"
    return value if is_plain(value) else json.dumps(value)


def _url(value: str, _quoted: bool) -> str:
    """One piece of a path or a query. Dots alone would climb to another path, and no encoding of them is safe from being undone."""
    return "" if not value.strip(".") else quote(value, safe="")


_WRITTEN = {
    Place.TEXT: lambda value, _: value,
    Place.LINE: lambda value, _: value,
    Place.HTML: lambda value, _: escape(value),
    Place.XML: lambda value, _: escape(_NOT_XML.sub("", value)),
    Place.JSON: _json,
    Place.URL: _url,
}
