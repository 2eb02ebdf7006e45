"""Replacement of placeholders by values.

Values are never parsed again: a client may be called {0.__class__}.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from urllib.parse import quote

from notifications.secrets.hidden import Hidden, without_mark
from notifications.templating.decimals import is_plain
from notifications.templating.spots import PLACEHOLDER, Place, Spot, names_in, secrets_in, standings
from notifications.text.validation import NOT_IN_A_LINE

__all__ = ["PLACEHOLDER", "Place", "fill", "names_in", "secrets_in"]

_CONTROL = re.compile(f"{NOT_IN_A_LINE}+")
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINK = re.compile(r"(?:https?://[^\s/?#\\]|mailto:|tel:)", re.IGNORECASE)
_NOT_IN_LINKS = re.compile(r"""[\x00-\x20\x7f-\xa0\u2028\u2029"'<>\\^`{|}]""")
_NOT_IN_CODE = re.compile(r"[^\w.,%# -]|%(?=[0-9A-Fa-f]{2})")
# For any reader.
_ENDS_BARE = re.compile(r"[\t\n\f\r =`\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_CDATA = re.compile(r"(\A|\])>")


def _path(value: str) -> str:
    """Return a value as one piece of a path; "" for dots alone.

    They would climb, and no encoding of them is safe.
    """
    return "" if not value.strip(".") else quote(value, safe="")


def _link(value: str) -> str:
    """Return a URL of a kind that a reader may follow; "" for anything else."""
    value = value.strip()
    if not _LINK.match(value):
        return ""
    return escape(_NOT_IN_LINKS.sub(lambda found: quote(found.group(), safe=""), value))


def _xml(value: str) -> str:
    return escape(_NOT_XML.sub("", value)).replace("\r", "&#13;")  # a parser makes a line feed of it


def _json_value(value: str) -> str:
    """Return a number as it is, anything else as a string, and an empty value as null."""
    if not value:
        return "null"
    return value if is_plain(value) else json.dumps(value)


WRITTEN: dict[Spot, Callable[[str], str]] = {
    Spot.TEXT: str,
    Spot.PATH: _path,
    Spot.QUERY: lambda value: quote(value, safe=""),
    Spot.HOST: lambda value: quote(value, safe=""),
    Spot.MAILBOX: lambda value: quote(value, safe="@+"),
    Spot.LINK: _link,
    # Refused when a template is saved; of one that was saved before, nothing stays that could end a string or
    # a rule.
    Spot.CODE: lambda value: _NOT_IN_CODE.sub("", value),
    Spot.HTML: escape,
    Spot.HTML_BARE: lambda value: _ENDS_BARE.sub(lambda found: f"&#{ord(found.group())};", escape(value)),
    Spot.XML: _xml,
    Spot.XML_ATTRIBUTE: lambda value: _xml(value).replace("\n", "&#10;").replace("\t", "&#9;"),  # else spaces
    Spot.CDATA: lambda value: _CDATA.sub(r"\1]]><![CDATA[>", _NOT_XML.sub("", value)),
    Spot.JSON_STRING: lambda value: json.dumps(value)[1:-1],
    Spot.JSON_VALUE: _json_value,
}


@dataclass(frozen=True, slots=True)
class _Piece:
    """A literal text, and the placeholder that follows it."""

    literal: str
    name: str
    write: Callable[[str], str]
    quotes: str  # around the value
    secret: bool

    def filled(self, value: str, hidden: Hidden | None) -> str:
        """Return the escaped value, or a mark in its place if it is left out."""
        written = f"{self.quotes}{self.write(value)}{self.quotes}"
        if hidden is None:
            return written
        return hidden.leave_out(written) if value and (self.secret or self.name in hidden.names) else written


def fill(
    text: str, values: Mapping[str, str], place: Place = Place.TEXT, *, hidden: Hidden | None = None
) -> str:
    """Return the text with the values in place of their names; a missing value is empty.

    `hidden` collects the secret values, which are left out of the text.
    """
    pieces, rest = _pieces(text, place)
    if hidden is not None:
        values = {each.name: without_mark(values.get(each.name, "")) for each in pieces}
    made = (
        "".join(f"{each.literal}{each.filled(values.get(each.name, ''), hidden)}" for each in pieces) + rest
    )
    return _CONTROL.sub(" ", made).strip() if place is Place.LINE else made


@lru_cache(maxsize=512)
def _pieces(text: str, place: Place) -> tuple[tuple[_Piece, ...], str]:
    pieces, start = [], 0
    for each in standings(text, place):
        pieces.append(
            _Piece(
                text[start : each.start],
                each.name,
                WRITTEN[each.spot],
                '"' if each.wrap else "",
                each.secret,
            )
        )
        start = each.end
    return tuple(pieces), text[start:]
