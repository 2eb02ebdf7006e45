"""A template with its placeholders filled in: what a message copies."""

from typing import Any

from notifications.models import NotificationTemplate
from notifications.states import MessageType
from notifications.templating.syntax import Place, fill, names_in
from notifications.templating.values import Values

_PLACES = {"application/json": Place.JSON, "application/xml": Place.XML}


def content_of(template: NotificationTemplate, values: Values) -> dict[str, Any]:
    """What a draft takes from the template: texts, destination, and how a webhook is sent."""
    if template.type == MessageType.EMAIL:
        return {
            "subject": fill(template.subject, values, Place.LINE),
            "body": fill(template.text, values),
            "html": fill(template.html, values, Place.HTML),
        }
    if template.type == MessageType.SMS:
        return {"body": fill(template.text, values)}
    sent = {"body": fill(template.text, values, place_of_text(template)), "content_type": template.content_type}
    if template.type == MessageType.EVENT_STREAM:
        return sent | {"destination": template.destination}
    return sent | {
        "destination": fill(template.destination, values, Place.URL),
        "method": template.method,
        "headers": template.headers,
        "auth_username": template.auth_username,
        "auth_password": template.auth_password,
        "sealed": True,
    }


def place_of_text(template: NotificationTemplate) -> Place:
    """Where the template's text goes: letters and short messages are text, webhooks and streams what their content type says."""
    return Place.TEXT if template.for_people else _PLACES.get(template.content_type, Place.TEXT)


def names_of(template: NotificationTemplate) -> dict[str, list[str]]:
    """The placeholders of each of the template's texts."""
    return {name: names_in(getattr(template, name)) for name in ("subject", "text", "html", "destination")}
