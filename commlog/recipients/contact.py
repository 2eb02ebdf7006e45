"""Correction of one address or number of a client or group."""

from django.db import transaction

from commlog import audit
from commlog.audit import AuditAction
from commlog.kit.edit_conflicts import Check
from commlog.models import User
from commlog.recipients.kinds import kind_of
from commlog.recipients.staff_events import happened
from notifications.models import Client, Group


def correct(recipient: Client | Group, field: str, value: str, *, by: User, check: Check) -> bool:
    """Store and audit the value, and report the event that an edit in the form reports.

    Return whether it changed. `check` is called once the row is locked (commlog.kit.edit_conflicts).
    """
    with transaction.atomic():
        rows = kind_of(recipient).objects.select_for_update(no_key=True)
        stored: Client | Group = rows.get(pk=recipient.pk)
        check()
        before = getattr(stored, field)
        setattr(stored, field, value)
        stored.save(update_fields=[field])
        changed = audit.record(by, AuditAction.CHANGED, stored, before={field: before}, after={field: value})
        if changed:
            happened(stored, "ACTIVITY", by=by, activity="Contact data changed")
    return changed is not None
