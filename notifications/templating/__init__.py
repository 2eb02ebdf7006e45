"""Templates: filling in placeholders, and checks before a template is saved."""

from notifications.templating import conditions
from notifications.templating.catalogue import (
    OWN_FIELD,
    PLACEHOLDERS,
    Placeholder,
    field_of,
    is_known,
    offered,
)
from notifications.templating.rendering import content_of, names_of, place_of_text
from notifications.templating.syntax import PLACEHOLDER, Place, fill, names_in
from notifications.templating.values import (
    DEEPEST,
    of_client,
    of_event,
    of_group,
    of_now,
    of_recipient,
    spoken,
    told,
)

__all__ = [
    "DEEPEST",
    "OWN_FIELD",
    "PLACEHOLDER",
    "PLACEHOLDERS",
    "Place",
    "Placeholder",
    "conditions",
    "content_of",
    "field_of",
    "fill",
    "is_known",
    "names_in",
    "names_of",
    "of_client",
    "of_event",
    "of_group",
    "of_now",
    "of_recipient",
    "offered",
    "place_of_text",
    "spoken",
    "told",
]
