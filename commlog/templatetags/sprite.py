"""The icons that pages repeat."""

from functools import cache

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifications import channels

register = template.Library()


@register.simple_tag
@cache
def sprite() -> SafeString:
    """The icons, drawn once a process: each of them is parsed XML."""
    return render_to_string("components/icons.html", {"channels": channels.ALL})


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """An icon of the sprite; words beside it say what it means."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)
