"""Mails to users about their own account. Each is a message of the log, with its link hidden."""

from datetime import datetime

from commlog.models import User
from notifications import outbox
from notifications.channels.email import EmailChannel
from notifications.faults import Malformed
from notifications.models import Message
from notifications.secrets import hidden

EVENT = "ACCOUNT_SECURITY"
_END = "If this was not you, tell your administrator at once.\n"


def tell(user: User, subject: str, text: str) -> bool:
    """Mail the user in the caller's transaction. Return False if there is no usable address on file."""
    return send(user, subject, text) is not None


def send(
    user: User, subject: str, text: str, *, link: str = "", until: datetime | None = None
) -> Message | None:
    """Mail the user and return the message. `link`: a hidden last paragraph; not sent after `until`."""
    if not user.email:
        return None
    paragraphs = [hidden.without_mark(f"Hello {user.name},\n\n{text}"), *([hidden.MARK] if link else [])]
    draft = outbox.Draft(
        EmailChannel.type,
        subject=subject,
        body="\n\n".join([*paragraphs, _END]),
        event=EVENT,
        user=user,
        secrets={"body": [link]} if link else {},
        secrets_expire_at=until,
    )
    try:
        return outbox.enqueue(draft)
    except Malformed:
        return None
