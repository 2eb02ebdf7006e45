"""Filling in a template's placeholders: the content that a message copies."""

from typing import Any

from notifications import channels
from notifications.models import NotificationTemplate
from notifications.secrets.hidden import WORD, Hidden
from notifications.templating.syntax import Place, fill, names_in, secrets_in
from notifications.templating.values import Values

_FILLED = {"subject": Place.LINE, "html": Place.HTML}
_PLACES = {"application/json": Place.JSON, "application/xml": Place.XML}


def content_of(
    template: NotificationTemplate, values: Values, *, secret: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the fields of a draft from the template: texts, destination, and a webhook's settings.

    `secret`: names whose values nobody may read, besides those that the template marks itself.
    """
    secret |= secrets_of(template)
    if secret and template.for_people:
        return _with_gaps(template, values, secret)
    values = values | dict.fromkeys(secret & values.keys(), WORD) if secret else values
    said = {name: getattr(template, name) for name in channels.of(template.type).fields}
    said |= {name: fill(said[name], values, place) for name, place in _FILLED.items() if name in said}
    said["body"] = fill(template.text, values, place_of_text(template))
    if template.for_people:
        return said
    return said | {"destination": fill(template.destination, values, Place.URL), "sealed": True}


def secrets_of(template: NotificationTemplate) -> frozenset[str]:
    """Return the names whose values the template marks secret."""
    return secrets_in(template.text) | secrets_in(template.html)


def _with_gaps(template: NotificationTemplate, values: Values, secret: frozenset[str]) -> dict[str, Any]:
    """Return the same for a template for people, with the secret values beside its texts."""
    said = {name: getattr(template, name) for name in channels.of(template.type).fields}
    shown = values | dict.fromkeys(secret & values.keys(), WORD)
    texts = {"body": (template.text, Place.TEXT), "html": (said.get("html", ""), Place.HTML)}
    left_out = {name: Hidden(secret) for name in texts}
    if "subject" in said:
        said["subject"] = fill(said["subject"], shown, Place.LINE)
    made = {name: fill(text, values, place, hidden=left_out[name]) for name, (text, place) in texts.items()}
    found = {name: each.values for name, each in left_out.items() if each.values}
    return said | {name: made[name] for name in made if name == "body" or name in said} | {"secrets": found}


def place_of_text(template: NotificationTemplate) -> Place:
    """Return the kind of place the text is for: text in letters and SMS, else by the content type."""
    return Place.TEXT if template.for_people else _PLACES.get(template.content_type, Place.TEXT)


def names_of(template: NotificationTemplate) -> dict[str, list[str]]:
    """Return the placeholders of each of the template's texts."""
    return {name: names_in(getattr(template, name)) for name in ("subject", "text", "html", "destination")}
