"""Webhooks."""

from notifications.channels.webhook.channel import METHODS, WebhookChannel, usable_url
from notifications.channels.webhook.headers import (
    CONTENT_TYPES,
    is_reserved,
    password_problem,
    problem,
    username_problem,
)
from notifications.channels.webhook.signing import new_secret, usable_secret
from notifications.channels.webhook.target import Origin, origin

__all__ = [
    "CONTENT_TYPES",
    "METHODS",
    "Origin",
    "WebhookChannel",
    "is_reserved",
    "new_secret",
    "origin",
    "password_problem",
    "problem",
    "usable_secret",
    "usable_url",
    "username_problem",
]
