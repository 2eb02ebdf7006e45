"""How a value is written where it stands, so that a reader of the whole gets the value back and nothing but it."""

import json
import re
from collections.abc import Callable
from html import escape
from urllib.parse import quote

from notifications.templating.decimals import is_plain
from notifications.templating.spots import Spot

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINK = re.compile(r"(?:https?://[^\s/?#\\]|mailto:|tel:)", re.IGNORECASE)
_NOT_IN_LINKS = re.compile(r"""[\x00-\x20\x7f-\xa0\u2028\u2029"'<>\\^`{|}]""")
_NOT_IN_CODE = re.compile(r"[^\w.,%# -]|%(?=[0-9A-Fa-f]{2})")
_ENDS_BARE = re.compile(r"[\t\n\f\r =`\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")  # for any reader
_CDATA = re.compile(r"(\A|\])>")


def _path(value: str) -> str:
    """One piece of a path. Dots alone would climb to another path, and no encoding of them is safe from being undone."""
    return "" if not value.strip(".") else quote(value, safe="")


def _link(value: str) -> str:
    """A URL stays one, if it is of a kind that a reader may follow; anything else is left out."""
    value = value.strip()
    if not _LINK.match(value):
        return ""
    return escape(_NOT_IN_LINKS.sub(lambda found: quote(found.group(), safe=""), value))


def _xml(value: str) -> str:
    return escape(_NOT_XML.sub("", value)).replace("\r", "&#13;")  # a parser makes a line feed of it


def _json_value(value: str) -> str:
    """A number as it is, anything else as a string, and nothing as null."""
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
    # Refused when a template is saved; of one that was saved before, nothing stays that could end a string or a rule.
    Spot.CODE: lambda value: _NOT_IN_CODE.sub("", value),
    Spot.HTML: escape,
    Spot.HTML_BARE: lambda value: _ENDS_BARE.sub(lambda found: f"&#{ord(found.group())};", escape(value)),
    Spot.XML: _xml,
    Spot.XML_ATTRIBUTE: lambda value: _xml(value).replace("\n", "&#10;").replace("\t", "&#9;"),  # else spaces
    Spot.CDATA: lambda value: _CDATA.sub(r"\1]]><![CDATA[>", _NOT_XML.sub("", value)),
    Spot.JSON_STRING: lambda value: json.dumps(value)[1:-1],
    Spot.JSON_VALUE: _json_value,
}
