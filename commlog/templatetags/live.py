"""The tag `live`: a part of a page that is updated while the page is open (commlog.live)."""

import re
from zlib import crc32

from django import template
from django.template import Context, Node, NodeList, TemplateSyntaxError
from django.template.base import Parser, Token
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()
# What differs each time and means the same: the masks of tokens, and what the page itself counts down.
_EACH_TIME = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"|data-seconds="\d+">[^<]*')


class LiveNode(Node):
    """A part, rendered with its view's variables only, so that it can be rendered without its
    surroundings.
    """

    def __init__(self, name: str, nodelist: NodeList) -> None:
        self.name = name
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        return self.drawn(context)[0]

    def drawn(self, context: Context, *, swap: str = "") -> tuple[SafeString, str]:
        """Return the part and its version. `swap`: how it replaces the old one (htmx's `hx-swap-oob`)."""
        inside = self.nodelist.render(context)
        version = version_of(inside)
        attribute = format_html(' hx-swap-oob="{}"', swap) if swap else ""
        return format_html(
            '<div id="live-{}" class="live" data-version="{}"{}>{}</div>',
            self.name,
            version,
            attribute,
            inside,
        ), version


def version_of(drawn: str) -> str:
    """Return the version of a rendered part."""
    return f"{crc32(_EACH_TIME.sub('', drawn).encode()):08x}"


@register.tag
def live(parser: Parser, token: Token) -> LiveNode:
    """{% live "name" %} … {% endlive %}."""
    parts = token.split_contents()
    if len(parts) != 2 or parts[1][0] != '"':
        raise TemplateSyntaxError('It is written {% live "name" %}.')
    nodelist = parser.parse(("endlive",))
    parser.delete_first_token()
    return LiveNode(parts[1].strip('"'), nodelist)
