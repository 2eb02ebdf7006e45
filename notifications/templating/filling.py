"""A template with its placeholders filled in: what a message copies."""

from typing import Any

from notifications import channels
from notifications.models import NotificationTemplate
from notifications.templating.syntax import Place, fill, names_in
from notifications.templating.values import Values

_FILLED = {"subject": Place.LINE, "html": Place.HTML}
_PLACES = {"application/json": Place.JSON, "application/xml": Place.XML}


def content_of(template: NotificationTemplate, values: Values) -> dict[str, Any]:
    """What a draft takes from the template: texts, destination, and how a webhook is sent."""
    said = {name: getattr(template, name) for name in channels.of(template.type).fields}
    said |= {name: fill(said[name], values, place) for name, place in _FILLED.items() if name in said}
    said["body"] = fill(template.text, values, place_of_text(template))
    if template.for_people:
        return said
    return said | {"destination": fill(template.destination, values, Place.URL), "sealed": True}


def place_of_text(template: NotificationTemplate) -> Place:
    """Where the template's text goes: letters and short messages are text, webhooks and streams what their
    content type says.
    """
    return Place.TEXT if template.for_people else _PLACES.get(template.content_type, Place.TEXT)


def names_of(template: NotificationTemplate) -> dict[str, list[str]]:
    """The placeholders of each of the template's texts."""
    return {name: names_in(getattr(template, name)) for name in ("subject", "text", "html", "destination")}
