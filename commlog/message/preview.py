"""HTML e-mails on a screen: sanitised by an allow-list, with a policy of their own, in a sandboxed frame.

The preview is a document of its own, never part of our pages: it runs, loads and submits nothing.
"""

import re
from dataclasses import dataclass
from html import escape
from typing import Any

import nh3
from csp.constants import NONE, SELF, UNSAFE_INLINE

# characters; beyond, cleaning takes seconds (3.6 s for 800 KB of entities), so the source is shown instead
LARGEST = 256 * 1024
POLICY: dict[str, Any] = {
    "sandbox": True,
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "img-src": ["data:"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
}
_TAGS = {
    "a", "abbr", "address", "b", "blockquote", "br", "caption", "center", "cite", "code", "dd", "del", "div",
    "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "ol", "p",
    "pre", "q", "s", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
    "tr", "u", "ul",
}  # fmt: skip
_CELL = {"align", "colspan", "rowspan", "valign"}
_ATTRIBUTES = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "img": {"alt", "src"},
    "ol": {"start"},
    "p": {"align"},
    "div": {"align"},
    "td": _CELL,
    "th": _CELL,
}
_PICTURE = re.compile(r"data:image/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_LINK = re.compile(r"\s*(?:https?:|mailto:)", re.IGNORECASE)
_STYLE = (
    "body{margin:0;padding:16px;font:14px/1.6 "
    "system-ui,sans-serif;color:#1b2330;background:#fff;overflow-wrap:anywhere}"
    "img{max-width:100%}table{max-width:100%;border-collapse:collapse}td,th{padding:2px "
    "6px;vertical-align:top}"
    "pre{white-space:pre-wrap}a{color:#2746c4}.note{margin:0 0 12px;padding:6px "
    "10px;background:#eef0f4;font-size:13px}"
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Sanitised HTML, and the number of external pictures removed."""

    html: str
    blocked: int


def clean(html: str) -> Cleaned:
    """Return the text with harmless tags only. Links stay readable but the sandbox follows none."""
    blocked = 0

    def keep(tag: str, attribute: str, value: str) -> str | None:
        nonlocal blocked
        if (tag, attribute) == ("img", "src") and not _PICTURE.fullmatch(value):
            blocked += 1
            return None
        return None if (tag, attribute) == ("a", "href") and not _LINK.match(value) else value

    made = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style", "title"},
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto", "data"},
        # Which the sandbox refuses, so a click leaves the preview where it is.
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer nofollow",
    )
    return Cleaned(made, blocked)


def document(html: str, *, styled: bool = True) -> str:
    """Return the preview as a document: the sanitised text, or its source if it is too large.

    `styled`: with a style sheet, which the policy of a page with an inline document (`srcdoc`) would block.
    """
    style = f"<style>{_STYLE}</style>" if styled else ""
    if len(html) > LARGEST:
        note = (
            f"This HTML text has {len(html):,} characters, which is too long for a preview. This is "
            "the start of its source."
        )
        return _page(note, f"<pre>{escape(html[:LARGEST])}</pre>", style)
    cleaned = clean(html)
    return _page(_blocked(cleaned.blocked), cleaned.html, style)


def _blocked(number: int) -> str:
    if not number:
        return ""
    pictures = "1 external image is" if number == 1 else f"{number:,} external images are"
    return f"{pictures} not shown: loading them would reveal to others that the e-mail was read here."


def _page(note: str, body: str, style: str) -> str:
    said = f'<p class="note">{escape(note)}</p>' if note else ""
    head = f'<meta charset="utf-8"><meta name="color-scheme" content="light"><title>Preview</title>{style}'
    return f'<!doctype html><html lang="en-GB"><head>{head}</head><body>{said}{body}</body></html>'
