"""Subscriptions of clients and groups, audited; used by pages and the API."""

from typing import Any

from django.db import transaction

from commlog import audit
from commlog.audit import AuditAction
from commlog.models import User
from notifications import events
from notifications.models import Client, Group, NotificationTemplate


def choose(owner: Client | Group, template: NotificationTemplate, *, subscribed: bool, by: Any) -> None:
    """Subscribe or unsubscribe. `by`: a user or an API consumer."""
    with transaction.atomic():
        if events.choose(template, owner, subscribed=subscribed, by=by if isinstance(by, User) else None):
            said = {f"subscribed to {template.name}": subscribed}
            audit.record(
                by,
                AuditAction.CHANGED,
                owner,
                before={name: not value for name, value in said.items()},
                after=said,
            )
