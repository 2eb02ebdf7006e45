"""What whoever runs Commlog has to be told at once: said once, in the transaction of what happened, by mail
and to whoever listens.
"""

from django.conf import settings
from django.db.models import Model
from django.dispatch import Signal

from notifications import outbox
from notifications.channels.email import EmailChannel
from notifications.models import Message

EVENT = "ALERT"

# Sent with `about` (the row), `before` and `after` (what changed), inside the transaction: the back office
# writes its audit trail.
changed = Signal()


def record(about: Model, *, before: dict[str, object], after: dict[str, object]) -> None:
    """Something changed by itself."""
    changed.send(sender=type(about), about=about, before=before, after=after)


def tell(subject: str, text: str) -> Message | None:
    """A mail to ALERT_EMAIL, where one is set.

    It goes the way of every mail: where e-mail is in trouble, it waits with the others.
    """
    if not settings.ALERT_EMAIL:
        return None
    return outbox.enqueue(
        outbox.Draft(
            EmailChannel.type, destination=settings.ALERT_EMAIL, subject=subject, body=text, event=EVENT
        )
    )
