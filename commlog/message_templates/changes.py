"""Templates: create, change, activate and delete, by page or API; each change is audited."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from commlog import audit
from commlog.audit import AuditAction
from commlog.kit.edit_conflicts import Check, without_form
from notifications.channels.webhook import new_secret
from notifications.models import NotificationTemplate
from notifications.secrets.sealed import seal
from notifications.templating.moving import moved_secrets

_RECORDED = (
    "name", "type", "active", "trigger", "event", "target", "recipient", "recipient_role", "trigger_days",
    "match_any", "conditions", "subscription", "subject", "text", "html", "destination", "method",
    "content_type", "auth_username",
)  # fmt: skip


class SecretsMoved(Exception):
    """The URL has another server, and the stored secrets were neither renewed nor removed."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields  # as `moved_secrets` names them


def create(template: NotificationTemplate, *, by: Any) -> str:
    """Store a new template. Return a webhook's signing secret, shown only now; else ""."""
    secret = new_secret() if template.channel.signed else ""
    with transaction.atomic():
        template.signing_secret = seal(secret)
        template.save(force_insert=True)
        audit.record(by, AuditAction.CREATED, template, after=_recorded(template))
    return secret


def change(
    template: NotificationTemplate, *, before: NotificationTemplate, by: Any, check: Check = without_form
) -> None:
    """Store the changes. Raises SecretsMoved.

    `before`: a copy of the template as loaded. `check` is called once the row is locked
    (kit/edit_conflicts.py). Sent messages stay as they were: they hold copies.
    """
    if moved := moved_secrets(before, template):
        raise SecretsMoved(moved)
    with transaction.atomic():
        stored = NotificationTemplate.objects.select_for_update().known().get(pk=template.pk)
        check()
        template.in_use, template.signing_secret = stored.in_use, stored.signing_secret
        # Not asked to switch it: it may have been switched off since it was loaded.
        if template.active == before.active:
            template.active = stored.active
        template.save(update_fields=[*_RECORDED, "headers", "auth_password", "changed_at"])
        hidden = {
            name: "changed"
            for name in ("headers", "auth_password")
            if getattr(stored, name) != getattr(template, name)
        }
        audit.record(
            by, AuditAction.CHANGED, template, before=_recorded(stored), after=_recorded(template) | hidden
        )


def switch(template: NotificationTemplate, *, active: bool, by: Any) -> bool:
    """Activate or deactivate it. Return whether that changed anything. Queued messages are sent anyway."""
    with transaction.atomic():
        now = timezone.now()
        hit = (
            NotificationTemplate.objects.known()
            .filter(pk=template.pk, active=not active)
            .update(active=active, changed_at=now)
        )
        if hit:
            audit.record(by, AuditAction.ACTIVATED if active else AuditAction.DEACTIVATED, template)
    return bool(hit)


def delete(template: NotificationTemplate, *, by: Any) -> None:
    """Delete it. Its row stays for its messages; its name becomes free."""
    with transaction.atomic():
        now = timezone.now()
        if NotificationTemplate.objects.known().filter(pk=template.pk).update(deleted_at=now, active=False):
            audit.record(by, AuditAction.DELETED, template, before=_recorded(template))


def renew_secret(template: NotificationTemplate, *, by: Any) -> str:
    """Return a new signing secret, shown only now. The old one also signs until the next renewal."""
    secret = new_secret()
    with transaction.atomic():
        stored = NotificationTemplate.objects.select_for_update().known().get(pk=template.pk)
        stored.previous_signing_secret, stored.signing_secret = stored.signing_secret, seal(secret)
        stored.save(update_fields=["previous_signing_secret", "signing_secret", "changed_at"])
        audit.record(by, AuditAction.CHANGED, stored, after={"signing_secret": "renewed"})
    return secret


def _recorded(template: NotificationTemplate) -> dict[str, Any]:
    return {name: getattr(template, name) for name in _RECORDED}
