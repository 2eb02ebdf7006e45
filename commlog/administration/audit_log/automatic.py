"""Audit entries for automatic changes: circuits, and templates whose recipient is gone."""

from typing import Any

from django.db.models import Model

from commlog import audit
from commlog.audit import AuditAction
from notifications import alerts


def listen() -> None:
    alerts.changed.connect(_record, dispatch_uid="audit")


def _record(about: Model, before: dict[str, Any], after: dict[str, Any], **_: Any) -> None:
    audit.record(None, AuditAction.CHANGED, about, before=before, after=after)
