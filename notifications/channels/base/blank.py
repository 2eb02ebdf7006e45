"""The test for blank texts: a message that shows nothing is not sent."""

import re
from html import unescape
from unicodedata import category

from notifications.text.spelling import is_unseen

_SPACES_AND_CONTROLS = ("Zs", "Zl", "Zp", "Cc")
# What an HTML text consists of. Each alternative ends at its mark or at the end of the text, so that any text
# is read once.
_PIECE = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<hidden>script|style|title)\b.*?(?:</(?P=hidden)[^>]*>|\Z)|(?P<tag><[a-z/!?][^>]*(?:>|\Z))|(?P<text>[^<]+|<)",
    re.IGNORECASE | re.DOTALL,
)
_FILLED = r"""\s*=\s*(?:"\s*[^"\s]|'\s*[^'\s]|[^\s"'>])"""
_IMAGE = re.compile(
    rf"<(?:svg|canvas|video|object)\b|<(?:img|input)\b[^>]*\s(?:src|srcset|alt){_FILLED}|\sbackground{_FILLED}|\burl\(",
    re.IGNORECASE,
)


def is_blank(text: str) -> bool:
    """Return whether the text has nothing but spaces, controls and invisible characters."""
    return all(category(each) in _SPACES_AND_CONTROLS or is_unseen(each) for each in text)


def is_blank_html(text: str) -> bool:
    """Return whether an HTML text shows neither text nor image. Text that style sheets hide counts."""
    for piece in _PIECE.finditer(text):
        if (tag := piece["tag"]) and _IMAGE.search(tag):
            return False
        if (said := piece["text"]) and not is_blank(unescape(said)):
            return False
    return True
