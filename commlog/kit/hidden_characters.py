"""Invisible and control characters, written out on every page: `⟨U+202E⟩`.

A right-to-left override reverses what follows; an invisible space makes two addresses look alike. Finished
pages are processed, so that no template can forget it; stored, exported and form values are unchanged.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

# Controls but for tab, line feed and return; format characters (category Cf) but for the visible number signs
# of Arabic, Syriac and Kaithi; and the two separators that break lines in some viewers.
_HIDDEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
# Where a joiner or a space without width is part of the spelling: it follows a letter of a script that is
# written with it.
_JOINING = (
    "\u0600-\u07ff\u0840-\u08ff\u0900-\u0dff\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"
    "\u1800-\u18af\ua840-\ua8ff\ufb50-\ufdff\ufe70-\ufefc"
)
# Thai, Lao, Tibetan, Burmese, Khmer
_UNSPACED = "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\uaa60-\uaa7f"
_PICTURES = "\u200d\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
_LEGITIMATE = (
    f"(?<=[{_JOINING}])[\u200c\u200d]",
    f"(?<=[{_UNSPACED}])\u200b(?=[{_UNSPACED}])",
    f"(?<=[{_PICTURES}])\u200d(?=[{_PICTURES}])",  # 👩‍💻
    # The flags of England, Scotland, Wales.
    "(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f",
)
_FOUND = re.compile(f"({'|'.join(_LEGITIMATE)})|[{_HIDDEN}]")
_ANY = re.compile(f"[{_HIDDEN}]")
_PLAIN = bytes({*range(0x20, 0x7F), *b"\t\n\r"})
_MARKUP = re.compile(
    r"""<textarea\b.*?</textarea\s*>|<!--.*?-->|<(?:"[^"]*"|'[^']*'|[^'">])*>""", re.DOTALL | re.IGNORECASE
)
_SHOWN_ATTRIBUTE = re.compile(r"""(?<=\s)(?:title|aria-label|alt|placeholder)\s*=\s*"[^"]*\"""")


class ExactResponse(HttpResponse):
    """A document shown unmodified: an e-mail's own HTML, in a sandboxed frame."""


def written_out(text: str) -> str:
    """Write out hidden characters, except joiners that a script or an emoji needs."""
    if not _ANY.search(text):
        return text
    return _FOUND.sub(lambda found: found.group(1) or f"⟨U+{ord(found.group()):04X}⟩", text)


def written_out_page(page: str) -> str:
    """Write out hidden characters in the visible parts of HTML: texts, titles and labels."""
    parts, last = [], 0
    for found in _MARKUP.finditer(page):
        tag = found.group()
        if _ANY.search(tag):
            tag = _SHOWN_ATTRIBUTE.sub(lambda one: written_out(one.group()), tag)
        parts += [written_out(page[last : found.start()]), tag]
        last = found.end()
    return "".join((*parts, written_out(page[last:])))


def hides_something(page: bytes) -> bool:
    """Return whether UTF-8 text has a hidden character; pure ASCII is decided quickly."""
    return bool(_ANY.search(page.translate(None, _PLAIN).decode()))


class HiddenCharactersMiddleware:
    """Writes out hidden characters on every page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(response, HttpResponse) and not isinstance(response, ExactResponse):
            page = response.headers.get("Content-Type", "").startswith("text/html")
            if page and hides_something(response.content):
                response.content = written_out_page(response.content.decode()).encode()
        return response
