"""Icons of all pages, in a stylesheet that a browser fetches once: a page only names them."""

from functools import cache
from urllib.parse import quote
from zlib import crc32

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString
from heroicons.templatetags.heroicons import heroicon_micro

from commlog.kit.markup import format_html
from notifications import channels
from notifications.states import DESCRIPTIONS

register = template.Library()
# What each is called here, and as a heroicon. States and types of messages are called by their constants.
_DRAWN = {
    "QUEUED": "queue-list",
    "QUEUED_FOR_STREAM": "queue-list",
    "SENDING_ASYNC": "paper-airplane",
    "WAITING": "clock",
    "SENT": "check-circle",
    "FAILED": "x-circle",
    "again": "arrow-uturn-left",
    "warning": "exclamation-triangle",
    "hold": "lock-closed",
    "export": "arrow-down-tray",
    "remove": "x-mark",
    "up": "chevron-up",
    "down": "chevron-down",
    "grip": "bars-2",
    "left": "chevron-left",
    "right": "chevron-right",
    "search": "magnifying-glass",
    "copy": "clipboard-document",
    "open": "arrow-top-right-on-square",
    "person": "user-circle",
    "star": "star",
    "resend": "arrow-path",
}
_KEYBOARD = (
    '<svg viewBox="0 0 16 16"><path fill-rule="evenodd" d="M2.5 3A1.5 1.5 0 0 0 1 4.5v7A1.5 1.5 0 0 0 2.5 13h'
    "11a1.5 1.5 0 0 0 1.5-1.5v-7A1.5 1.5 0 0 0 13.5 3zM3 5.2h1.6v1.6H3zm2.8 0h1.6v1.6H5.8zm2.8 0h1.6v1.6H8.6z"
    "m2.8 0H13v1.6h-1.6zM3 8h1.6v1.6H3zm2.8 0h1.6v1.6H5.8zm2.8 0h1.6v1.6H8.6zm2.8 0H13v1.6h-1.6zM5 10.6h6"
    'v1.2H5z"/></svg>'
)


@cache
def stylesheet() -> str:
    """Return a class per icon, `i-SENT`, that sets `--icon` for base.css; a state's also sets `--about`,
    its meaning.
    """
    names = _DRAWN | {str(channel.type): channel.icon for channel in channels.ALL}
    drawn = {name: heroicon_micro(heroicon) for name, heroicon in names.items()} | {"keyboard": _KEYBOARD}
    about = {str(state): f' --about: "{state}: {said}";' for state, said in DESCRIPTIONS.items()}
    rules = ((name, _address(svg), about.get(name, "")) for name, svg in drawn.items())
    return "".join(f'.i-{name} {{ --icon: url("{address}");{said} }}\n' for name, address, said in rules)


def _address(svg: str) -> str:
    """Return the picture as a data URL."""
    alone = " ".join(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).split())
    return "data:image/svg+xml," + quote(alone.replace('"', "'"), safe=" '=:/,()")


@register.simple_tag
@cache
def icons() -> SafeString:
    """Return the link to the stylesheet; its URL changes with its content."""
    version = f"{crc32(stylesheet().encode()):08x}"
    return format_html('<link rel="stylesheet" href="{}?{}">', reverse("icons"), version)


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """Return an icon; the text beside it says what it means."""
    return format_html('<i class="icon i-{}"></i>', name)
