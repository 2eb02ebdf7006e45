"""Deactivation of a template whose receiver answered 410 Gone."""

from notifications import alerts
from notifications.models import NotificationTemplate
from notifications.secrets.urls import shortened


def retire(template_id: int) -> None:
    """Deactivate the template and notify the owner, once.

    Messages already queued are still tried. Must run inside a transaction.
    """
    if not NotificationTemplate.objects.filter(pk=template_id, active=True).update(active=False):
        return
    template = NotificationTemplate.objects.get(pk=template_id)
    alerts.record(
        template, before={"active": True}, after={"active": False, "reason": "the receiver answered 410 Gone"}
    )
    alerts.tell(
        f"Commlog: the template {template.name} was deactivated",
        f"{shortened(template.destination)} answered 410 Gone: it accepts no more requests. "
        f"The template {template.name} was deactivated.\n\n"
        "If this is a mistake, have the receiver corrected and activate the template again.",
    )
