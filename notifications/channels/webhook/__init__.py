"""Webhooks."""

from notifications.channels.webhook.channel import METHODS, WebhookChannel
from notifications.channels.webhook.headers import CONTENT_TYPES, is_reserved, problem
from notifications.channels.webhook.signing import new_secret, secret_problem

__all__ = ["CONTENT_TYPES", "METHODS", "WebhookChannel", "is_reserved", "new_secret", "problem", "secret_problem"]
