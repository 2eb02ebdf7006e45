"""Webhooks."""

from notifications.channels.webhook.channel import METHODS, WebhookChannel
from notifications.channels.webhook.headers import CONTENT_TYPES, is_reserved, problem

__all__ = ["CONTENT_TYPES", "METHODS", "WebhookChannel", "is_reserved", "problem"]
